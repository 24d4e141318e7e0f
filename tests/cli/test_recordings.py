"""A recording as lines of JSON: what is written is read, and what is none is told by its line."""

import json
import random
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.analysis.dispersion import Base
from deployer.analysis.limits import Limits
from deployer.analysis.replay.recording import Recorded, Recording
from deployer.analysis.replay.trail import trail
from deployer.analysis.terms import Terms
from deployer.errors import UsageError
from deployer.model import Minute
from deployer.operations.recording import FORMAT, lines, read
from deployer.operations.replaying import replayed
from deployer.render.evidence import evidence_document, evidence_text
from deployer.render.replay import replay_document, replay_text

HEAD = json.dumps({"format": FORMAT})
ONE = json.dumps(
    {"start": 60, "share": 50, "candidate": {"requests": 10}, "stable": {"requests": 190}}
)
counts = st.none() | st.integers(0, 10**9)
sides = st.builds(
    Minute, st.just(0.0), counts, st.integers(0, 99), st.integers(0, 99), st.integers(0, 99),
    st.none() | st.floats(0, 60), counts, st.integers(0, 9),
    st.dictionaries(st.text(max_size=5), st.tuples(st.floats(0, 9), st.floats(0, 9)), max_size=2),
)  # fmt: skip


def at(minute: Minute, start: float) -> Minute:
    return Minute(
        start, minute.requests, minute.target_5xx, minute.connection_errors, minute.target_4xx,
        minute.p99_s, minute.slow, minute.failed_open, minute.custom,
    )  # fmt: skip


@given(
    st.lists(st.tuples(st.none() | st.integers(0, 1000), sides, sides), min_size=1, max_size=5),
    st.text(max_size=9),
    st.none() | st.builds(Base, st.none() | st.floats(0, 1), st.floats(1, 50), st.integers(0, 999)),
)
def test_what_is_written_is_read(
    rows: list[tuple[int | None, Minute, Minute]], reason: str, base: Base | None
) -> None:
    minutes = tuple(
        Recorded(60.0 * n, share, at(own, 60.0 * n), at(other, 60.0 * n))
        for n, (share, own, other) in enumerate(rows)
    )
    terms = None if base is None else Terms(Limits(), {"failures": base}, 0.5, 60.0)
    recording = Recording(
        minutes, "shop", "prod", "d1", "canary", "v2", None, 1.5, None, "halted", reason, terms, 9.0
    )
    assert read(lines(recording), "it") == recording


def test_a_file_by_hand_needs_little() -> None:
    found = read([HEAD, "", ONE], "it")
    assert found.minutes[0] == Recorded(60.0, 50, Minute(60.0, 10), Minute(60.0, 190))
    assert (found.terms, found.slow_known, found.status) == (None, False, "")


def test_a_minute_that_is_not_there_has_no_data() -> None:
    found = read([HEAD, ONE, ONE.replace("60", "240")], "it")
    assert [each.start for each in found.minutes] == [60, 120, 180, 240]
    assert found.minutes[1] == Recorded(120.0, None, Minute(120.0, None), Minute(120.0, None))


def terms(**changed: object) -> str:
    limits = {
        **json.loads(lines(Recording((), terms=Terms(Limits())))[0])["terms"]["limits"],
        **changed,
    }
    return json.dumps({"format": FORMAT, "terms": {"limits": limits}})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ([], "it holds no minutes"),
        ([HEAD], "it holds no minutes"),
        (["{", ONE], "it, line 1: "),
        (['{"format": "deployer-recording-2"}', ONE], "it, line 1: Invalid enum value"),
        ([HEAD, "", "[]"], "it, line 3: Expected `object`, got `array`"),
        ([HEAD, ONE.replace("10", "-1")], "it, line 2: Expected `int` >= 0"),
        ([HEAD, ONE.replace("50", "1001")], "it, line 2: Expected `int` <= 1000"),
        ([HEAD, ONE.replace("share", "shares")], "it, line 2: Object contains unknown field `shares`"),
        ([HEAD, ONE.replace("60", "61")], "it, line 2: no minute begins at 61"),
        ([HEAD, ONE, ONE.replace("60", "121")], "it, line 3: no minute begins at 121"),
        ([HEAD, ONE, ONE], "it, line 3: a minute must begin after the one before it"),
        ([HEAD, ONE, ONE.replace("60", "6000000")], "it, line 3: a minute must begin .* within a day"),
        ([terms(alpha=0), ONE], "it, line 1: no rule can be made of its terms: alpha and beta"),
        ([terms(metrics=[]), ONE], "it, line 1: .* each metric is there once"),
        ([terms(metrics=[{"name": "failures", "weight": 0}]), ONE], "it, line 1: .*weights and"),
        ([terms(metrics=[{"name": "failures", "harmful": [0, 1]}]), ONE], "it, line 1: .* harmful"),
        ([terms(warm_up=-1), ONE], "it, line 1: .* minutes are not below 0"),
    ],
)  # fmt: skip
def test_what_is_no_recording(text: list[str], says: str) -> None:
    with pytest.raises(UsageError, match="^" + says):
        read(text, "it")


def test_clumps_are_never_less_than_chance() -> None:
    head = json.dumps({
        "format": FORMAT,
        "terms": {"limits": {}, "bases": {"failures": {"usual": 0.1, "phi": 0.0, "minutes": 9}}},
    })  # fmt: skip
    with pytest.raises(UsageError, match="phi is 1 at least"):
        read([head, ONE], "it")


numbers = st.sampled_from([0.5, 1e-300, 1e300, 0.01, 1.1, 1e9]) | st.floats(1e-9, 0.999)
whole = st.sampled_from([0, 1, 3, 10**6])
metrics = st.fixed_dictionaries(
    {"name": st.sampled_from(["failures", "slow", "orders"])},
    optional={"weight": numbers, "tolerated": numbers, "harmful": st.tuples(numbers, numbers)},
)
any_terms = st.none() | st.fixed_dictionaries(
    {
        "limits": st.fixed_dictionaries(
            {},
            optional={
                "metrics": st.lists(metrics, max_size=3), "alpha": numbers, "beta": numbers,
                "harm_budget": numbers, "warm_up": whole, "delay_min": whole, "max_minutes": whole,
            },
        )
    },
    optional={"requests_per_min": numbers},
)  # fmt: skip
any_side = st.fixed_dictionaries(
    {},
    optional={each: st.sampled_from([0, 1, 10**15]) for each in ("requests", "target_5xx", "slow")},
)


@given(
    any_terms,
    st.lists(st.tuples(st.sampled_from([None, 0, 1, 500, 1000]), any_side, any_side), max_size=6),
)
def test_whatever_a_file_says_it_is_told_or_refused(
    terms: dict[str, object] | None, rows: list[tuple[int | None, object, object]]
) -> None:
    """No number in a file ends in a traceback, or in JSON that is none."""
    text = [json.dumps({"format": FORMAT, "terms": terms})] + [
        json.dumps({"start": 60 * n, "share": share, "candidate": own, "stable": other})
        for n, (share, own, other) in enumerate(rows)
    ]
    try:
        recording = read(text, "it")
        found = replayed(recording, ("ours", "kayenta"), [partial(random.Random, 1)])
    except UsageError:
        return
    json.dumps(replay_document(found, 0.0), allow_nan=False)
    assert replay_text(found).plain
    looks = trail(recording.minutes, recording.terms or Terms(Limits()))
    json.dumps(evidence_document(looks), allow_nan=False)
    assert bool(evidence_text(looks)) == bool(looks)

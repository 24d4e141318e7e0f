"""The table of `recommend`: it has an answer for everybody, and never advises less where more is at stake."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.analysis.dispersion import Base
from deployer.operations.advice.advise import STRATEGY_KEY, advise, changes
from deployer.operations.advice.circumstances import (
    Circumstances,
    affordable,
    facts,
    stage_of,
    verdict_min,
)
from deployer.operations.advice.conditions import AtLeast, AtMost, Below, OneOf, in_words
from deployer.operations.advice.notes import NOTES
from deployer.operations.advice.questions import Criticality, Database, Spare, Stage, Together
from deployer.operations.advice.settings_table import SETTINGS
from deployer.operations.advice.table import CARE, CARE_LEVELS, EVIDENCE, STRATEGY, TABLES, Row
from deployer.settings.reading import vet
from deployer.settings.writing import edited
from tests.advice.safety import safety

FILE = """[service]
name = "shop"
[environments.prod]
region = "us-east-1"
zones = ["us-east-1a", "us-east-1b"]
image = "ami-0abcdef1234567890"
"""
TRAFFIC = (None, 0.0, 0.1, 1.0, 10.0, 60.0, 200.0, 5000.0)

anything = st.builds(
    Circumstances,
    stage=st.sampled_from(Stage),
    criticality=st.sampled_from(Criticality),
    sla=st.one_of(st.sampled_from([0.0, 99.0, 99.9, 99.99]), st.floats(0, 99.9999)),
    error_budget=st.one_of(st.sampled_from([0.0, 100.0]), st.floats(0, 100)),
    traffic=st.one_of(st.sampled_from(TRAFFIC), st.floats(0, 1e6)),
    together=st.sampled_from(Together),
    spare=st.sampled_from(Spare),
    database=st.sampled_from(Database),
)


@given(anything)
def test_every_input_gets_advice_that_the_settings_allow(of: Circumstances) -> None:
    advice = advise(of)
    assert advice.settings[STRATEGY_KEY] == advice.strategy
    vet(edited(FILE, "prod", advice.settings), "prod", "advice")
    for name in ("care", "evidence", "strategy", *advice.settings):
        row = advice.reasons["strategy" if name == STRATEGY_KEY else name]
        assert row.because


def rises(field: str, values: Sequence[Any]) -> list[Callable[[Circumstances], Circumstances]]:
    return [lambda of, v=value: replace(of, **{field: v}) for value in values]  # type: ignore[misc]


STAKES = {
    "criticality": rises("criticality", tuple(Criticality)),
    "stage": rises("stage", tuple(Stage)),
    "sla": rises("sla", (0.0, 90.0, 99.0, 99.89, 99.9, 99.95, 99.99, 99.999)),
    "error budget": rises("error_budget", (100.0, 60.0, 25.0, 24.9, 5.0, 1.0, 0.9, 0.0)),
}


@pytest.mark.parametrize("axis", STAKES)
@settings(deadline=None)
@given(of=anything)
def test_more_at_stake_is_never_less_safe(axis: str, of: Circumstances) -> None:
    rising = [advise(more(of)) for more in STAKES[axis]]
    for less, more in pairwise(rising):
        assert CARE_LEVELS.index(less.care) <= CARE_LEVELS.index(more.care)
        before, after = safety(less), safety(more)
        if less.strategy != more.strategy:
            del before["undecided"]  # beside the old release, or beside nothing: not one scale
        worse = {
            scale: (before[scale], after[scale]) for scale in before if after[scale] < before[scale]
        }
        assert not worse, (less.settings, more.settings)


@given(anything)
def test_a_bigger_budget_of_the_same_kind_is_never_less_safe(of: Circumstances) -> None:
    double, plenty = (safety(advise(replace(of, spare=s))) for s in (Spare.DOUBLE, Spare.PLENTY))
    assert all(plenty[scale] >= double[scale] for scale in double)


@given(anything)
def test_what_must_not_serve_side_by_side_does_not(of: Circumstances) -> None:
    apart = of.together in (Together.NO, Together.BRIEFLY) or of.database is Database.BREAKING
    if apart:
        assert advise(of).strategy == "blue-green"
    if of.together is Together.PER_USER:
        assert advise(of).strategy != "rolling"


@given(anything)
def test_a_budget_for_no_second_group_is_kept_or_told(of: Circumstances) -> None:
    advice = advise(of)
    if of.spare in (Spare.NONE, Spare.LITTLE) and advice.strategy != "rolling":
        assert any("more than the budget allows" in note for note in advice.notes)
    if of.spare is Spare.NONE and advice.settings.get("rolling.surge"):
        assert any("One instance more than the budget" in note for note in advice.notes)


@given(anything)
def test_nobody_is_sent_back_for_want_of_users_alone(of: Circumstances) -> None:
    advice = advise(of)
    if advice.evidence in ("scarce", "unknown") and advice.strategy != "canary":
        assert advice.settings["analysis.inconclusive"] in ("promote", "hold")


CASES = [
    ({}, "canary", "usual"),
    ({"traffic": 200.0}, "canary", "usual"),
    ({"traffic": 0.1}, "blue-green", "usual"),
    ({"traffic": 0.1, "criticality": Criticality.HIGH}, "canary", "high"),
    ({"spare": Spare.LITTLE}, "rolling", "usual"),
    ({"spare": Spare.NONE, "criticality": Criticality.CRITICAL}, "rolling", "utmost"),
    ({"spare": Spare.LITTLE, "together": Together.PER_USER}, "blue-green", "usual"),
    ({"together": Together.PER_USER}, "canary", "usual"),
    ({"together": Together.BRIEFLY, "sla": 99.95}, "blue-green", "high"),
    ({"database": Database.BREAKING, "sla": 99.99}, "blue-green", "utmost"),
    ({"database": Database.ADDITIVE}, "canary", "usual"),
    ({"stage": Stage.DEVELOPMENT, "criticality": Criticality.CRITICAL}, "blue-green", "least"),
    ({"stage": Stage.STAGING, "traffic": 200.0, "sla": 99.99}, "canary", "little"),
    ({"criticality": Criticality.LOW}, "canary", "little"),
    ({"error_budget": 0.0, "criticality": Criticality.LOW}, "canary", "utmost"),
]


@pytest.mark.parametrize(("answers", "strategy", "care"), CASES)
def test_whom_what_is_recommended(answers: dict[str, Any], strategy: str, care: str) -> None:
    advice = advise(Circumstances(**answers))
    assert (advice.strategy, advice.care) == (strategy, care)


def test_a_used_up_error_budget_asks_a_person_whatever_the_strategy() -> None:
    for together, spare in product(Together, Spare):
        advice = advise(Circumstances(error_budget=0, sla=99, together=together, spare=spare))
        asked = ("canary.approve", "blue_green.approve", "rolling.until")
        assert any(advice.settings.get(key) for key in asked)
        assert any("used up" in note for note in advice.notes)


def test_a_release_may_cost_a_hundredth_of_what_is_left() -> None:
    of = Circumstances(sla=99.9, traffic=10, error_budget=50)
    assert affordable(of) == pytest.approx(0.01 * 0.5 * 0.001 * 10 * 30 * 86_400)
    assert advise(of).settings["analysis.harm_budget"] == 50
    assert advise(replace(of, traffic=0.5)).settings["analysis.harm_budget"] == 5
    assert affordable(replace(of, traffic=None)) is None
    assert affordable(replace(of, sla=0)) is None


def test_the_time_to_a_verdict_is_the_analysis_own() -> None:
    times = [verdict_min(Circumstances(traffic=traffic)) for traffic in (1.0, 10.0, 100.0, 1000.0)]
    assert times == sorted((t for t in times if t is not None), reverse=True)
    assert verdict_min(Circumstances(traffic=0)) is None
    assert verdict_min(Circumstances()) is None
    assert advise(Circumstances(traffic=1000)).evidence == "minutes"
    assert advise(Circumstances(traffic=10)).evidence == "hours"
    assert advise(Circumstances(traffic=0)).evidence == "scarce"
    assert advise(Circumstances()).evidence == "unknown"


def test_what_another_answer_would_change_is_told() -> None:
    of = Circumstances(traffic=200.0)
    told = {(each.question, each.answer): each for each in changes(of)}
    assert told["two-versions", "briefly"].advice.strategy == "blue-green"
    assert told["budget", "little"].advice.strategy == "rolling"
    assert told["criticality", "critical"].settings
    for each in told.values():
        assert each.advice != advise(of)


@given(anything)
def test_no_strategy_that_one_answer_would_bring_is_left_out(of: Circumstances) -> None:
    now, told = advise(of).strategy, {each.advice.strategy for each in changes(of)}
    others = [replace(of, together=each) for each in Together]
    others += [replace(of, spare=each) for each in Spare]
    others += [replace(of, database=each) for each in Database]
    assert {advise(other).strategy for other in others} <= {now, *told}


def every_row() -> list[Row]:
    return [row for rows in (*TABLES.values(), *SETTINGS.values()) for row in rows]


def test_every_table_has_an_answer_for_whatever_comes() -> None:
    for last_one in (CARE[-1], EVIDENCE[-1], STRATEGY[-1]):
        assert last_one.when == ()
    for strategy, rows in SETTINGS.items():
        last = {row.decides: row for row in rows}
        open_ended = {key for key, row in last.items() if row.when}
        assert open_ended == ({"environment.stickiness"} if strategy == "canary" else set())


def test_no_row_is_dead() -> None:
    traffic = (None, 0.0, 0.1, 1.0, 4.0, 10.0, 20.0, 50.0, 100.0, 200.0)
    stakes = product(Stage, Criticality, (0.0, 99.9, 99.99), (100.0, 20.0, 0.0), traffic)
    used: set[int] = set()
    for stage, criticality, sla, left, load in stakes:
        of = Circumstances(stage, criticality, sla, left, load)
        ways = [of] if stage is not Stage.PRODUCTION else [
            of, replace(of, spare=Spare.PLENTY), replace(of, together=Together.PER_USER),
        ]  # fmt: skip
        if load in (None, 0.1, 200.0):
            ways += [replace(of, spare=spare) for spare in (Spare.NONE, Spare.LITTLE)]
            ways += [
                replace(of, together=Together.NO, spare=s) for s in (Spare.DOUBLE, Spare.PLENTY)
            ]
        used |= {id(row) for each in ways for row in advise(each).reasons.values()}
    often = {"failures": Base(usual=0.3), "slow": Base(usual=0.3)}
    few = Circumstances(traffic=0.4, together=Together.NO, usual=often)
    assert advise(few).evidence == "hours"
    odd = (
        few,
        replace(few, criticality=Criticality.HIGH),
        Circumstances(database=Database.BREAKING),
        Circumstances(together=Together.PER_USER, spare=Spare.NONE),
    )
    used |= {id(row) for each in odd for row in advise(each).reasons.values()}
    dead = [
        f"{r.decides} = {r.value}: {in_words(r.when)}" for r in every_row() if id(r) not in used
    ]
    assert dead == []


def test_conditions_speak_of_facts_that_there_are() -> None:
    known = {*facts(Circumstances()), "care", "evidence", "strategy"}
    conditions = [c for row in every_row() for c in row.when] + [c for n in NOTES for c in n.when]
    assert {condition.fact for condition in conditions} <= known


def test_what_is_not_known_fits_no_bound() -> None:
    for condition in (AtLeast("traffic", 0), AtMost("traffic", 1e9), Below("traffic", 1e9)):
        assert not condition.holds({"traffic": None})
    assert AtLeast("traffic", 5).holds({"traffic": 5})
    assert AtMost("traffic", 5).holds({"traffic": 5})
    assert not Below("traffic", 5).holds({"traffic": 5})
    assert OneOf("stage", ("staging",)).holds({"stage": Stage.STAGING})
    assert in_words(()) == "otherwise"
    assert str(AtMost("verdict", 30)) == "time to a verdict 30 min at most"
    assert in_words((AtLeast("sla", 99.9), Below("traffic", 5))) == (
        "availability promised 99.9 % or more, traffic below 5 requests/s"
    )


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("prod", "production"), ("prod-eu", "production"), ("live", "production"),
        ("dev", "development"), ("shop-test", "development"), ("pr-17", "development"),
        ("staging", "staging"), ("eu-uat", "staging"), ("contest", "production"),
    ],
)  # fmt: skip
def test_an_environments_name_tells_what_it_is(name: str, stage: str) -> None:
    assert stage_of(name) == stage

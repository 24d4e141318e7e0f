"""What people may ask, when, and what it does: every status, every kind of step, paused and not."""

from typing import Any

import pytest
from msgspec.structs import replace

from deployer.engine import control
from deployer.errors import Aborted, NotPossibleNow
from deployer.intent import Intent
from deployer.journal import Ask, Request
from deployer.model import Release, Weights
from deployer.plan import Deployment, Plan, Status
from deployer.planning import strategies
from deployer.steps.bake import Bake
from deployer.steps.linger import Linger
from tests.unit.world import BLUE, NOW, instances, slot, snapshot

SEEN = snapshot(Weights(1000, 0), slot(BLUE, *instances(4)))
INTENT = Intent(release=Release("v2"), weights=(50,), approve=(50, 1000))
CANARY = strategies.canary(SEEN, INTENT)
BLUE_GREEN = strategies.blue_green(SEEN, replace(INTENT, approve=(1000,)))

A, P, R, M, F, OK = (
    Ask.ABORT, Ask.PAUSE, Ask.RESUME, Ask.PROMOTE, Ask.PROMOTE_FULL, Ask.APPROVE,
)  # fmt: skip
SENSE = {
    "canary": (CANARY, [
        ("provision", {A, P}), ("probe", {A, P}),
        ("route blue 95", {A, P, F}), ("bake", {A, P, M, F}), ("wait for approval", {A, P, F, OK}),
        ("route blue 0", {A, P}), ("bake", {A, P, M}), ("wait for approval", {A, P, OK}),
        ("linger", {A, P}), ("retire", {A, P}),
    ]),
    "blue-green": (BLUE_GREEN, [
        ("provision", {A, P}), ("probe", {A, P}),
        ("route blue 0", {A, P}), ("bake", {A, P, M}), ("wait for approval", {A, P, OK}),
        ("keep blue warm", {A, P, M}), ("retire", {A, P}),
    ]),
}  # fmt: skip
STEPS = [
    pytest.param(plan, cursor, words, asks, id=f"{name}-{cursor}-{words}")
    for name, (plan, rows) in SENSE.items()
    for cursor, (words, asks) in enumerate(rows)
]


def deployment(plan: Plan = CANARY, **facts: object) -> Deployment:
    record = Deployment(
        id="d1", environment="prod", status=Status.RUNNING, plan=plan, started_at=NOW - 100.0,
        entered_at=NOW - 40.0, written=Weights(1000, 0),
    )  # fmt: skip
    return replace(record, **facts)


def wish(ask: Ask) -> Request:
    return Request(ask, "alice", "r1")


def test_the_tables_name_every_step() -> None:
    for plan, rows in SENSE.values():
        assert len(rows) == len(plan.steps)


@pytest.mark.parametrize(("plan", "cursor", "words", "asks"), STEPS)
def test_what_may_be_asked_while_it_runs(
    plan: Plan, cursor: int, words: str, asks: set[Ask]
) -> None:
    record = deployment(plan, cursor=cursor)
    assert record.step.describe().startswith(words)
    assert set(control.possible(record)) == asks
    paused = replace(record, paused_at=NOW)
    assert set(control.possible(paused)) == (asks - {P}) | {R}


@pytest.mark.parametrize("paused_at", [None, NOW])
@pytest.mark.parametrize("status", [status for status in Status if status is not Status.RUNNING])
@pytest.mark.parametrize(("plan", "cursor", "words", "asks"), STEPS)
def test_nothing_may_be_asked_of_what_goes_back_or_has_ended(
    *, plan: Plan, cursor: int, words: str, asks: set[Ask], status: Status, paused_at: float | None
) -> None:
    record = deployment(plan, cursor=cursor, status=status, paused_at=paused_at)
    assert control.possible(record) == ()
    for ask in (A, P, R, M, F, OK):
        with pytest.raises(NotPossibleNow, match=r"d1 (is on its way back|has ended)"):
            control.require_possible(record, ask)
        granted = control.grant(record, wish(ask), NOW)
        assert replace(granted, log=(), heeded="", actors=(), audit=()) == record
        assert granted.log[-1].kind == "refused"


@pytest.mark.parametrize("paused_at", [None, NOW])
@pytest.mark.parametrize(("plan", "cursor", "words", "asks"), STEPS)
def test_a_refusal_says_what_is_possible(
    *, plan: Plan, cursor: int, words: str, asks: set[Ask], paused_at: float | None
) -> None:
    record = deployment(plan, cursor=cursor, paused_at=paused_at)
    sensible = control.possible(record)
    for ask in (A, P, R, M, F, OK):
        if ask in sensible:
            control.require_possible(record, ask)
            continue
        with pytest.raises(NotPossibleNow) as refusal:
            control.require_possible(record, ask)
        said = str(refusal.value)
        assert f"`deployer {ask}` is not possible now" in said
        assert ("is paused" if paused_at else "runs") in said
        assert said.endswith(", ".join(f"`deployer {other}`" for other in sensible))


@pytest.mark.parametrize("paused_at", [None, NOW - 30.0])
@pytest.mark.parametrize(("plan", "cursor", "words", "asks"), STEPS)
def test_each_wish_is_heeded_once_granted_or_not(
    *, plan: Plan, cursor: int, words: str, asks: set[Ask], paused_at: float | None
) -> None:
    record = deployment(plan, cursor=cursor, paused_at=paused_at)
    for ask in (A, P, R, M, F, OK):
        sensible = ask in control.possible(record)
        if ask is Ask.ABORT:
            with pytest.raises(Aborted, match="aborted by alice"):
                control.grant(record, wish(ask), NOW)
            continue
        granted = control.grant(record, wish(ask), NOW)
        assert granted.heeded == "r1"
        assert [event.kind for event in granted.log] == ["asked" if sensible else "refused"]
        unchanged = replace(granted, log=(), heeded="", actors=(), audit=()) == record
        assert unchanged is not sensible


def at(words: str, which: int = 0, **facts: Any) -> Deployment:
    """The canary in its step number `which` whose description begins with `words`."""
    found = [n for n, step in enumerate(CANARY.steps) if step.describe().startswith(words)]
    return deployment(cursor=found[which], **facts)


def granted(record: Deployment, ask: Ask) -> Deployment:
    return control.grant(record, wish(ask), NOW)


def test_a_pause_stops_the_clock_and_a_resume_lets_it_go_on() -> None:
    paused = granted(at("bake"), Ask.PAUSE)
    assert (paused.paused_at, paused.entered_at) == (NOW, NOW - 40.0)
    resumed = control.grant(paused, Request(Ask.RESUME, "bob", "r2"), NOW + 500.0)
    assert (resumed.paused_at, resumed.entered_at) == (None, NOW + 460.0)
    assert resumed.held_s == 500.0
    assert resumed.past_its_step(NOW + 600.0).held_s == 0.0
    assert resumed.cursor == paused.cursor
    assert [event.note for event in resumed.log] == ["pause by alice", "resume by bob"]


@pytest.mark.parametrize("resumed_at", [NOW - 1_000.0, NOW - 10.0, NOW + 200.0])
def test_a_pause_is_no_part_of_a_deadline_that_began_anew(resumed_at: float) -> None:
    """Its runner had died for so long that the deadline runs from when the next one took it up."""
    paused = granted(at("bake", entered_at=NOW - 40_000.0), Ask.PAUSE)
    paused = replace(paused, resumed_at=resumed_at)
    resumed = control.grant(paused, Request(Ask.RESUME, "bob", "r2"), NOW + 500.0)
    left_s = paused.step.deadline_s - max(NOW - resumed_at, 0.0)
    assert resumed.due_at == NOW + 500.0 + left_s


@pytest.mark.parametrize("paused_at", [None, NOW - 30.0])
@pytest.mark.parametrize(
    ("words", "ask", "lands_at"),
    [
        ("bake", Ask.PROMOTE, "wait for approval"),
        ("wait for approval", Ask.APPROVE, "route blue 0"),
        ("route blue 95", Ask.PROMOTE_FULL, "route blue 0"),
        ("bake", Ask.PROMOTE_FULL, "route blue 0"),
        ("wait for approval", Ask.PROMOTE_FULL, "route blue 0"),
    ],
)
def test_what_moves_it_on_starts_the_next_step_afresh(
    words: str, ask: Ask, lands_at: str, paused_at: float | None
) -> None:
    after = granted(at(words, paused_at=paused_at), ask)
    assert after.step.describe().startswith(lands_at)
    assert (after.entered_at, after.paused_at) == (NOW, None)
    assert after.status is Status.RUNNING


WINDOW = next(n for n, step in enumerate(BLUE_GREEN.steps) if isinstance(step, Linger))


@pytest.mark.parametrize(
    ("paused_at", "entered_at", "silent_within_s"),
    [(None, NOW - 40.0, 640.0), (NOW - 30.0, NOW - 10.0, 610.0)],
)
def test_a_window_that_is_cut_short_still_waits_for_silence(
    paused_at: float | None, entered_at: float, silent_within_s: float
) -> None:
    """Of an hour and ten minutes of silence after it, the ten minutes stay."""
    record = deployment(BLUE_GREEN, cursor=WINDOW, paused_at=paused_at)
    after = granted(record, Ask.PROMOTE)
    assert (after.cursor, after.paused_at, after.entered_at) == (WINDOW, None, entered_at)
    before, cut = record.step, after.step
    assert isinstance(before, Linger)
    assert cut == replace(before, least_s=0.0, linger_s=silent_within_s)
    assert cut.describe().startswith("linger: keep blue until it is silent (at most ")
    assert after.plan == replace(
        BLUE_GREEN, steps=(*BLUE_GREEN.steps[:WINDOW], cut, *BLUE_GREEN.steps[WINDOW + 1 :])
    )
    assert Ask.PROMOTE not in control.possible(after)
    again = control.grant(after, Request(Ask.PROMOTE, "bob", "r2"), NOW)
    assert again.step == cut
    assert again.log[-1].kind == "refused"


@pytest.mark.parametrize("elapsed_s", [0.0, 3599.0, 3600.0, 4000.0, 4200.0, 9999.0])
def test_a_cut_never_waits_longer_than_the_window_would_have(elapsed_s: float) -> None:
    window = BLUE_GREEN.steps[WINDOW]
    assert isinstance(window, Linger)
    cut = window.cut(elapsed_s)
    assert cut.linger_s == min(window.linger_s, elapsed_s + 600.0)
    assert cut.linger_s < cut.deadline_s


@pytest.mark.parametrize("ask", [Ask.PROMOTE, Ask.APPROVE])
def test_a_plan_that_ends_where_people_hurry_it_ends(ask: Ask) -> None:
    """Not every plan has something to clear away after its last bake."""
    last = 1 + next(
        n for n, step in enumerate(CANARY.steps)
        if isinstance(step, Bake) is (ask is Ask.PROMOTE) and ask in possible_at(n)
    )  # fmt: skip
    short = replace(CANARY, steps=CANARY.steps[:last])
    after = granted(deployment(short, cursor=last - 1), ask)
    assert (after.status, after.finished_at) == (Status.SHIPPED, NOW)


def possible_at(cursor: int) -> tuple[Ask, ...]:
    return control.possible(deployment(cursor=cursor))


def test_there_is_no_full_promotion_where_no_step_gives_everything() -> None:
    half = replace(CANARY, steps=CANARY.steps[:5])
    assert control.full_route(deployment(half, cursor=3)) is None
    assert Ask.PROMOTE_FULL not in control.possible(deployment(half, cursor=3))

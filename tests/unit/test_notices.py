"""What is told of a deployment is read off its record: the same by whoever looks, each thing once."""

from collections.abc import Mapping
from dataclasses import replace as altered

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from deployer.journal import NOT_BEGUN, Ask
from deployer.model import Weights
from deployer.news import URGENT, Kind
from deployer.operations.notice_document import document
from deployer.operations.notices import (
    LATE_S,
    STALE_S,
    Notice,
    Place,
    kinds_of,
    notices,
)
from deployer.operations.notifying import Notifying
from deployer.plan import RETIRE, Deployment, Event, Status
from deployer.planning import strategies
from deployer.steps.bake import held
from tests.crash.test_supervisor import record
from tests.sim.fleet import Behaviour
from tests.sim.outbox import SimOutbox
from tests.sim.people import ask_at
from tests.sim.play import INTENT, Play, play

PLACE = Place("shop", "sim", lambda deployment: f"s3://reports/{deployment.id}")
BAD: Mapping[str, Behaviour] = {"v2": Behaviour(errors=30)}


def shipped(sim: Play, **intent: object) -> tuple[Deployment, SimOutbox]:
    """A canary to its end, and what was told on the way."""
    outbox = SimOutbox(PLACE)
    runner = sim.runner("a #1")
    begun = sim.open(runner, replace(INTENT, **intent), strategies.canary, "d1")
    told = altered(runner, tell=Notifying(outbox, runner.tell))
    return told.run(begun), outbox


def test_a_canary_tells_its_course_in_order_and_each_thing_once() -> None:
    done, outbox = shipped(play())
    kinds = [notice.kinds for notice in outbox.told]
    assert kinds[0] == (Kind.START,)
    assert kinds[-1] == (Kind.END,)
    assert kinds.count((Kind.VERDICT, Kind.STEP)) == 3
    assert len(kinds) == len(done.plan.steps) + 2
    assert outbox.titles(Kind.VERDICT) == ["shop/sim: verdict on v2: pass"] * 3
    assert outbox.titles(Kind.END) == ["shop/sim: v2 shipped"]
    assert [one.id for one in outbox.told] == [one.id for one in notices(PLACE, done)]
    times = [one.at for one in outbox.told]
    assert times == sorted(times)


def test_a_bad_one_is_one_notice_for_whoever_wants_verdicts_or_ways_back() -> None:
    done, outbox = shipped(play(behaviours=BAD))
    assert done.status is Status.ROLLED_BACK
    (back,) = [one for one in outbox.told if Kind.ROLLBACK in one.kinds]
    assert back.kinds == (Kind.ROLLBACK, Kind.VERDICT)
    assert back.urgent
    assert back.detail["verdict"] == "fail"
    assert done.reason in back.words
    assert outbox.titles(Kind.END) == ["shop/sim: v2 rolled back"]
    assert "deployer --env sim abort" not in [one.line for one in back.commands]


def test_it_says_that_it_waits_for_approval_once_and_what_to_type() -> None:
    sim = play()
    ask_at(sim, 300.0, Ask.APPROVE)
    _, outbox = shipped(sim, approve=(50,))
    (asks,) = [one for one in outbox.told if Kind.APPROVAL in one.kinds]
    assert asks.title == "shop/sim: v2 waits for approval"
    assert [one.line for one in asks.commands] == [
        "deployer --env sim approve", "deployer --env sim abort", "deployer --env sim status",
    ]  # fmt: skip
    assert "Approve it within 10m" in asks.words
    assert "shop/sim: v2: approve by" in " ".join(outbox.titles(Kind.STEP))


def test_a_wait_that_only_a_person_ends_is_told_though_no_record_has_it() -> None:
    waiting = held("no verdict within 30m: too few requests", {})
    event = Event(100.0, "waiting", waiting.reason)
    assert [one.kinds for one in notices(PLACE, record())] == [(Kind.START,)]
    *_, asks = notices(PLACE, record(), event)
    assert asks.kinds == (Kind.APPROVAL,)
    assert "`deployer promote` goes on" in asks.words
    assert asks.id == "d1.approval.1"


def test_whoever_takes_over_finds_what_was_not_told_and_nothing_else() -> None:
    """A process tells the first half; the next one, which knows nothing of it, the rest."""
    done, outbox = shipped(play())
    half = notices(PLACE, replace(done, log=done.log[:4], status=Status.RUNNING))
    known = {one.id for one in half}
    rest = [one for one in notices(PLACE, done) if one.id not in known]
    assert [one.id for one in (*half, *rest)] == [one.id for one in outbox.told]


def test_what_was_refused_before_it_began_is_no_news() -> None:
    assert notices(PLACE, replace(record(), reason=f"{NOT_BEGUN}changed")) == ()


def test_what_ships_nothing_tells_only_what_wants_a_person() -> None:
    base = record()
    quiet = replace(base, plan=replace(base.plan, strategy=RETIRE))
    assert notices(PLACE, quiet) == ()
    halted = replace(
        quiet, status=Status.HALTED, finished_at=5.0, log=(Event(5.0, "halted", "moved"),)
    )
    assert [one.kinds for one in notices(PLACE, halted)] == [(Kind.HALT,)]


def test_a_halt_says_why_and_which_commands_there_are() -> None:
    halted = replace(
        record(), status=Status.HALTED, reason="weights were moved", by="alice",
        written=Weights(950, 50), log=(Event(5.0, "halted", "weights were moved"),),
    )  # fmt: skip
    *_, halt = notices(PLACE, halted)
    assert halt.title == "shop/sim: v2 halted"
    assert "begun by alice" in halt.words
    assert "Why: weights were moved" in halt.words
    assert "Nothing changes until a person decides" in halt.words
    assert [one.line.removeprefix("deployer --env sim ") for one in halt.commands] == [
        "status", "report d1", "rollback",
    ]  # fmt: skip


def test_a_halt_whose_event_no_longer_fits_into_the_record_is_told_all_the_same() -> None:
    halted = replace(record(), status=Status.HALTED, reason="moved", finished_at=9.0)
    assert [one.kinds for one in notices(PLACE, halted)] == [(Kind.START,), (Kind.HALT,)]


def test_a_way_back_that_a_person_chose_begins_as_one() -> None:
    base = record()
    back = replace(base, plan=replace(base.plan, strategy="rollback"))
    (start,) = notices(PLACE, back)
    assert start.kinds == (Kind.ROLLBACK, Kind.START)
    assert start.title == "shop/sim: goes back to v2"


@pytest.mark.parametrize(("kinds", "limit_s"), [((Kind.STEP,), STALE_S), ((Kind.HALT,), LATE_S)])
def test_old_news_is_none(kinds: tuple[Kind, ...], limit_s: float) -> None:
    notice = Notice("d1.x", kinds, 1_000.0, PLACE, "title", "words")
    assert notice.fresh(1_000.0 + limit_s)
    assert not notice.fresh(1_001.0 + limit_s)


@given(
    st.sampled_from(
        ["step_done", "asked", "refused", "retreat", "halted", "change", "restored", "waiting"]
    ),
    st.booleans(),
)
def test_every_event_has_its_kinds_and_what_is_judged_says_so(kind: str, judged: bool) -> None:
    found = kinds_of(Event(1.0, kind, "note", {"verdict": "pass"} if judged else {}))
    assert len(set(found)) == len(found)
    if kind in ("step_done", "retreat", "halted"):
        assert (Kind.VERDICT in found) is judged
        assert bool(URGENT & set(found)) is (kind != "step_done")
    elif kind in ("change", "restored", "waiting"):
        assert found == ()


def test_the_document_is_json_and_says_where_it_stands() -> None:
    done, outbox = shipped(play())
    for notice in outbox.told:
        found = msgspec.json.decode(msgspec.json.encode(document(notice)))
        assert found["format"] == "deployer-notice-1"
        assert found["deployment"]["id"] == done.id
        assert found["report"] == "s3://reports/d1"
        assert found["urgent"] is notice.urgent
    assert found["deployment"]["weights"] == {"green": 100.0, "blue": 0.0}
    assert found["deployment"]["status"] == "shipped"


def test_what_cannot_be_sent_is_told_once_and_the_deployment_goes_on() -> None:
    sim = play()
    outbox = SimOutbox(PLACE, broken="the channel ops was not told: refused")
    runner = sim.runner("a #1")
    begun = sim.open(runner, INTENT, strategies.canary, "d1")
    done = altered(runner, tell=Notifying(outbox, runner.tell)).run(begun)
    assert done.status is Status.SHIPPED
    said = [event for event, _ in sim.events if event.kind == "unsent"]
    assert said
    assert {event.note for event in said} == {"the channel ops was not told: refused"}

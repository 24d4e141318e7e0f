"""A deployment as a trace: spans with derived ids, the same by whoever exports them; gauges of its state."""

from itertools import pairwise

from msgspec.structs import replace

from deployer.model import Weights
from deployer.operations.gauges import HELP, gauges
from deployer.operations.notices import Place, notices
from deployer.operations.spans import root_of, spans, trace_of
from deployer.plan import Deployment, Event, Status
from tests.crash.test_supervisor import record
from tests.sim.fleet import Behaviour
from tests.sim.play import play
from tests.unit.test_notices import shipped

PLACE = Place("shop", "sim")


def of(done: Deployment) -> list:  # type: ignore[type-arg]
    return [span for notice in notices(PLACE, done) for span in spans(notice)]


def test_steps_follow_one_another_below_the_whole() -> None:
    done, _ = shipped(play())
    *steps, whole = of(done)
    assert len(steps) == len(done.plan.steps)
    assert {span.trace for span in (*steps, whole)} == {trace_of(PLACE, "d1")}
    assert {span.parent for span in steps} == {whole.id} == {root_of(PLACE, "d1")}
    assert whole.parent is None
    assert len({span.id for span in steps}) == len(steps)
    assert (whole.began_at, whole.ended_at) == (done.started_at, done.finished_at)
    assert steps[0].began_at == done.started_at
    assert all(before.ended_at == after.began_at for before, after in pairwise(steps))
    assert not any(span.failed for span in (*steps, whole))
    judged = [span for span in steps if span.facts.get("deployer.verdict") == "pass"]
    assert len(judged) == 3


def test_what_went_back_says_where_and_why() -> None:
    done, _ = shipped(play(behaviours={"v2": Behaviour(errors=30)}))
    *steps, whole = of(done)
    (failed,) = [span for span in steps if span.failed]
    assert done.reason in failed.failed
    assert whole.failed == done.reason
    assert whole.facts["deployer.status"] == "rolled_back"


def test_a_halt_ends_the_step_and_the_whole() -> None:
    halted = replace(
        record(), status=Status.HALTED, reason="moved", finished_at=9.0,
        log=(Event(9.0, "halted", "moved"),),
    )  # fmt: skip
    step, whole = of(halted)
    assert step.failed
    assert whole.failed == "moved"
    assert step.parent == whole.id


def test_ids_fit_and_differ_by_deployment_and_place() -> None:
    assert 0 < trace_of(PLACE, "d1") < 2**128
    assert 0 < root_of(PLACE, "d1") < 2**64
    assert len({trace_of(p, d) for p in (PLACE, Place("shop", "x")) for d in ("d1", "d2")}) == 4


def test_gauges_say_where_it_stands() -> None:
    running = replace(record(), written=Weights(950, 50))
    found = {(one.name, one.labels): one.value for one in gauges(running)}
    assert {name for name, _ in found} == HELP.keys() - {
        "deployer_deployment_finished_timestamp_seconds"
    }
    statuses = {labels: v for (name, labels), v in found.items() if name.endswith("_status")}
    assert statuses[("status", "running"),] == 1.0
    assert sum(statuses.values()) == 1.0
    assert found["deployer_slot_weight_ratio", (("slot", "green"),)] == 0.05
    done, _ = shipped(play())
    assert {one.name for one in gauges(done)} == HELP.keys()

"""The numbers that condemned a release are in the record, not only in its words."""

from deployer.plan import Status
from tests.sim.fleet import Behaviour
from tests.sim.play import play


def test_a_failed_verdict_is_recorded_with_its_numbers() -> None:
    bad = play(behaviours={"v2": Behaviour(errors=30)}, rate=200.0)
    done = bad.ship()
    assert done.status is Status.ROLLED_BACK
    retreat = next(event for event in done.log if event.kind == "retreat")
    assert retreat.detail["verdict"] == "fail"
    assert retreat.detail["candidate_failures"] > retreat.detail["candidate_requests"] * 0.01
    assert retreat.detail["stable_failures"] == 0

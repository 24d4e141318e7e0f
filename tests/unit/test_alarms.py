"""An alarm that rings, or is gone, ends a bake; one that does not answer is never good news."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
from msgspec.structs import replace as changed

from deployer.errors import CloudUnavailable, StepFailed, VerdictFailed
from deployer.intent import Intent
from deployer.model import Minute, Release, Slot, Snapshot, Weights
from deployer.planning import strategies
from deployer.ports import UNHEARD, World
from deployer.steps.approve import Approve
from deployer.steps.bake import Bake
from deployer.steps.base import Done, Waiting
from tests.unit.world import BLUE, GREEN, NOW, FixedMetrics, instances, slot, snapshot, world

V1, V2 = instances(2, "v1"), instances(2, "v2")
BAKING = snapshot(Weights(500, 500), slot(BLUE, *V1), slot(GREEN, *V2, boots="v2"))
GOOD = FixedMetrics({which: [Minute(NOW, 500)] for which in (BLUE, GREEN)})
BAD = FixedMetrics({GREEN: [Minute(NOW, 500, 50)], BLUE: [Minute(NOW, 500)]})


@dataclass
class FixedAlarms:
    """The same answer, whoever asks; None: no answer. `asked` remembers the names."""

    answer: Mapping[str, str] | None
    asked: list[Sequence[str]] = field(default_factory=list)

    def ringing(self, names: Sequence[str]) -> Mapping[str, str]:
        self.asked.append(names)
        if self.answer is None:
            raise CloudUnavailable("CloudWatch is away")
        return self.answer


class Mute(FixedMetrics):
    """Metrics that do not answer."""

    def traffic(
        self, since: float, until: float, slow_s: float | None = None
    ) -> Mapping[Slot, Sequence[Minute]]:
        raise CloudUnavailable("metrics are away")


def compiled(seen: Snapshot) -> Bake:
    """The last bake of the canary that these settings make."""
    plan = strategies.canary(seen, INTENT)
    return [step for step in plan.steps if isinstance(step, Bake)][-1]


INTENT = Intent(
    release=Release("v2"), weights=(500,), alarms=("fatal", "slow"), delay_s=60.0, approve=(500,)
)
BEFORE = snapshot(Weights(1000, 0), slot(BLUE, *V1))
BAKE = changed(compiled(BEFORE), share=500)
APPROVE = Approve(BAKE, 3600.0)


def at(
    elapsed_s: float, alarms: Mapping[str, str] | None, metrics: FixedMetrics = GOOD
) -> tuple[World, FixedAlarms]:
    heard = FixedAlarms(alarms)
    return replace(world(BAKING, elapsed_s=elapsed_s, metrics=metrics), alarms=heard), heard


@pytest.mark.parametrize("step", [BAKE, APPROVE])
@pytest.mark.parametrize("metrics", [GOOD, Mute()])
@pytest.mark.parametrize(
    ("ringing", "words"),
    [
        ({"fatal": "is in ALARM: 5 > 4"}, "alarm fatal is in ALARM: 5 > 4"),
        ({"slow": "does not exist"}, "alarm slow does not exist"),
        ({"fatal": "is in ALARM", "slow": "does not exist"}, "alarm fatal .*; alarm slow does"),
    ],
)
def test_a_ringing_or_missing_alarm_ends_it_at_once(
    step: Bake | Approve, metrics: FixedMetrics, ringing: Mapping[str, str], words: str
) -> None:
    there, heard = at(130.0, ringing, metrics)
    with pytest.raises(VerdictFailed, match=words) as failed:
        step.advance(there)
    assert failed.value.evidence == {"alarms": ringing}
    assert heard.asked == [("fatal", "slow")]


@pytest.mark.parametrize("step", [BAKE, APPROVE])
def test_silence_is_good_and_one_look_asks_once(step: Bake | Approve) -> None:
    there, heard = at(10_000.0, {})
    assert isinstance(step.advance(there), Done if step is BAKE else Waiting)
    assert len(heard.asked) == 1


@pytest.mark.parametrize("step", [BAKE, APPROVE])
def test_no_answer_is_waited_for(step: Bake | Approve) -> None:
    there, _ = at(10_000.0, None)
    with pytest.raises(CloudUnavailable, match="CloudWatch is away"):
        step.advance(there)


def test_no_answer_from_the_alarms_does_not_hide_a_bad_verdict() -> None:
    there, _ = at(130.0, None, BAD)
    with pytest.raises(StepFailed, match="50 of 500 failed"):
        BAKE.advance(there)


def test_without_names_nobody_is_asked() -> None:
    there, heard = at(10_000.0, None)
    assert isinstance(changed(BAKE, alarms=()).advance(there), Done)
    assert heard.asked == []


def test_names_without_anybody_who_listens_are_no_silence() -> None:
    assert UNHEARD.ringing(()) == {}
    with pytest.raises(CloudUnavailable, match="nobody listens to the alarms fatal, slow"):
        BAKE.advance(replace(at(130.0, None)[0], alarms=UNHEARD))


def test_the_plan_says_which_alarms_guard_it() -> None:
    assert BAKE.describe().endswith("under analysis and fatal, slow")


def test_going_back_is_not_stopped_by_the_alarm_that_made_one_go_back() -> None:
    """Or every rollback under a ringing alarm would end with the bad release again."""
    plan = strategies.return_to(BEFORE, INTENT)
    assert [step.alarms for step in plan.steps if isinstance(step, Bake)] == [()]

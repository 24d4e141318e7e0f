"""Alarms of scaling policies: told every minute, to whoever answers for the groups."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from deployer.lab import inprocess
from deployer.lab.context import Context
from deployer.lab.ringing import Ringing
from deployer.lab.telemetry.telemetry import Telemetry
from tests.lab_telemetry.conftest import Counters, Hand
from tests.lab_telemetry.test_alarms_api import alarm
from tests.lab_telemetry.test_metrics_api import put, refusal

POLICY = (
    "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:1:autoScalingGroupName/g:policyName/p"
)


class Heard:
    """The alarms that rang, minute by minute."""

    def __init__(self, context: Context, counters: Counters) -> None:
        self.minutes: list[list[Ringing]] = []
        self.telemetry = Telemetry(context, counters, scaler=self.answer)
        self.cloudwatch: Any = inprocess.client(context, "cloudwatch")

    def answer(self, ringing: Sequence[Ringing], _now: float) -> None:
        self.minutes.append(list(ringing))

    def minute(self, offset: int, value: float) -> None:
        put(self.cloudwatch, "Errors", offset, value)
        Hand.time += 60
        self.telemetry.tick(Hand.time)


@pytest.fixture
def heard(context: Context, counters: Counters) -> Heard:
    return Heard(context, counters)


def test_an_alarm_of_a_scaling_policy_rings_every_minute(heard: Heard) -> None:
    alarm(heard.cloudwatch, AlarmActions=[POLICY], EvaluationPeriods=2)
    for number, value in enumerate((9, 8, 7, 1, 0)):
        heard.minute(60 * number, value)
    assert heard.minutes == [
        [],
        [Ringing("errors", POLICY, (9.0, 8.0))],
        [Ringing("errors", POLICY, (8.0, 7.0))],
        [],
        [],
    ]


def test_one_whose_actions_are_off_is_not_heard(heard: Heard) -> None:
    alarm(heard.cloudwatch, AlarmActions=[POLICY])
    heard.cloudwatch.disable_alarm_actions(AlarmNames=["errors"])
    heard.minute(0, 9)
    assert heard.minutes == [[]]


def test_the_state_of_a_policys_alarm_cannot_be_set(heard: Heard) -> None:
    alarm(heard.cloudwatch, AlarmActions=[POLICY])
    asked = {"AlarmName": "errors", "StateValue": "ALARM", "StateReason": "test"}
    code, told = refusal(heard.cloudwatch.set_alarm_state, **asked)
    assert (code, "scaling policy" in told) == ("NotImplemented", True)


@pytest.mark.parametrize("key", ["OKActions", "InsufficientDataActions"])
def test_a_policy_is_no_action_but_for_alarm(heard: Heard, key: str) -> None:
    code, _ = refusal(partial(alarm, heard.cloudwatch), **{key: [POLICY]})
    assert code == "NotImplemented"

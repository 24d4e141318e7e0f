"""DescribeAlarms: every kind of alarm, those that do not exist, and no more often than is useful."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from deployer.aws.alarms import CloudWatchAlarms
from deployer.aws.session import Aws
from deployer.errors import CloudUnavailable
from deployer.lab import actions
from deployer.lab.chaos import Fault, Kind
from deployer.lab.context import Context
from deployer.lab.telemetry.telemetry import Telemetry
from deployer.lab.traffic import Traffic
from tests.contract.conftest import ManualClock

SETTINGS: dict[str, Any] = {
    "Namespace": "shop",
    "MetricName": "Fatals",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 5.0,
    "ComparisonOperator": "GreaterThanThreshold",
}


class Silence:
    """A TrafficSource through which nothing flows."""

    def read(self) -> Traffic:
        return Traffic()


@pytest.fixture(scope="module")
def telemetry(context: Context) -> Telemetry:
    return Telemetry(context, Silence())


@pytest.fixture
def bell(telemetry: Telemetry, admin: Callable[[str], Any]) -> Iterator[Callable[..., None]]:
    """Makes a metric alarm in a state: `bell("fatal", "ALARM")`."""
    cloudwatch, made = admin("cloudwatch"), set[str]()

    def ring(name: str, state: str) -> None:
        cloudwatch.put_metric_alarm(AlarmName=name, **SETTINGS)
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="5.0 >\n 4.0")
        made.add(name)

    yield ring
    cloudwatch.delete_alarms(AlarmNames=sorted(made))


def asked(action: str = "DescribeAlarms") -> int:
    return len(actions.calls("cloudwatch", action, external=True))


@pytest.mark.parametrize(
    ("state", "strict", "rings"),
    [
        ("OK", False, False),
        ("OK", True, False),
        ("ALARM", False, True),
        ("INSUFFICIENT_DATA", False, False),
        ("INSUFFICIENT_DATA", True, True),
    ],
)
def test_what_rings(
    aws: Aws, bell: Callable[..., None], state: str, strict: bool, rings: bool
) -> None:
    bell("fatal", state)
    expected = {"fatal": f"is in {state}: 5.0 > 4.0"} if rings else {}
    assert CloudWatchAlarms(aws, ManualClock(), strict=strict).ringing(["fatal"]) == expected


def test_a_composite_alarm_rings_too_and_a_missing_one_is_named(
    aws: Aws, clock: ManualClock, bell: Callable[..., None], admin: Callable[[str], Any]
) -> None:
    bell("child", "ALARM")
    admin("cloudwatch").put_composite_alarm(AlarmName="any", AlarmRule="ALARM(child)")
    found = CloudWatchAlarms(aws, clock).ringing(["any", "fatl"])
    assert list(found) == ["any", "fatl"]
    assert found["any"].startswith("is in ALARM")
    assert found["fatl"] == "does not exist"
    admin("cloudwatch").delete_alarms(AlarmNames=["any"])


def test_a_log_alarm_rings_too(aws: Aws, clock: ManualClock) -> None:
    told = {"AlarmName": "log", "StateValue": "ALARM", "StateReason": "r" * 300}
    with Stubber(aws.cloudwatch) as stub:
        stub.add_response("describe_alarms", {"LogAlarms": [told]})
        found = CloudWatchAlarms(aws, clock).ringing(["log"])
    assert found == {"log": f"is in ALARM: {'r' * 197}..."}


def test_more_names_than_a_page_holds(
    aws: Aws, clock: ManualClock, bell: Callable[..., None]
) -> None:
    names = [f"a{n:03}" for n in range(60)]  # the default page holds fifty
    for name in names:
        bell(name, "OK")
    assert CloudWatchAlarms(aws, clock).ringing(names) == {}


def test_it_is_asked_every_ten_seconds_at_most(
    aws: Aws, clock: ManualClock, bell: Callable[..., None]
) -> None:
    bell("fatal", "OK")
    alarms, before = CloudWatchAlarms(aws, clock), asked()
    alarms.ringing(["fatal"])
    bell("fatal", "ALARM")
    clock.time += 9.9
    assert alarms.ringing(["fatal"]) == {}
    assert asked() == before + 1
    clock.time += 0.1
    assert list(alarms.ringing(["fatal"])) == ["fatal"]
    assert list(alarms.ringing(["fatal", "gone"])) == ["fatal", "gone"]
    assert asked() == before + 3


def test_no_answer_is_no_silence_and_is_not_remembered(
    hasty: Aws, clock: ManualClock, bell: Callable[..., None], faults: Any
) -> None:
    bell("fatal", "OK")
    faults.add(Fault(Kind.THROTTLE, "cloudwatch", "DescribeAlarms", times=1))
    alarms = CloudWatchAlarms(hasty, clock)
    with pytest.raises(CloudUnavailable, match="DescribeAlarms on fatal"):
        alarms.ringing(["fatal"])
    assert alarms.ringing(["fatal"]) == {}

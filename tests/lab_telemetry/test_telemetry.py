"""The part in time: minutes are published late, whole, and read while the lab runs."""

import statistics
import time
from typing import Any

from deployer.lab import actions
from deployer.lab.telemetry.telemetry import Telemetry
from deployer.lab.traffic import BalancerTraffic, GroupTraffic, Traffic
from tests.lab_telemetry.conftest import T0, Counters, Hand
from tests.lab_telemetry.test_metrics_api import at, refusal

LB, BLUE = "app/shop/1", "targetgroup/blue/1"


def flowed(requests: int, ok: int, failed: int = 0, *, elb: int = 0, healthy: int = 2) -> Traffic:
    """Cumulative counters."""
    return Traffic(
        (BalancerTraffic(LB, requests + elb, {"502": elb} if elb else {}),),
        (
            GroupTraffic(
                LB,
                BLUE,
                requests=requests,
                responses={"2XX": ok, "5XX": failed},
                latency={0.05: ok, 1.0: failed},
                healthy=healthy,
            ),
        ),
    )


def read(cloudwatch: Any, name: str, stat: str = "Sum", *, group: bool = True) -> dict[int, float]:
    dimensions = [{"Name": "LoadBalancer", "Value": LB}]
    dimensions += [{"Name": "TargetGroup", "Value": BLUE}] if group else []
    wanted = {"Namespace": "AWS/ApplicationELB", "MetricName": name, "Dimensions": dimensions}
    query = {"Id": "q", "MetricStat": {"Metric": wanted, "Period": 60, "Stat": stat}}
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[query],
        StartTime=at(-3600),
        EndTime=at(86_400),
        ScanBy="TimestampAscending",
    )
    (result,) = answer["MetricDataResults"]
    return {
        int(moment.timestamp() - T0): value
        for moment, value in zip(result["Timestamps"], result["Values"], strict=True)
    }


def test_a_minute_is_visible_a_minute_after_its_end(
    cloudwatch: Any, telemetry: Telemetry, counters: Counters
) -> None:
    counters.traffic = flowed(100, 90, 10)
    for offset in (59, 60, 119.9):
        telemetry.tick(T0 + offset)
        assert read(cloudwatch, "RequestCount") == {}
    telemetry.tick(T0 + 120)
    assert read(cloudwatch, "RequestCount") == {0: 100}
    assert read(cloudwatch, "HTTPCode_Target_5XX_Count") == {0: 10}
    assert read(cloudwatch, "TargetResponseTime", "p90") == {0: 0.05}
    assert read(cloudwatch, "TargetResponseTime", "PR(:0.5)") == {0: 90}


def test_the_delay_can_be_chosen(context: Any, counters: Counters) -> None:
    from deployer.lab import inprocess

    prompt = Telemetry(context, counters, delay_s=0)
    counters.traffic = flowed(5, 5)
    prompt.tick(T0 + 60)
    assert read(inprocess.client(context, "cloudwatch"), "RequestCount") == {0: 5}


def test_each_minute_has_what_flowed_in_it(
    cloudwatch: Any, telemetry: Telemetry, counters: Counters
) -> None:
    for minute, total in enumerate((100, 100, 130), start=1):
        counters.traffic = flowed(total, total)
        telemetry.tick(T0 + 60 * minute)
    telemetry.tick(T0 + 240)
    assert read(cloudwatch, "RequestCount") == {0: 100, 120: 30}  # absent when zero
    assert read(cloudwatch, "RequestCount", group=False) == {0: 100, 60: 0, 120: 30}
    assert read(cloudwatch, "HTTPCode_Target_5XX_Count") == {}


def test_target_errors_and_balancer_errors_are_apart(
    cloudwatch: Any, telemetry: Telemetry, counters: Counters
) -> None:
    counters.traffic = flowed(20, 17, 3, elb=4)
    telemetry.tick(T0 + 60)
    telemetry.tick(T0 + 120)
    assert read(cloudwatch, "HTTPCode_Target_5XX_Count") == {0: 3}
    assert read(cloudwatch, "HTTPCode_Target_5XX_Count", group=False) == {0: 3}
    assert read(cloudwatch, "HTTPCode_ELB_5XX_Count", group=False) == {0: 4}
    assert read(cloudwatch, "HTTPCode_ELB_502_Count", group=False) == {0: 4}
    assert read(cloudwatch, "HTTPCode_ELB_5XX_Count") == {}


def test_traffic_before_the_lab_had_metrics_is_not_counted(
    context: Any, counters: Counters
) -> None:
    from deployer.lab import inprocess

    counters.traffic = flowed(1000, 1000)
    late = Telemetry(context, counters, delay_s=0)
    counters.traffic = flowed(1007, 1007)
    late.tick(T0 + 60)
    assert read(inprocess.client(context, "cloudwatch"), "RequestCount") == {0: 7}


def test_numbers_of_hosts_have_a_minimum_and_a_maximum(
    cloudwatch: Any, telemetry: Telemetry, counters: Counters
) -> None:
    for offset, healthy in ((1, 2), (20, 1), (40, 3)):
        counters.traffic = flowed(0, 0, healthy=healthy)
        telemetry.tick(T0 + offset)
    telemetry.tick(T0 + 60)
    telemetry.tick(T0 + 120)
    assert read(cloudwatch, "HealthyHostCount", "Minimum")[0] == 1
    assert read(cloudwatch, "HealthyHostCount", "Maximum")[0] == 3


def test_minutes_that_passed_unseen_share_what_flowed(
    cloudwatch: Any, telemetry: Telemetry, counters: Counters
) -> None:
    counters.traffic = flowed(10, 10)
    telemetry.tick(T0 + 180)
    telemetry.tick(T0 + 300)
    assert read(cloudwatch, "RequestCount") == {0: 3, 60: 3, 120: 4}


def test_a_machine_that_slept_for_days_does_not_stall_the_lab(
    cloudwatch: Any, telemetry: Telemetry, counters: Counters
) -> None:
    counters.traffic = flowed(600, 600)
    telemetry.tick(T0 + 3 * 86_400)
    telemetry.tick(T0 + 3 * 86_400 + 120)
    answer = cloudwatch.get_metric_statistics(
        Namespace="AWS/ApplicationELB",
        MetricName="RequestCount",
        Dimensions=[{"Name": "LoadBalancer", "Value": LB}],
        StartTime=at(3 * 86_400 - 3600),
        EndTime=at(3 * 86_400),
        Period=3600,
        Statistics=["Sum"],
    )
    assert [point["Sum"] for point in answer["Datapoints"]] == [600]


def test_an_alarm_on_the_balancers_metrics_rings(
    cloudwatch: Any, telemetry: Telemetry, counters: Counters, hand: type[Hand]
) -> None:
    cloudwatch.put_metric_alarm(
        AlarmName="candidate-5xx",
        Namespace="AWS/ApplicationELB",
        MetricName="HTTPCode_Target_5XX_Count",
        Dimensions=[{"Name": "TargetGroup", "Value": BLUE}, {"Name": "LoadBalancer", "Value": LB}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=5,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    seen = []
    for minute, failed in enumerate((0, 20, 20, 20, 20, 20), start=1):
        counters.traffic = flowed(100 * minute, 100 * minute - failed, failed)
        hand.time = T0 + 60 * minute
        telemetry.tick(hand.time)
        (found,) = cloudwatch.describe_alarms()["MetricAlarms"]
        seen.append(found["StateValue"])
    # The 20 errors flowed in the second minute; they are visible, and judged, at the end of the
    # third, and remain the newest datapoint there is for two more minutes.
    assert seen == ["OK", "OK", "ALARM", "ALARM", "OK", "OK"]


def test_alarms_are_evaluated_at_every_minute_that_has_passed(
    cloudwatch: Any, telemetry: Telemetry
) -> None:
    """A fast clock jumps over minutes; an alarm that rang in between is in the history."""
    cloudwatch.put_metric_alarm(
        AlarmName="orders",
        Namespace="Shop",
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=5,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    data = [{"MetricName": "Errors", "Value": 9, "Timestamp": at(60)}]
    cloudwatch.put_metric_data(Namespace="Shop", MetricData=data)
    telemetry.tick(T0 + 600)
    items = cloudwatch.describe_alarm_history(
        HistoryItemType="StateUpdate", ScanBy="TimestampAscending"
    )["AlarmHistoryItems"]
    seen = [(item["Timestamp"].timestamp() - T0, item["HistorySummary"]) for item in items]
    assert seen == [
        (60, "Alarm updated from INSUFFICIENT_DATA to OK"),
        (120, "Alarm updated from OK to ALARM"),
        (300, "Alarm updated from ALARM to OK"),
    ]


def test_reading_twenty_series_is_quick(
    cloudwatch: Any, telemetry: Telemetry, counters: Counters
) -> None:
    """A budget with ten times the slack: the real time is in docs/lab/telemetry.md."""
    for minute in range(1, 61):
        counters.traffic = flowed(1000 * minute, 1000 * minute)
        telemetry.tick(T0 + 60 * minute)
    from deployer.lab.telemetry.metrics_api import get_metric_data

    wanted = {
        "Namespace": "AWS/ApplicationELB",
        "MetricName": "TargetResponseTime",
        "Dimensions": [
            {"Name": "LoadBalancer", "Value": LB},
            {"Name": "TargetGroup", "Value": BLUE},
        ],
    }
    queries = [
        {"Id": f"q{n}", "MetricStat": {"Metric": wanted, "Period": 60, "Stat": "p99"}}
        for n in range(20)
    ]
    asked = {"MetricDataQueries": queries, "StartTime": at(0), "EndTime": at(600)}
    times = []
    for _ in range(20):
        began = time.process_time()
        answer = get_metric_data(telemetry.store, asked)
        times.append(time.process_time() - began)
    assert [len(one["Values"]) for one in answer["MetricDataResults"]] == [10] * 20
    assert statistics.median(times) < 0.05


def test_every_other_action_is_one_that_the_lab_refuses_by_name(cloudwatch: Any) -> None:
    """moto answers for nothing here; what it has not, the lab's gate refuses."""
    from botocore import xform_name
    from moto.cloudwatch.responses import CloudWatchResponse

    replaced = {action for service, action in actions.gate().replaced if service == "cloudwatch"}
    known = set(cloudwatch.meta.service_model.operation_names)
    implemented = {name for name in known if hasattr(CloudWatchResponse, xform_name(name))}
    assert implemented <= replaced
    code, message = refusal(cloudwatch.describe_anomaly_detectors)
    assert (code, "DescribeAnomalyDetectors" in message) == ("NotImplemented", True)

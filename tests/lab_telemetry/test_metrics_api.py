"""PutMetricData, GetMetricData, GetMetricStatistics and ListMetrics through boto3."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.lab_telemetry.conftest import T0, Hand

SPACE = "Shop"


def at(offset_s: float) -> datetime:
    return datetime.fromtimestamp(T0 + offset_s, UTC)


def put(cloudwatch: Any, name: str, offset_s: float, value: float = 1.0, **more: Any) -> None:
    datum = {"MetricName": name, "Timestamp": at(offset_s), "Value": value, **more}
    if "Values" in datum or "StatisticValues" in datum:
        del datum["Value"]
    cloudwatch.put_metric_data(Namespace=SPACE, MetricData=[datum])


def metric(name: str, stat: str = "Sum", period: int = 60, **more: Any) -> dict[str, Any]:
    return {
        "Id": name.lower(),
        "MetricStat": {
            "Metric": {"Namespace": SPACE, "MetricName": name},
            "Period": period,
            "Stat": stat,
            **more,
        },
    }


def get(
    cloudwatch: Any, *queries: dict[str, Any], start: float = -600, end: float = 60, **more: Any
) -> Any:
    return cloudwatch.get_metric_data(
        MetricDataQueries=list(queries), StartTime=at(start), EndTime=at(end), **more
    )


def values(answer: Any, name: str) -> dict[float, float]:
    """Offset from T0 -> value, in the order returned."""
    result = next(one for one in answer["MetricDataResults"] if one["Id"] == name)
    assert result["StatusCode"] == "Complete"
    offsets = [moment.timestamp() - T0 for moment in result["Timestamps"]]
    return dict(zip(offsets, result["Values"], strict=True))


def refusal(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_what_was_put_is_returned(cloudwatch: Any) -> None:
    put(cloudwatch, "Orders", -120, 3)
    put(cloudwatch, "Orders", -119, 4)
    put(cloudwatch, "Orders", -60, 5)
    answer = get(cloudwatch, metric("Orders"))
    assert list(values(answer, "orders").items()) == [(-60, 5), (-120, 7)]  # newest first
    assert answer["MetricDataResults"][0]["Label"] == "Orders"
    ascending = get(cloudwatch, metric("Orders"), ScanBy="TimestampAscending")
    assert list(values(ascending, "orders")) == [-120, -60]
    assert values(get(cloudwatch, metric("Orders", "Maximum")), "orders")[-120] == 4


def test_start_is_inclusive_and_end_exclusive(cloudwatch: Any) -> None:
    for offset in (-180, -120, -60):
        put(cloudwatch, "Orders", offset)
    assert values(get(cloudwatch, metric("Orders"), start=-180, end=-60), "orders") == {
        -120: 1,
        -180: 1,
    }
    assert values(get(cloudwatch, metric("Orders"), start=-150, end=-60), "orders") == {
        -120: 1,
        -180: 1,
    }
    assert values(get(cloudwatch, metric("Orders"), start=-179, end=-59), "orders").keys() == {
        -180,
        -120,
        -60,
    }


def test_values_with_counts_and_longer_periods(cloudwatch: Any) -> None:
    put(cloudwatch, "Time", -300, Values=[0.1, 0.2, 0.9], Counts=[50, 40, 10], Unit="Seconds")
    put(cloudwatch, "Time", -240, Values=[0.5])
    answer = get(
        cloudwatch,
        {**metric("Time", "p90", 300), "Id": "a"},
        {**metric("Time", "SampleCount", 300), "Id": "b"},
        {**metric("Time", "PR(:0.2)", 300), "Id": "c"},
        {**metric("Time", "Sum", 300, Unit="Seconds"), "Id": "d"},
        {**metric("Time", "Sum", 300, Unit="Bytes"), "Id": "e"},
        start=-300,
        end=0,
    )
    assert values(answer, "a") == {-300: 0.5}
    assert values(answer, "b") == {-300: 101}
    assert values(answer, "c") == {-300: pytest.approx(100 * 90 / 101)}
    assert values(answer, "d") == {-300: pytest.approx(22)}
    assert values(answer, "e") == {}


def test_statistic_sets(cloudwatch: Any) -> None:
    made = {"SampleCount": 4, "Sum": 10, "Minimum": 1, "Maximum": 4}
    put(cloudwatch, "Time", -60, StatisticValues=made)
    answer = get(cloudwatch, metric("Time", "Average"), {**metric("Time", "p50"), "Id": "p"})
    assert values(answer, "time") == {-60: 2.5}
    assert values(answer, "p") == {}


def test_dimensions_make_another_metric(cloudwatch: Any) -> None:
    blue = [{"Name": "Slot", "Value": "blue"}, {"Name": "Az", "Value": "a"}]
    put(cloudwatch, "Orders", -60, 1)
    put(cloudwatch, "Orders", -60, 2, Dimensions=blue)
    query = metric("Orders")
    query["MetricStat"]["Metric"]["Dimensions"] = blue[::-1]
    assert values(get(cloudwatch, query), "orders") == {-60: 2}
    query["MetricStat"]["Metric"]["Dimensions"] = blue[:1]
    assert values(get(cloudwatch, query), "orders") == {}


def test_metric_math_in_one_call(cloudwatch: Any) -> None:
    put(cloudwatch, "Requests", -120, 200)
    put(cloudwatch, "Requests", -60, 100)
    put(cloudwatch, "Errors", -60, 5)
    answer = get(
        cloudwatch,
        {**metric("Requests"), "ReturnData": False},
        {**metric("Errors"), "ReturnData": False},
        {"Id": "filled", "Expression": "FILL(errors, 0)", "ReturnData": False},
        {"Id": "rate", "Expression": "IF(requests > 0, 100 * filled / requests)", "Label": "%"},
        {"Id": "all", "Expression": "METRICS()"},
    )
    assert values(answer, "rate") == {-60: 5, -120: 0}
    shown = [(one["Id"], one["Label"]) for one in answer["MetricDataResults"]]
    assert shown == [("rate", "%"), ("all", "all 1"), ("all", "all 2")]


def test_paging(cloudwatch: Any) -> None:
    for offset in range(-300, 0, 60):
        put(cloudwatch, "A", offset, offset)
        put(cloudwatch, "B", offset, offset)
    pages = list(
        cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=[metric("A"), metric("B")],
            StartTime=at(-600),
            EndTime=at(0),
            MaxDatapoints=3,
        )
    )
    assert [[len(r["Values"]) for r in page["MetricDataResults"]] for page in pages] == [
        [3, 0],
        [2, 1],
        [0, 3],
        [0, 1],
    ]
    joined = [v for page in pages for r in page["MetricDataResults"] for v in r["Values"]]
    assert sorted(joined) == sorted([*range(-300, 0, 60)] * 2)
    assert pages[0]["MetricDataResults"][0]["StatusCode"] == "PartialData"
    code, _ = refusal(
        cloudwatch.get_metric_data,
        MetricDataQueries=[metric("A")],
        StartTime=at(-60),
        EndTime=at(0),
        NextToken="mine",
    )
    assert code == "InvalidNextToken"


A = {"Id": "a", "Expression": "1"}


@pytest.mark.parametrize(
    ("queries", "code", "says"),
    [
        ([{**metric("Orders"), "Id": "Orders"}], "ValidationError", "Id"),
        ([{**metric("Orders"), "Id": "1a"}], "ValidationError", "Id"),
        ([metric("Orders"), metric("Orders")], "ValidationError", "unique"),
        ([{"Id": "a"}], "ValidationError", "Either"),
        ([{**metric("Orders"), "Expression": "1"}], "ValidationError", "Either"),
        ([metric("Orders", period=90)], "ValidationError", "Period"),
        ([metric("Orders", period=10)], "NotImplemented", "high-resolution"),
        ([metric("Orders", "median")], "ValidationError", "median"),
        ([metric("Orders", "wm99")], "NotImplemented", "wm99"),
        ([{"Id": "a", "Expression": "nobody + 1"}], "ValidationError", "nobody"),
        ([{"Id": "a", "Expression": "a + 1"}], "ValidationError", "refers to itself"),
        ([{"Id": "a", "Expression": "b"}, {"Id": "b", "Expression": "a"}], "ValidationError", "itself"),
        ([metric("Orders"), {"Id": "a", "Expression": "RATE(orders)"}], "ValidationError", "RATE"),
        ([metric("Orders"), {"Id": "a", "Expression": "SUM(orders)"}], "ValidationError", "scalar"),
        ([metric("Orders"), {"Id": "a", "Expression": "orders +"}], "ValidationError", "syntax"),
        ([{"Id": "a", "Expression": "SELECT AVG(x) FROM y"}], "NotImplemented", "Insights"),
        ([{"Id": "a", "Expression": "SEARCH('x', 'Sum')"}], "ValidationError", "SEARCH"),
        ([metric("A"), metric("B", period=300), {"Id": "c", "Expression": "a + b"}], "NotImplemented", "periods"),
        ([{**metric("Orders"), "Label": "${MAX}"}], "NotImplemented", "dynamic labels"),
        ([{**metric("Orders"), "AccountId": "1"}], "NotImplemented", "AccountId"),
        ([{**metric("Orders"), "Id": f"q{n}"} for n in range(501)], "ValidationError", "500"),
    ],
)  # fmt: skip
def test_get_metric_data_refuses(
    cloudwatch: Any, queries: list[dict[str, Any]], code: str, says: str
) -> None:
    found, message = refusal(
        cloudwatch.get_metric_data, MetricDataQueries=queries, StartTime=at(-60), EndTime=at(0)
    )
    assert (found, says in message) == (code, True), message


def test_a_span_must_be_one(cloudwatch: Any) -> None:
    for start, end in ((0, 0), (60, 0)):
        code, message = refusal(
            cloudwatch.get_metric_data,
            MetricDataQueries=[metric("Orders")],
            StartTime=at(start),
            EndTime=at(end),
        )
        assert (code, "StartTime" in message) == ("ValidationError", True)


@pytest.mark.parametrize(
    ("datum", "code"),
    [
        ({"Value": float("nan")}, "InvalidParameterValue"),
        ({"Value": float("inf")}, "InvalidParameterValue"),
        ({"Value": 1e200}, "InvalidParameterValue"),
        ({}, "InvalidParameterCombination"),
        ({"Value": 1.0, "Values": [1.0]}, "InvalidParameterCombination"),
        ({"Values": [1.0, 2.0], "Counts": [1.0]}, "InvalidParameterValue"),
        ({"Values": [1.0], "Counts": [0.0]}, "InvalidParameterValue"),
        ({"Values": [1.0] * 151}, "InvalidParameterValue"),
        ({"Value": 1.0, "StorageResolution": 1}, "NotImplemented"),
        ({"Value": 1.0, "Timestamp": at(3 * 3600)}, "InvalidParameterValue"),
        ({"Value": 1.0, "Timestamp": at(-13 * 3600)}, "NotImplemented"),
        ({"Value": 1.0, "Dimensions": [{"Name": "a", "Value": " "}]}, "InvalidParameterValue"),
        ({"Value": 1.0, "Dimensions": [{"Name": "a", "Value": "b"}] * 2}, "InvalidParameterValue"),
        ({"StatisticValues": {"SampleCount": 0.0, "Sum": 1.0, "Minimum": 1.0, "Maximum": 1.0}},
         "InvalidParameterValue"),
    ],
)  # fmt: skip
def test_put_metric_data_refuses_and_stores_nothing(
    cloudwatch: Any, datum: dict[str, Any], code: str
) -> None:
    good = {"MetricName": "Orders", "Value": 1.0, "Timestamp": at(-60)}
    found, _ = refusal(
        cloudwatch.put_metric_data,
        Namespace=SPACE,
        MetricData=[good, {"MetricName": "Orders", **datum}],
    )
    assert found == code
    assert values(get(cloudwatch, metric("Orders")), "orders") == {}


def test_the_namespaces_of_aws_are_reserved(cloudwatch: Any) -> None:
    code, _ = refusal(
        cloudwatch.put_metric_data,
        Namespace="AWS/ApplicationELB",
        MetricData=[{"MetricName": "RequestCount", "Value": 1}],
    )
    assert code == "InvalidParameterValue"


def test_get_metric_statistics(cloudwatch: Any) -> None:
    put(cloudwatch, "Time", -60, Values=[0.1, 0.9], Counts=[99, 1], Unit="Seconds")
    asked = {
        "Namespace": SPACE,
        "MetricName": "Time",
        "StartTime": at(-300),
        "EndTime": at(0),
        "Period": 60,
    }
    (point,) = cloudwatch.get_metric_statistics(**asked, Statistics=["Sum", "Maximum"])[
        "Datapoints"
    ]
    assert (point["Maximum"], point["Unit"], point["Timestamp"]) == (0.9, "Seconds", at(-60))
    (point,) = cloudwatch.get_metric_statistics(**asked, ExtendedStatistics=["p99", "p100"])[
        "Datapoints"
    ]
    assert point["ExtendedStatistics"] == {"p99": 0.1, "p100": 0.9}
    for wrong, code in (
        ({}, "InvalidParameterCombination"),
        ({"Statistics": ["Sum"], "ExtendedStatistics": ["p9"]}, "InvalidParameterCombination"),
        ({"Statistics": ["p99"]}, "InvalidParameterValue"),
        ({"Statistics": ["Sum"], "StartTime": at(-86_401)}, "InvalidParameterCombination"),
        ({"Statistics": ["Sum"], "Period": 61}, "ValidationError"),
    ):
        assert refusal(cloudwatch.get_metric_statistics, **{**asked, **wrong})[0] == code


def test_a_new_metric_is_listed_after_a_quarter_of_an_hour(
    cloudwatch: Any, hand: type[Hand]
) -> None:
    put(cloudwatch, "Orders", 0, Dimensions=[{"Name": "Slot", "Value": "blue"}])
    put(cloudwatch, "Visits", 0)
    hand.time = T0 + 899
    assert cloudwatch.list_metrics()["Metrics"] == []
    hand.time = T0 + 900
    blue = {"Name": "Slot", "Value": "blue"}
    orders = {"Namespace": SPACE, "MetricName": "Orders", "Dimensions": [blue]}
    assert len(cloudwatch.list_metrics(Namespace=SPACE)["Metrics"]) == 2
    assert cloudwatch.list_metrics(MetricName="Orders")["Metrics"] == [orders]
    assert cloudwatch.list_metrics(Dimensions=[{"Name": "Slot"}])["Metrics"] == [orders]
    assert cloudwatch.list_metrics(Dimensions=[{"Name": "Slot", "Value": "x"}])["Metrics"] == []
    assert cloudwatch.list_metrics(Namespace="Other")["Metrics"] == []
    hand.time = T0 + 4 * 3600
    assert cloudwatch.list_metrics(RecentlyActive="PT3H")["Metrics"] == []


def test_times_are_understood_in_any_zone(cloudwatch: Any) -> None:
    put(cloudwatch, "Orders", -60)
    east = timezone(timedelta(hours=9))
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[metric("Orders")],
        StartTime=at(-60).astimezone(east),
        EndTime=at(0).astimezone(east),
    )
    assert values(answer, "orders") == {-60: 1}


def test_contributor_insights_is_refused_by_name(cloudwatch: Any) -> None:
    code, message = refusal(cloudwatch.describe_insight_rules)
    assert (code, "DescribeInsightRules" in message) == ("NotImplemented", True)


def test_dashboards_are_kept(cloudwatch: Any) -> None:
    cloudwatch.put_dashboard(DashboardName="shop", DashboardBody='{"widgets": []}')
    assert cloudwatch.get_dashboard(DashboardName="shop")["DashboardBody"] == '{"widgets": []}'


@pytest.mark.parametrize(
    ("name", "dimensions"),
    [
        ("ActiveConnectionCount", {"LoadBalancer": "app/shop/1"}),
        (
            "HTTPCode_ELB_5XX_Count",
            {"LoadBalancer": "app/shop/1", "AvailabilityZone": "us-east-1a"},
        ),
    ],
)
def test_a_metric_that_only_aws_has_is_refused(
    cloudwatch: Any, name: str, dimensions: dict[str, str]
) -> None:
    """Silence would read as zero connections, or no error at all."""
    wanted = {
        "Namespace": "AWS/ApplicationELB",
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
    }
    query = {"Id": "q", "MetricStat": {"Metric": wanted, "Period": 60, "Stat": "Sum"}}
    span = {"StartTime": at(-3600), "EndTime": at(60)}
    code, message = refusal(cloudwatch.get_metric_data, MetricDataQueries=[query], **span)
    assert (code, name in message) == ("NotImplemented", True)
    alarm = {
        "AlarmName": "quiet",
        **wanted,
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    code, message = refusal(cloudwatch.put_metric_alarm, **alarm)
    assert (code, name in message) == ("NotImplemented", True)


def test_a_metric_that_nobody_has_is_without_data(cloudwatch: Any) -> None:
    """The load balancer's own errors have no target group, on AWS neither."""
    where = {"LoadBalancer": "app/shop/1", "TargetGroup": "targetgroup/blue/1"}
    wanted = {
        "Namespace": "AWS/ApplicationELB",
        "MetricName": "HTTPCode_ELB_5XX_Count",
        "Dimensions": [{"Name": key, "Value": value} for key, value in where.items()],
    }
    query = {"Id": "q", "MetricStat": {"Metric": wanted, "Period": 60, "Stat": "Sum"}}
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[query], StartTime=at(-3600), EndTime=at(60)
    )
    assert answer["MetricDataResults"][0]["Values"] == []

"""GetMetricData: its shape, its pages, and what is missing in it."""

from datetime import UTC, datetime, timezone
from datetime import timedelta as td
from typing import Any

import pytest
from botocore.stub import ANY, Stubber
from hypothesis import given
from hypothesis import strategies as st

from deployer.aws.cloudwatch import METRICS, CloudWatchMetrics, decimal, slow
from deployer.aws.metric_data import ATTEMPTS, PAGES, whole_minutes
from deployer.aws.session import Aws
from deployer.errors import AccessProblem, CloudUnavailable
from deployer.model import Minute, Slot
from tests.contract.conftest import published

NOON = 1_700_000_040.0  # a whole minute
IDS = [f"{slot}_{short}" for slot in Slot for short in METRICS]


@pytest.fixture
def metrics(aws: Aws) -> CloudWatchMetrics:
    return CloudWatchMetrics(aws, published())


def at(minute: int) -> datetime:
    return datetime.fromtimestamp(NOON + 60 * minute, UTC)


def result(name: str, status: str = "Complete", **values: float) -> dict[str, Any]:
    """`values`: m0=3.0 is 3 in minute 0."""
    return {
        "Id": name,
        "StatusCode": status,
        "Timestamps": [at(int(minute[1:])) for minute in values],
        "Values": list(values.values()),
    }


def answer(*given: dict[str, Any], token: str = "", rest: str = "Complete") -> dict[str, Any]:
    named = {each["Id"] for each in given}
    others = [result(name, rest) for name in IDS if name not in named]
    return {"MetricDataResults": [*given, *others], **({"NextToken": token} if token else {})}


def test_one_question_for_both_slots_in_whole_minutes(aws: Aws, metrics: CloudWatchMetrics) -> None:
    seen: dict[str, Any] = {}

    def note(params: dict[str, Any], **_event: object) -> None:
        seen.update(params)

    aws.cloudwatch.meta.events.register("provide-client-params.*.GetMetricData", note)
    with Stubber(aws.cloudwatch) as stub:
        stub.add_response("get_metric_data", answer())
        metrics.traffic(NOON - 59, NOON + 119.9)
        stub.assert_no_pending_responses()
    aws.cloudwatch.meta.events.unregister("provide-client-params.*.GetMetricData", note)
    assert (seen["StartTime"], seen["EndTime"]) == (at(0), at(1))
    assert [each["Id"] for each in seen["MetricDataQueries"]] == IDS
    first = seen["MetricDataQueries"][0]["MetricStat"]
    assert first == {
        "Metric": {
            "Namespace": "AWS/ApplicationELB",
            "MetricName": "RequestCount",
            "Dimensions": [
                {"Name": "LoadBalancer", "Value": "app/shop/1"},
                {"Name": "TargetGroup", "Value": "targetgroup/blue/1"},
            ],
        },
        "Period": 60,
        "Stat": "Sum",
    }


def test_every_minute_is_there_and_a_missing_one_is_unknown(
    aws: Aws, metrics: CloudWatchMetrics
) -> None:
    with Stubber(aws.cloudwatch) as stub:
        stub.add_response(
            "get_metric_data",
            answer(
                result("blue_requests", m0=100.0, m2=50.0),
                result("blue_target_5xx", m0=3.0),
                result("blue_target_4xx", m2=7.0),
                result("blue_p99", m0=0.25),
                result("green_connection_errors", m1=2.0),
            ),
        )
        found = metrics.traffic(NOON, NOON + 180)
    assert found[Slot.BLUE] == (
        Minute(NOON, 100, target_5xx=3, p99_s=0.25),
        Minute(NOON + 60, None),
        Minute(NOON + 120, 50, target_4xx=7),
    )
    assert found[Slot.GREEN] == (
        Minute(NOON, None),
        Minute(NOON + 60, None, connection_errors=2),
        Minute(NOON + 120, None),
    )


def test_slow_requests_come_from_the_percentile_rank(aws: Aws, metrics: CloudWatchMetrics) -> None:
    seen: list[str] = []

    def note(params: dict[str, Any], **_event: object) -> None:
        seen.extend(each["MetricStat"]["Stat"] for each in params["MetricDataQueries"])

    aws.cloudwatch.meta.events.register("provide-client-params.*.GetMetricData", note)
    with Stubber(aws.cloudwatch) as stub:
        told = answer(
            result("blue_requests", m0=200.0, m1=3.0),
            result("blue_in_time", m0=98.7),
            result("green_in_time", m0=50.0),
        )
        told["MetricDataResults"] += [result("blue_spare")]  # what nobody asked for is not read
        stub.add_response("get_metric_data", told)
        found = metrics.traffic(NOON, NOON + 120, slow_s=0.25)
    aws.cloudwatch.meta.events.unregister("provide-client-params.*.GetMetricData", note)
    assert seen.count("PR(:0.25)") == 2
    assert [minute.slow for minute in found[Slot.BLUE]] == [3, None]  # nobody answered: not quick
    assert [minute.slow for minute in found[Slot.GREEN]] == [None, None]  # of how many?


def test_requests_to_unhealthy_targets_are_told(aws: Aws, metrics: CloudWatchMetrics) -> None:
    with Stubber(aws.cloudwatch) as stub:
        stub.add_response("get_metric_data", answer(result("green_failed_open", m0=9.0)))
        found = metrics.traffic(NOON, NOON + 60)
    assert [found[slot][0].failed_open for slot in Slot] == [0, 9]
    assert found[Slot.GREEN][0].slow is None


@given(st.integers(0, 10**7), st.floats(0, 100))
def test_slow_is_a_part_of_the_requests(requests: int, in_time: float) -> None:
    found = slow(requests, in_time)
    assert found is not None
    assert 0 <= found <= requests
    assert abs(found - requests * (1 - in_time / 100)) <= 0.5 + 1e-6 * requests


@given(st.floats(1e-9, 1e5))
def test_numbers_of_statistics_have_no_exponent(number: float) -> None:
    written = decimal(number)
    assert set(written) <= set("0123456789.")
    assert float(written) == pytest.approx(number, abs=1e-10)


def test_no_whole_minute_asks_nothing(aws: Aws, metrics: CloudWatchMetrics) -> None:
    with Stubber(aws.cloudwatch):
        assert metrics.traffic(NOON + 1, NOON + 119) == {Slot.BLUE: (), Slot.GREEN: ()}
        assert metrics.traffic(NOON + 60, NOON) == {Slot.BLUE: (), Slot.GREEN: ()}


def test_pages_are_joined_and_partial_until_the_last(aws: Aws, metrics: CloudWatchMetrics) -> None:
    with Stubber(aws.cloudwatch) as stub:
        first = answer(result("blue_requests", "PartialData", m0=1.0), token="more")
        stub.add_response("get_metric_data", first)
        stub.add_response(
            "get_metric_data",
            {"MetricDataResults": [result("blue_requests", m1=2.0)]},
            {
                "MetricDataQueries": ANY,
                "StartTime": ANY,
                "EndTime": ANY,
                "ScanBy": "TimestampAscending",
                "NextToken": "more",
            },
        )
        found = metrics.traffic(NOON, NOON + 120)
        stub.assert_no_pending_responses()
    assert [minute.requests for minute in found[Slot.BLUE]] == [1, 2]


@pytest.mark.parametrize("status", ["PartialData", "InternalError", ""])
def test_an_incomplete_answer_is_none(aws: Aws, metrics: CloudWatchMetrics, status: str) -> None:
    with Stubber(aws.cloudwatch) as stub:
        for _ in range(ATTEMPTS):
            stub.add_response(
                "get_metric_data", answer(result("green_target_5xx", status), rest="Complete")
            )
        with pytest.raises(CloudUnavailable, match="green_target_5xx"):
            metrics.traffic(NOON, NOON + 60)
        stub.assert_no_pending_responses()


def test_what_came_back_partial_is_asked_for_again(aws: Aws, metrics: CloudWatchMetrics) -> None:
    with Stubber(aws.cloudwatch) as stub:
        first = answer(result("blue_requests", "PartialData", m0=1.0))
        stub.add_response("get_metric_data", first)
        stub.add_response("get_metric_data", answer(result("blue_requests", m0=1.0, m1=2.0)))
        found = metrics.traffic(NOON, NOON + 120)
        stub.assert_no_pending_responses()
    assert [minute.requests for minute in found[Slot.BLUE]] == [1, 2]


def test_a_metric_that_is_not_answered_at_all_is_missed(
    aws: Aws, metrics: CloudWatchMetrics
) -> None:
    with Stubber(aws.cloudwatch) as stub:
        for _ in range(ATTEMPTS):
            stub.add_response("get_metric_data", {"MetricDataResults": [result("blue_requests")]})
        with pytest.raises(CloudUnavailable, match="no answer"):
            metrics.traffic(NOON, NOON + 60)


def test_pages_have_an_end(aws: Aws, metrics: CloudWatchMetrics) -> None:
    with Stubber(aws.cloudwatch) as stub:
        for _ in range(PAGES):
            stub.add_response("get_metric_data", answer(token="more"))
        with pytest.raises(CloudUnavailable, match="more pages"):
            metrics.traffic(NOON, NOON + 60)
        stub.assert_no_pending_responses()


def test_a_forbidden_metric_names_the_permission(aws: Aws, metrics: CloudWatchMetrics) -> None:
    with Stubber(aws.cloudwatch) as stub:
        stub.add_response("get_metric_data", answer(rest="Forbidden"))
        with pytest.raises(AccessProblem, match="cloudwatch:GetMetricData"):
            metrics.traffic(NOON, NOON + 60)


def test_throttling_is_worth_another_try(aws: Aws, metrics: CloudWatchMetrics) -> None:
    with Stubber(aws.cloudwatch) as stub:
        stub.add_client_error("get_metric_data", "Throttling")
        with pytest.raises(CloudUnavailable, match="cloudwatch:GetMetricData"):
            metrics.traffic(NOON, NOON + 60)


def test_time_zones_of_an_answer_do_not_matter(aws: Aws, metrics: CloudWatchMetrics) -> None:
    moment = at(0).astimezone(timezone(td(hours=5, minutes=30)))
    found = {**result("blue_requests"), "Timestamps": [moment], "Values": [4.0]}
    with Stubber(aws.cloudwatch) as stub:
        stub.add_response("get_metric_data", answer(found))
        assert metrics.traffic(NOON, NOON + 60)[Slot.BLUE][0].requests == 4


@given(st.floats(0, 4e9), st.floats(-100, 1e5))
def test_minutes_lie_within_what_was_asked(since: float, length: float) -> None:
    until = since + length
    starts = whole_minutes(since, until)
    assert all(start % 60 == 0 and since <= start and start + 60 <= until for start in starts)
    if starts:
        assert starts[0] - 60 < since
        assert starts[-1] + 120 > until
    else:
        assert length < 120

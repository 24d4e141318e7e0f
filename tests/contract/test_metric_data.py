"""GetMetricData's limits: queries and values of one call, and what needs to stay together."""

from datetime import UTC, datetime
from typing import Any

from botocore.stub import ANY, Stubber
from hypothesis import given
from hypothesis import strategies as st

from deployer.aws.metric_data import MOST_QUERIES, MOST_VALUES, Periods, batches, query, read
from deployer.aws.session import Aws

LB = {"LoadBalancer": "app/shop/1"}
NOON = 1_700_000_040
MOMENT = datetime.fromtimestamp(NOON, UTC)


def asked(count: int, first: int = 0) -> list[Any]:
    return [query(f"q{first + n}", "RequestCount", "Sum", LB) for n in range(count)]


@given(st.lists(st.integers(1, 300), max_size=12))
def test_groups_stay_whole_and_in_order(sizes: list[int]) -> None:
    groups, first = [], 0
    for size in sizes:
        groups.append(asked(size, first))
        first += size
    found = list(batches(groups))
    assert [one for batch in found for one in batch] == [one for group in groups for one in group]
    assert all(0 < len(batch) <= MOST_QUERIES for batch in found)
    place = {one["Id"]: n for n, batch in enumerate(found) for one in batch}
    assert all(len({place[one["Id"]] for one in group}) == 1 for group in groups)
    assert len(found) <= 2 * sum(sizes) // MOST_QUERIES + 1


@given(st.integers(0, 40_000), st.integers(1, MOST_QUERIES), st.sampled_from([60, 300, 3600]))
def test_a_call_is_cut_so_that_its_answer_fits(periods: int, series: int, period_s: int) -> None:
    whole = Periods(NOON, NOON + periods * period_s, period_s)
    pieces = list(whole.cut(series))
    assert all((one.end - one.start) // period_s * series <= MOST_VALUES for one in pieces)
    edges = [NOON, *(one.end for one in pieces)]
    assert edges[:-1] == [one.start for one in pieces]
    assert edges[-1] == whole.end


def test_more_than_five_hundred_queries_are_several_calls(aws: Aws) -> None:
    groups = [asked(7, 7 * n) for n in range(80)]  # 560: 71 groups fit
    sent: list[int] = []

    def note(params: dict[str, Any], **_event: object) -> None:
        sent.append(len(params["MetricDataQueries"]))

    def told(first: int, count: int) -> dict[str, Any]:
        ids = [f"q{n}" for n in range(first, first + count)]
        values = {"StatusCode": "Complete", "Timestamps": [MOMENT], "Values": [1.0]}
        return {"MetricDataResults": [{"Id": name, **values} for name in ids]}

    aws.cloudwatch.meta.events.register("provide-client-params.*.GetMetricData", note)
    with Stubber(aws.cloudwatch) as stub:
        stub.add_response("get_metric_data", told(0, 497))
        stub.add_response("get_metric_data", told(497, 63))
        answer = read(aws, groups, Periods(NOON, NOON + 60), "everything")
        stub.assert_no_pending_responses()
    aws.cloudwatch.meta.events.unregister("provide-client-params.*.GetMetricData", note)
    assert sent == [497, 63]
    assert all(answer.of(f"q{n}") == {NOON: 1.0} for n in range(560))


def test_what_is_not_to_be_returned_is_not_missed(aws: Aws) -> None:
    part: Any = {**asked(1)[0], "ReturnData": False}
    with Stubber(aws.cloudwatch) as stub:
        whole = {"Id": "ratio", "StatusCode": "Complete", "Timestamps": [MOMENT], "Values": [0.5]}
        stub.add_response(
            "get_metric_data",
            {"MetricDataResults": [whole]},
            {"MetricDataQueries": ANY, "StartTime": ANY, "EndTime": ANY, "ScanBy": ANY},
        )
        expression: Any = {"Id": "ratio", "Expression": "q0 / 2", "ReturnData": True}
        answer = read(aws, [[part, expression]], Periods(NOON, NOON + 60), "a ratio")
    assert answer.of("ratio") == {NOON: 0.5}

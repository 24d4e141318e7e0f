"""What is asked of a Prometheus, and what is taken for an answer; the real one is in its own file."""

import json
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.errors import CloudUnavailable
from deployer.model import Slot
from deployer.settings.metrics import PrometheusMetric
from deployer.sources.prometheus import Prometheus, series_of
from tests.sources.serving import saying, serving

STARTS = range(1_700_000_040, 1_700_000_220, 60)
FACTS = {slot: {"slot": slot.value} for slot in Slot}
HERE = "https://p.example.com/api/v1/query_range"


def matrix(*series: list[list[Any]], **more: Any) -> str:
    data = {"resultType": "matrix", "result": [{"metric": {}, "values": one} for one in series]}
    return json.dumps({"status": "success", "data": data, **more})


def test_a_minute_is_what_the_query_says_at_its_end() -> None:
    values = [[at + 60, "4.5"] for at in STARTS]
    with serving(saying(matrix(values))) as served:
        metric = PrometheusMetric(
            name="m", url=f"{served.url}/prom/", bad='b{s="{slot}"}', total="t"
        )
        found = Prometheus(metric, {}).counts(STARTS, FACTS)
    assert found.known == {slot: dict.fromkeys(STARTS, (4.5, 4.5)) for slot in Slot}
    head, _, body = served.requests[0].decode().partition("\r\n\r\n")
    assert head.startswith("POST /prom/api/v1/query_range HTTP/1.1\r\n")
    assert "\r\nContent-Type: application/x-www-form-urlencoded" in head
    assert parse_qs(body) == {
        "query": ['b{s="blue"}'],
        "start": [str(STARTS[0] + 60)],
        "end": [str(STARTS[-1] + 60)],
        "step": ["60"],
    }
    assert len(served.requests) == 4  # bad and total of both slots


def test_nothing_at_all_is_nothing_to_count() -> None:
    assert series_of(200, matrix().encode(), HERE) == {}


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, matrix([], []), "answered with 2 series: the query must give one, by sum()"),
        (200, matrix([[60, "x"]]), "values that are no numbers"),
        (200, matrix([[60]]), "values that are no numbers"),
        (200, matrix([], warnings=["one store did not answer"]), "not answer completely: one store did"),
        (503, matrix([]), "answered 503"),
        (400, '{"status": "error", "errorType": "bad_data", "error": "parse\\n error: k3y"}', "answered 400: parse error: ***"),
        (200, '{"status": "success"}', "answered 200"),
        (502, "<html>Bad gateway</html>", "answered 502, and nothing of Prometheus's"),
        (200, "", "nothing of Prometheus's"),
        (200, '{"status": "success", "data": {"resultType": "string", "result": []}}', "with string"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_said(status: int, body: str, said: str) -> None:
    with pytest.raises(CloudUnavailable) as failed:
        series_of(status, body.encode(), HERE, "k3y")
    assert said in str(failed.value)
    assert str(failed.value).startswith(HERE)
    assert "k3y" not in str(failed.value)


@given(st.binary(max_size=40) | st.lists(st.tuples(st.floats() | st.integers(), st.text(max_size=5))).map(lambda x: matrix(list(map(list, x))).encode()))  # fmt: skip
def test_any_answer_is_a_series_or_an_error(body: bytes) -> None:
    try:
        found = series_of(200, body, HERE)
    except CloudUnavailable:
        return
    assert all(isinstance(at, int) for at in found)

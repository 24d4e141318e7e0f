"""Further CloudWatch metrics: in the same question as the load balancer's, and never at its expense."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.stub import Stubber
from msgspec import convert

from deployer.aws.cloudwatch import METRICS, CloudWatchMetrics
from deployer.aws.further import Further, expression
from deployer.aws.metric_data import ATTEMPTS
from deployer.aws.session import Aws
from deployer.aws.standing import facts
from deployer.errors import CloudUnavailable
from deployer.lab.context import Context
from deployer.lab.telemetry.telemetry import Telemetry
from deployer.model import Minute, Slot
from deployer.settings.metrics import CloudWatchMetric
from tests.contract.conftest import published
from tests.contract.test_history import Silence
from tests.contract.test_metrics import IDS, NOON, result

LATELY = int(time.time()) // 60 * 60 - 600  # the lab takes no older datapoints than of today
BOOTED = {Slot.BLUE: "v1", Slot.GREEN: "v2"}
Put = Callable[..., None]


@pytest.fixture(scope="module", autouse=True)
def telemetry(context: Context) -> Telemetry:
    return Telemetry(context, Silence())


@pytest.fixture
def space(fresh: str) -> str:
    return f"Shop/{fresh}"


@pytest.fixture
def put(admin: Callable[[str], Any], space: str) -> Put:
    """`put("Refused", 0, 3.0, Group="shop-blue")`: a value in minute 0."""

    def publish(name: str, minute: int, value: float, **dimensions: str) -> None:
        datum = {
            "MetricName": name,
            "Timestamp": LATELY + 60 * minute,
            "Value": value,
            "Dimensions": [{"Name": key, "Value": each} for key, each in dimensions.items()],
        }
        admin("cloudwatch").put_metric_data(Namespace=space, MetricData=[datum])

    return publish


def metric(
    space: str, name: str = "refused", group: str = "{group}", **more: Any
) -> CloudWatchMetric:
    """Refused of refused and accepted."""
    series = {
        each.lower(): {"namespace": space, "metric": each, "dimensions": {"Group": group}}
        for each in ("Refused", "Accepted")
    }
    said = {"bad": "FILL(refused, 0)", "total": "FILL(refused, 0) + accepted", "series": series}
    return convert({"source": "cloudwatch", "name": name, **said, **more}, CloudWatchMetric)


def traffic(
    aws: Aws, *metrics: CloudWatchMetric, booted: Mapping[Slot, str] = BOOTED, since: float = LATELY
) -> dict[Slot, list[Minute]]:
    """Two minutes."""
    further = Further(metrics, lambda: facts(published(), "shop", "prod", booted))
    found = CloudWatchMetrics(aws, published(), further).traffic(since, since + 120)
    return {slot: list(minutes) for slot, minutes in found.items()}


def asked(aws: Aws) -> tuple[list[list[str]], Callable[[], None]]:
    """The Ids of every GetMetricData from now on, and what ends the listening."""
    calls: list[list[str]] = []

    def note(params: dict[str, Any], **_event: object) -> None:
        calls.append([each["Id"] for each in params["MetricDataQueries"]])

    name = "provide-client-params.*.GetMetricData"
    aws.cloudwatch.meta.events.register(name, note)
    return calls, lambda: aws.cloudwatch.meta.events.unregister(name, note)


def test_any_metrics_and_metric_math_in_the_one_call(aws: Aws, put: Put, space: str) -> None:
    for colour, refused in (("blue", 3.0), ("green", 5.0)):
        put("Refused", 0, refused, Group=f"shop-{colour}")
        for minute in (0, 1):
            put("Accepted", minute, 20.0, Group=f"shop-{colour}")
    put("Refused", 0, 99.0, Group="elsewhere")
    calls, stop = asked(aws)
    found = traffic(aws, metric(space), metric(space, "plain", bad="refused", total="accepted"))
    stop()
    assert [minute.custom["refused"] for minute in found[Slot.BLUE]] == [(3, 23), (0, 20)]
    assert [minute.custom["refused"] for minute in found[Slot.GREEN]] == [(5, 25), (0, 20)]
    assert found[Slot.BLUE][0].custom["plain"] == (3, 20)
    assert [minute.unknown for minute in found[Slot.GREEN]] == [
        {},
        {"plain": "no count of bad ones of blue"},
    ]
    (ids,) = calls
    assert ids[: len(IDS)] == IDS
    assert len(ids) == len(set(ids)) == len(IDS) + 2 * (2 + 2) + 2 * 2


def test_a_counter_that_is_published_only_when_it_counts(aws: Aws, put: Put, space: str) -> None:
    for colour in ("blue", "green"):
        put("Accepted", 0, 20.0, Group=f"shop-{colour}")
    found = traffic(aws, metric(space, bad="refused", total="accepted", absent="none"))
    assert [minute.custom for minute in found[Slot.BLUE]] == [{"refused": (0, 20)}, {}]


def test_what_stands_for_a_word_in_braces(aws: Aws, put: Put, space: str) -> None:
    for word, blue in (
        ("{slot}/{release}", "blue/v1"),
        ("{target_group}", "targetgroup/blue/1"),
        ("{load_balancer}", "app/shop/1"),
        ("{service}-{environment}", "shop-prod"),
    ):
        for each in ("Refused", "Accepted"):
            put(each, 0, 4.0, Group=blue)
        found = traffic(aws, metric(space, group=word))
        assert found[Slot.BLUE][0].custom == {"refused": (4, 8)}, word


def test_a_release_that_is_not_known_is_said_and_hides_nothing_else(
    aws: Aws, put: Put, space: str
) -> None:
    for colour in ("blue", "green"):
        put("Accepted", 0, 20.0, Group=f"shop-{colour}")
    pinned = metric(space, "pinned", group="{release}")
    found = traffic(aws, pinned, metric(space), booted={Slot.BLUE: "v1"})
    for minute in found[Slot.GREEN]:
        assert minute.unknown == {"pinned": "nothing is known yet that {release} stands for"}
    assert found[Slot.GREEN][0].custom == {"refused": (0, 20)}


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("refused / 'x'", "ValidationError"),
        ("NOSUCHFUNCTION(refused)", "NOSUCHFUNCTION"),
        ("SUM(", "syntax error"),
    ],
)
def test_an_expression_that_cloudwatch_refuses_costs_its_own_minutes_only(
    aws: Aws, put: Put, space: str, bad: str, said: str
) -> None:
    for colour in ("blue", "green"):
        put("Accepted", 0, 20.0, Group=f"shop-{colour}")
    wrong, right = metric(space, bad=bad), metric(space, "right")
    further = Further([wrong, right], lambda: facts(published(), "shop", "prod", BOOTED))
    metrics = CloudWatchMetrics(aws, published(), further)
    calls, stop = asked(aws)
    for until in (LATELY + 60, LATELY + 120):
        found = metrics.traffic(LATELY, until)
    stop()
    first, *apart, again = calls
    assert [[each for each in ids if each in IDS] for ids in (first, *apart)] == [IDS, IDS, [], []]
    assert again[: len(IDS)] == IDS
    assert {each[:2] for each in again[len(IDS) :]} == {"m1"}  # what was refused is not asked again
    for minutes in found.values():
        assert all(said in minute.unknown["refused"] for minute in minutes)
        assert [minute.start for minute in minutes] == [LATELY, LATELY + 60]
        assert minutes[0].custom == {"right": (0, 20)}


def answered(*further: dict[str, Any]) -> dict[str, Any]:
    own = [result(f"{slot}_{short}", m0=7.0) for slot in Slot for short in METRICS]
    return {"MetricDataResults": [*own, *further]}


def test_one_that_is_forbidden_or_partial_is_left_out(aws: Aws) -> None:
    plain = metric("Shop", bad="refused", total="accepted")
    for status, times in (("Forbidden", 1), ("InternalError", ATTEMPTS)):
        failing = [
            result(f"m0_{slot}_{part}", status) for slot in Slot for part in ("bad", "total")
        ]
        with Stubber(aws.cloudwatch) as stub:
            for _ in range(times):
                stub.add_response("get_metric_data", answered(*failing))
            stub.add_response("get_metric_data", answered())
            if status == "Forbidden":  # whether it is this one
                stub.add_response("get_metric_data", {"MetricDataResults": failing})
            found = traffic(aws, plain, since=NOON)
            stub.assert_no_pending_responses()
        assert found[Slot.BLUE][0].requests == 7
        assert list(found[Slot.BLUE][0].unknown) == ["refused"]


def test_several_series_are_nobodys_count(aws: Aws) -> None:
    many = [result(f"m0_{slot}_{part}", m0=1.0) for slot in Slot for part in ("bad", "total")]
    with Stubber(aws.cloudwatch) as stub:
        stub.add_response("get_metric_data", answered(*many, many[0]))
        found = traffic(aws, metric("Shop", bad="refused", total="accepted"), since=NOON)
    assert "several series" in found[Slot.GREEN][0].unknown["refused"]
    assert found[Slot.GREEN][0].custom == {}


def test_what_the_load_balancer_does_not_say_is_an_error_all_the_same(aws: Aws) -> None:
    with Stubber(aws.cloudwatch) as stub:
        for _ in range(2):
            stub.add_client_error("get_metric_data", "Throttling")
        with pytest.raises(CloudUnavailable):
            traffic(aws, metric("Shop"), since=NOON)
        stub.assert_no_pending_responses()


def test_twenty_of_them_with_ten_series_each_fit_into_the_call(aws: Aws) -> None:
    series = {f"s{n}": {"namespace": "S", "metric": f"M{n}"} for n in range(10)}
    text = " + ".join(series)
    many = [metric("S", f"n{n}", bad=text, total=text, series=series) for n in range(20)]
    question = Further(many, lambda: facts(published(), "shop", "prod", BOOTED)).question()
    assert len(IDS) + 2 + sum(map(len, question.groups.values())) <= 500


def test_names_become_ids_and_quotations_stay() -> None:
    text = "IF(refused > 5, refused, 0) + SUM(SEARCH('{Shop,Group} ok refused=\"{slot}\"', 'Sum'))"
    assert expression(text, {"refused": "x"}, {"slot": "blue"}) == (
        "IF(x > 5, x, 0) + SUM(SEARCH('{Shop,Group} ok refused=\"blue\"', 'Sum'))"
    )


def test_what_stands_for_a_word_is_no_mathematics() -> None:
    """Neither a release that is called like a series, nor one that has a quotation mark in it."""
    ids = {"refused": "x"}
    assert expression("refused + {slot}", ids | {"slot": "y"}, {"slot": "refused"}) == "x + {y}"
    said = expression("SUM(SEARCH('r=\"{release}\"', 'Sum'))", ids, {"release": "a'refused'"})
    assert said == "SUM(SEARCH('r=\"a'refused'\"', 'Sum'))"

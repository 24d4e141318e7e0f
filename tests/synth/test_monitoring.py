"""Alarms on each slot, two alarms of alarms, one dashboard: said as people would say it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from deployer.engine.marks import Reading, Shown, due
from deployer.lab.telemetry.alb import samples
from deployer.lab.telemetry.expressions import names
from deployer.model import Weights
from deployer.plan import Status
from deployer.topology import METRICS_NAMESPACE, Mark, metric_dimensions
from tests.lab_telemetry.test_alb import BUSY
from tests.synth.conftest import Templates, Variant
from tests.unit.test_marks import RECORD
from tests.unit.world import NOW, snapshot

ALARM, COMPOSITE = "CloudWatch::Alarm", "CloudWatch::CompositeAlarm"
SLOTS = ("blue", "green")


def alarms(templates: Templates) -> dict[str, dict[str, Any]]:
    return {one["AlarmName"]: one for one in templates.properties("service", ALARM)}


def test_each_slot_has_its_four_alarms(templates: Templates) -> None:
    names = {
        f"shop-lab-{slot}-{what}"
        for slot in SLOTS
        for what in ("errors", "slow", "unhealthy", "open")
    }
    assert alarms(templates).keys() == names


def test_the_error_alarm_is_a_share_of_enough_requests(templates: Templates) -> None:
    for slot in SLOTS:
        alarm = alarms(templates)[f"shop-lab-{slot}-errors"]
        (math,) = [one for one in alarm["Metrics"] if "Expression" in one]
        assert math["Expression"] == (
            "IF(requests >= 20, 100 * (FILL(answers, 0) + FILL(broken, 0)) / requests, 0)"
        )
        assert names(math["Expression"]) == {"requests", "answers", "broken"}
        metrics = {
            one["Id"]: one["MetricStat"]["Metric"]["MetricName"]
            for one in alarm["Metrics"]
            if "MetricStat" in one
        }
        assert metrics == {
            "requests": "RequestCount",
            "answers": "HTTPCode_Target_5XX_Count",
            "broken": "TargetConnectionErrorCount",
        }
        assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (5, 3)


def test_the_other_alarms_watch_what_they_are_named_after(templates: Templates) -> None:
    found = {
        name.rpartition("-")[2]: (one["MetricName"], one.get("Statistic"), one["Threshold"])
        for name, one in alarms(templates).items()
        if "-blue-" in name and not name.endswith("errors")
    }
    assert found == {
        "slow": ("TargetResponseTime", None, 1),
        "unhealthy": ("UnHealthyHostCount", "Minimum", 0),
        "open": ("UnhealthyRoutingRequestCount", "Sum", 0),
    }
    slow = alarms(templates)["shop-lab-blue-slow"]
    assert (slow["ExtendedStatistic"], slow["EvaluateLowSampleCountPercentile"]) == (
        "p99",
        "ignore",
    )


def test_silence_is_no_alarm_and_every_metric_is_of_one_slot(templates: Templates) -> None:
    for name, alarm in alarms(templates).items():
        assert alarm["TreatMissingData"] == "notBreaching", name
        stats = [
            one["MetricStat"]["Metric"] for one in alarm.get("Metrics", ()) if "MetricStat" in one
        ]
        for metric in stats or [alarm]:
            dimensions = {one["Name"]: json.dumps(one["Value"]) for one in metric["Dimensions"]}
            assert dimensions.keys() == {"LoadBalancer", "TargetGroup"}
            assert ("Blue" in dimensions["TargetGroup"]) is ("-blue-" in name)


@pytest.mark.parametrize("name", ["users", "capacity"])
def test_only_the_alarms_of_alarms_tell_people(templates: Templates, name: str) -> None:
    assert all("AlarmActions" not in one for one in alarms(templates).values())
    composites = {one["AlarmName"]: one for one in templates.properties("monitoring", COMPOSITE)}
    assert composites.keys() == {"shop-lab-users", "shop-lab-capacity"}
    one = composites[f"shop-lab-{name}"]
    assert one["AlarmActions"] == one["OKActions"]
    assert "Topic" in one["AlarmActions"][0]["Fn::ImportValue"]
    reasons = json.dumps(one["AlarmRule"]).count("ALARM(")
    assert reasons == {"users": 6, "capacity": 2}[name]


def body(templates: Templates) -> list[dict[str, Any]]:
    """The dashboard's widgets, each reference as `?`."""
    (board,) = templates.properties("monitoring", "CloudWatch::Dashboard")
    parts = board["DashboardBody"]["Fn::Join"][1]
    text = "".join(part if isinstance(part, str) else "?" for part in parts)
    found: list[dict[str, Any]] = json.loads(text)["widgets"]
    return found


SHARED = [
    "Alarms",
    "Weights (%) as last published, and deployments",
    "Share of requests (%), and when both slots serve",
]


def test_the_dashboard_shows_both_slots_side_by_side(templates: Templates) -> None:
    titles = [widget["properties"]["title"] for widget in body(templates)]
    assert titles[:3] == SHARED
    for blue, green in zip(titles[3::2], titles[4::2], strict=True):
        assert (blue.partition(":")[0], green.partition(":")[0]) == SLOTS
        assert blue.partition(":")[2] == green.partition(":")[2]
    rows = [(widget["x"], widget["y"]) for widget in body(templates)[3:]]
    assert all(left == (0, top) and right == (12, top) for left, right, top in _pairs(rows))


def _pairs(rows: list[tuple[int, int]]) -> list[tuple[tuple[int, int], tuple[int, int], int]]:
    return [(left, right, left[1]) for left, right in zip(rows[::2], rows[1::2], strict=True)]


def test_the_dashboards_widgets_fill_its_width_and_do_not_overlap(templates: Templates) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in body(templates):
        columns = range(widget["x"], widget["x"] + widget["width"])
        cells = {
            (x, y) for x in columns for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not taken & cells
        taken |= cells
    lowest = max(y for _, y in taken)
    assert taken == {(x, y) for x in range(24) for y in range(lowest + 1)}


def graphed(templates: Templates) -> list[list[Any]]:
    """Every line of every graph: namespace, name, dimensions..., options."""
    return [line for widget in body(templates) for line in widget["properties"].get("metrics", ())]


def test_every_expression_of_the_dashboard_is_one_that_cloudwatch_reads(
    templates: Templates,
) -> None:
    expressions = [
        one["expression"] for line in graphed(templates) for one in line if "expression" in one
    ]
    assert expressions[:6] == [
        "FILL(blue, REPEAT)",
        "FILL(green, REPEAT)",
        *(f"FILL({mark.lower()}, 0)" for mark in Mark),
    ]
    assert len(expressions) == 11
    for expression in expressions[6:]:
        assert names(expression) in ({"blue", "green"}, {"requests", "answers", "broken"})


def test_no_graph_is_dead(templates: Templates) -> None:
    """Each metric is one that the load balancer, or the deployer, publishes under these dimensions."""
    balancers = {
        (sample.metric.name, frozenset(name for name, _ in sample.metric.dimensions))
        for sample in samples(BUSY, {})
    }
    ours = {(each.metric, frozenset(metric_dimensions("", "", each.slot))) for each in shown()}
    for line in graphed(templates):
        if isinstance(line[0], dict):
            continue
        namespace, name, *rest = [part for part in line if isinstance(part, str)]
        published = {"AWS/ApplicationELB": balancers, METRICS_NAMESPACE: ours}[namespace]
        assert (name, frozenset(rest[::2])) in published
    dimensions = [line[3:7:2] for line in graphed(templates) if line[0] == METRICS_NAMESPACE]
    assert len(dimensions) == 6
    assert all(values == ["lab", "shop"] for values in dimensions)


def shown() -> Iterator[Reading]:
    """All that the deployer publishes in its deployments' lives."""
    for status in Status:
        ended = replace(RECORD, status=status, finished_at=NOW if status.final else None)
        yield from due(Shown(), ended, snapshot(Weights(950, 50)), NOW)[0]


def test_a_dashboard_can_be_left_out(shapes: Templates) -> None:
    assert shapes.of_type("monitoring", "CloudWatch::Dashboard", "warm") == {}
    assert len(shapes.of_type("monitoring", COMPOSITE, "warm")) == 2


def test_without_metrics_of_our_own_nothing_draws_or_allows_them(variant: Variant) -> None:
    quiet = variant(
        "[environments.prod]",
        "[environments.lab.monitoring]\nown_metrics = false\n[environments.prod]",
    )
    titles = [widget["properties"]["title"] for widget in body(quiet)]
    assert titles[:2] == [SHARED[0], SHARED[2]]
    assert METRICS_NAMESPACE not in json.dumps(body(quiet))
    assert "PutMetricData" not in json.dumps(quiet.template("control"))

"""The dashboard: weights and deployments, what they came to, then blue and green side by side.

Weights are published only while a deployment runs, since only then do they change (deployer.engine.marks).
In between the last ones are drawn on: FILL(REPEAT), as far as the range that is looked at holds a
deployment. Below, on the same axis of time, is what the load balancer really did: it is never empty
while users are there, and it shows when somebody else has moved traffic.
"""

from collections.abc import Mapping, Sequence

from aws_cdk import aws_cloudwatch
from aws_cdk.aws_cloudwatch import GraphWidget, IMetric, MathExpression, Metric, YAxisProps
from constructs import Construct

from deployer.model import Slot
from deployer.settings.schema import Settings
from deployer.topology import METRICS_NAMESPACE, WEIGHT_METRIC, Mark, metric_dimensions
from stacks.alarms import MINUTE, Watched, error_share
from stacks.twin_service import TwinService

COLORS = {Slot.BLUE: "#1f77b4", Slot.GREEN: "#2ca02c"}
MARKS = {
    Mark.BEGUN: ("begun", "#7f7f7f"),
    Mark.PROMOTED: ("promoted", "#98df8a"),
    Mark.ROLLED_BACK: ("rolled back", "#ff7f0e"),
    Mark.HALTED: ("halted", "#d62728"),
}
WIDTH, HEIGHT = 24, 6
TIMES = ("p50", "p90", "p99")
IN_PERCENT = YAxisProps(min=0, max=100)


def dashboard(
    scope: Construct, service: TwinService, alarms: Sequence[aws_cloudwatch.CompositeAlarm]
) -> aws_cloudwatch.Dashboard:
    """One page for the service's environment; its name is CloudFormation's."""
    board = aws_cloudwatch.Dashboard(scope, "Dashboard")
    watched = {slot: Watched(slot.value, service.slots[slot].target_group) for slot in Slot}
    reasons = [alarm for slot in service.alarms.values() for alarm in slot.all]
    board.add_widgets(
        aws_cloudwatch.AlarmStatusWidget(
            title="Alarms", alarms=[*alarms, *reasons], width=WIDTH, height=3
        )
    )
    if service.settings.monitoring.own_metrics:
        board.add_widgets(_weights(service.settings))
    board.add_widgets(_shares(watched))
    for draw in (_requests, _errors, _latency, _hosts):
        board.add_widgets(*(draw(watched[slot], slot, service) for slot in Slot))
    return board


def _graph(title: str, left: Sequence[IMetric]) -> GraphWidget:
    return GraphWidget(
        title=title,
        left=list(left),
        left_y_axis=YAxisProps(min=0),
        width=WIDTH // 2,
        height=HEIGHT,
        period=MINUTE,
    )


def _weights(settings: Settings) -> GraphWidget:
    """What the deployer has told the rule, and a spike where a deployment began or ended."""
    weights = []
    for slot in Slot:
        known = {slot.value: _own(settings, WEIGHT_METRIC, "Average", slot)}
        weights.append(_line(slot.value, COLORS[slot], f"FILL({slot.value}, REPEAT)", known))
    marks = []
    for mark, (label, color) in MARKS.items():
        # The maximum: a mark that two runners have shown is one mark.
        known = {mark.lower(): _own(settings, mark, "Maximum")}
        marks.append(_line(label, color, f"FILL({mark.lower()}, 0)", known))
    return _wide("Weights (%) as last published, and deployments", weights, marks)


def _own(settings: Settings, metric: str, statistic: str, slot: Slot | None = None) -> IMetric:
    """A metric that the deployer publishes."""
    service, environment = settings.service.name, settings.environment.name
    return Metric(
        namespace=METRICS_NAMESPACE,
        metric_name=metric,
        dimensions_map=metric_dimensions(service, environment, slot),
        statistic=statistic,
        period=MINUTE,
    )


def _line(
    label: str, color: str, expression: str, metrics: Mapping[str, IMetric]
) -> MathExpression:
    return MathExpression(
        label=label, color=color, expression=expression, using_metrics=metrics, period=MINUTE
    )


def _wide(title: str, percents: Sequence[IMetric], spikes: Sequence[IMetric]) -> GraphWidget:
    """Over the whole width, so that all of these have one axis of time."""
    return GraphWidget(
        title=title,
        left=list(percents),
        right=list(spikes),
        left_y_axis=IN_PERCENT,
        right_y_axis=YAxisProps(min=0, max=1, show_units=False),
        width=WIDTH,
        height=HEIGHT,
        period=MINUTE,
    )


def _shares(watched: dict[Slot, Watched]) -> GraphWidget:
    """What each slot got of all requests: what the weights came to, cookies and user groups included."""
    requests = {slot.value: each.metric("RequestCount", "Sum") for slot, each in watched.items()}

    filled = [f"FILL({name}, 0)" for name in requests]
    shares = [
        _line(
            slot.value,
            COLORS[slot],
            f"100 * FILL({slot.value}, 0) / ({' + '.join(filled)})",
            requests,
        )
        for slot in Slot
    ]
    both = _line("both slots serve", "#7f7f7f", f"IF({' * '.join(filled)} > 0, 1, 0)", requests)
    return _wide("Share of requests (%), and when both slots serve", shares, [both])


def _requests(watched: Watched, slot: Slot, _service: TwinService) -> GraphWidget:
    metric = watched.metric("RequestCount", "Sum").with_(color=COLORS[slot], label="requests")
    return _graph(f"{slot}: requests a minute", [metric])


def _errors(watched: Watched, slot: Slot, service: TwinService) -> GraphWidget:
    least = service.settings.monitoring.min_requests
    return _graph(
        f"{slot}: failed (%), in minutes of {least} requests or more", [error_share(watched, least)]
    )


def _latency(watched: Watched, slot: Slot, _service: TwinService) -> GraphWidget:
    times = [watched.metric("TargetResponseTime", name).with_(label=name) for name in TIMES]
    return _graph(f"{slot}: response time (s)", times)


def _hosts(watched: Watched, slot: Slot, _service: TwinService) -> GraphWidget:
    return _graph(
        f"{slot}: instances",
        [
            watched.metric("HealthyHostCount", "Minimum").with_(label="healthy"),
            watched.metric("UnHealthyHostCount", "Maximum").with_(label="unhealthy"),
        ],
    )

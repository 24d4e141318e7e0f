"""The dashboard: how traffic is shared, then blue and green side by side."""

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch
from aws_cdk.aws_cloudwatch import GraphWidget, IMetric, MathExpression, YAxisProps
from constructs import Construct

from deployer.model import Slot
from stacks.alarms import MINUTE, Watched, error_share
from stacks.twin_service import TwinService

COLORS = {Slot.BLUE: "#1f77b4", Slot.GREEN: "#2ca02c"}
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


def _shares(watched: dict[Slot, Watched]) -> GraphWidget:
    """What each slot got of all requests, and where both got some: a deployment was under way.

    The weights themselves are in no metric: this is what they came to.
    """
    requests = {slot.value: each.metric("RequestCount", "Sum") for slot, each in watched.items()}

    def of(label: str, expression: str, color: str) -> MathExpression:
        return MathExpression(
            label=label,
            color=color,
            expression=expression,
            using_metrics=requests,
            period=MINUTE,
        )

    filled = [f"FILL({name}, 0)" for name in requests]
    shares = [
        of(slot.value, f"100 * FILL({slot.value}, 0) / ({' + '.join(filled)})", COLORS[slot])
        for slot in Slot
    ]
    both = of("both slots serve", f"IF({' * '.join(filled)} > 0, 1, 0)", "#7f7f7f")
    return GraphWidget(
        title="Share of requests (%), and when both slots serve",
        left=shares,
        right=[both],
        left_y_axis=IN_PERCENT,
        right_y_axis=YAxisProps(min=0, max=1),
        width=WIDTH,
        height=HEIGHT,
        period=MINUTE,
    )


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

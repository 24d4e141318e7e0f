"""AWS::CloudWatch::*: alarms, composite alarms, dashboards. Names and shapes are the API's own."""

from typing import Any

from deployer.lab.cloudformation.kinds import Kind, Work, kind

_ALARM = (
    "ActionsEnabled AlarmActions AlarmDescription ComparisonOperator DatapointsToAlarm Dimensions "
    "EvaluateLowSampleCountPercentile EvaluationPeriods ExtendedStatistic InsufficientDataActions "
    "MetricName Metrics Namespace OKActions Period Statistic Threshold ThresholdMetricId "
    "TreatMissingData Unit"
)
_COMPOSITE = (
    "ActionsEnabled AlarmActions AlarmDescription AlarmRule InsufficientDataActions OKActions "
    "ActionsSuppressor ActionsSuppressorExtensionPeriod ActionsSuppressorWaitPeriod"
)


def _put(method: str, properties: str) -> Any:
    def act(work: Work) -> None:
        name = work.physical_id or work.get("AlarmName") or work.name()
        work.api(
            "cloudwatch",
            method,
            AlarmName=name,
            Tags=work.all_tags() or None,
            **work.pick(*properties.split()),
        )
        work.physical_id = name

    return act


def _delete_alarm(work: Work) -> None:
    work.api("cloudwatch", "delete_alarms", AlarmNames=[work.id])


def _read_alarm(work: Work) -> dict[str, Any]:
    context = work.api.context
    return {"Arn": f"arn:aws:cloudwatch:{context.region}:{context.account}:alarm:{work.id}"}


def _put_dashboard(work: Work) -> None:
    name = work.physical_id or work.get("DashboardName") or work.name()
    tags = None if work.physical_id else work.all_tags() or None
    work.api(
        "cloudwatch",
        "put_dashboard",
        DashboardName=name,
        DashboardBody=work.need("DashboardBody"),
        Tags=tags,
    )
    work.physical_id = name


def _update_dashboard(work: Work) -> None:
    _put_dashboard(work)
    arn = f"arn:aws:cloudwatch::{work.api.context.account}:dashboard/{work.id}"
    if work.all_tags():
        work.api("cloudwatch", "tag_resource", ResourceARN=arn, Tags=work.all_tags())
    if work.removed_tags():
        work.api("cloudwatch", "untag_resource", ResourceARN=arn, TagKeys=work.removed_tags())


def _delete_dashboard(work: Work) -> None:
    work.api("cloudwatch", "delete_dashboards", DashboardNames=[work.id])


KINDS: list[Kind] = [
    kind(
        "AWS::CloudWatch::Alarm",
        f"{_ALARM} Tags",
        fixed="AlarmName",
        create=_put("put_metric_alarm", _ALARM),
        update=_put("put_metric_alarm", _ALARM),
        delete=_delete_alarm,
        read=_read_alarm,
    ),
    kind(
        "AWS::CloudWatch::CompositeAlarm",
        f"{_COMPOSITE} Tags",
        fixed="AlarmName",
        create=_put("put_composite_alarm", _COMPOSITE),
        update=_put("put_composite_alarm", _COMPOSITE),
        delete=_delete_alarm,
        read=_read_alarm,
    ),
    kind(
        "AWS::CloudWatch::Dashboard",
        "DashboardBody Tags",
        fixed="DashboardName",
        create=_put_dashboard,
        update=_update_dashboard,
        delete=_delete_dashboard,
    ),
]

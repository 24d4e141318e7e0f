"""The API actions of alarms, on the book; those that change a state return the transitions."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from deployer.lab.telemetry.alarm_book import AlarmBook, Transition
from deployer.lab.telemetry.alarms import METRIC, Alarm, composite_rule, metric_watch
from deployer.lab.telemetry.evaluation import State
from deployer.lab.telemetry.requests import (
    dimensions_of,
    epoch,
    metric_of,
    missing,
    moment,
    refuse_present,
    refused,
)
from deployer.lab.wire import Refused

Params = Mapping[str, Any]
PAGE = 50  # DescribeAlarms' own default


def put_metric_alarm(book: AlarmBook, params: Params, arn: str, now: float) -> list[Transition]:
    """Raises Refused: see `alarms.metric_watch`."""
    return book.put(arn, params, metric_watch(params), now)


def put_composite_alarm(book: AlarmBook, params: Params, arn: str, now: float) -> list[Transition]:
    """Raises Refused: see `alarms.composite_rule`; children must exist."""
    return book.put(arn, params, composite_rule(params), now)


def set_alarm_state(book: AlarmBook, params: Params, now: float) -> list[Transition]:
    """Raises Refused: unknown alarm or state, or reason data that is no JSON."""
    for name in ("AlarmName", "StateValue", "StateReason"):
        if params.get(name) is None:
            raise missing(name)
    if params["StateValue"] not in [str(state) for state in State]:
        raise refused(f"The value {params['StateValue']} for StateValue is not supported.")
    data = str(params.get("StateReasonData") or "{}")
    try:
        json.loads(data)
    except ValueError as error:
        raise Refused("InvalidFormat", "TypeError: StateReasonData must be valid JSON.") from error
    state = State(params["StateValue"])
    return book.set_state(str(params["AlarmName"]), state, str(params["StateReason"]), data, now)


def delete_alarms(book: AlarmBook, params: Params, now: float) -> None:
    """Raises Refused: see `AlarmBook.delete`."""
    book.delete(_names(params), now)


def enable_actions(book: AlarmBook, params: Params, *, enabled: bool) -> None:
    """Alarms that do not exist are passed over, as AWS does."""
    for name in _names(params):
        alarm = book.get(name)
        if alarm is not None:
            alarm.actions_enabled = enabled


def _names(params: Params) -> Sequence[str]:
    names = params.get("AlarmNames") or ()
    if len(names) > 100:
        raise refused("At most 100 alarm names are allowed.")
    return tuple(names)


def describe_alarms(book: AlarmBook, params: Params) -> dict[str, Any]:
    """Metric alarms only, unless AlarmTypes asks for others (aws-facts 2).

    Raises:
        Refused: names together with a prefix, or a filter that the lab does not have.
    """
    refuse_present(params, ("ChildrenOfAlarmName", "ParentsOfAlarmName"), "DescribeAlarms")
    names, prefix = params.get("AlarmNames"), params.get("AlarmNamePrefix")
    if names and prefix:
        raise refused("AlarmNames and AlarmNamePrefix cannot be given together.")
    kinds = params.get("AlarmTypes") or [METRIC]
    found = [
        alarm
        for alarm in book.all()
        if alarm.kind in kinds
        and (not names or alarm.name in names)
        and alarm.name.startswith(prefix or "")
        and params.get("StateValue") in (None, alarm.state)
        and _acts(alarm, params.get("ActionPrefix"))
    ]
    page, more = paged(found, params)
    return {
        "MetricAlarms": [shown(alarm) for alarm in page if alarm.kind == METRIC],
        "CompositeAlarms": [shown(alarm) for alarm in page if alarm.kind != METRIC],
        **more,
    }


def _acts(alarm: Alarm, prefix: str | None) -> bool:
    return prefix is None or any(
        str(arn).startswith(prefix) for state in State for arn in alarm.actions(state)
    )


def paged(found: Sequence[Any], params: Params) -> tuple[Sequence[Any], dict[str, str]]:
    """One page, and the token of the next.

    Raises:
        Refused: a token that is none.
    """
    size, token = int(params.get("MaxRecords") or PAGE), str(params.get("NextToken") or 0)
    if not 1 <= size <= 100:
        raise refused(f"MaxRecords is 1 to 100, not {size}")
    if not token.isdigit():
        raise Refused("InvalidNextToken", "The next token is not valid.")
    end = int(token) + size
    return found[int(token) : end], {"NextToken": str(end)} if end < len(found) else {}


def shown(alarm: Alarm) -> dict[str, Any]:
    """As MetricAlarm or CompositeAlarm."""
    lists = ("OKActions", "AlarmActions", "InsufficientDataActions")
    empty: dict[str, Any] = {name: [] for name in lists}
    if alarm.kind == METRIC and not alarm.settings.get("Metrics"):
        empty["Dimensions"] = []
    return {
        **empty,
        **alarm.settings,
        "AlarmArn": alarm.arn,
        "ActionsEnabled": alarm.actions_enabled,
        "AlarmConfigurationUpdatedTimestamp": moment(alarm.configured_at),
        "StateValue": alarm.state,
        "StateReason": alarm.reason,
        **({"StateReasonData": alarm.reason_data} if alarm.reason_data else {}),
        "StateUpdatedTimestamp": moment(alarm.updated_at),
        "StateTransitionedTimestamp": moment(alarm.transitioned_at),
    }


def describe_alarms_for_metric(book: AlarmBook, params: Params) -> dict[str, Any]:
    """Alarms on exactly this metric; none that use math."""
    metric = metric_of(params)
    filters = ("Statistic", "ExtendedStatistic", "Period", "Unit")
    return {
        "MetricAlarms": [
            shown(alarm)
            for alarm in book.all()
            if alarm.settings.get("MetricName") == metric.name
            and alarm.settings.get("Namespace") == metric.namespace
            and dimensions_of(alarm.settings.get("Dimensions") or ()) == metric.dimensions
            and all(params.get(key) in (None, alarm.settings.get(key)) for key in filters)
        ]
    }


def describe_alarm_history(book: AlarmBook, params: Params) -> dict[str, Any]:
    """The newest first, unless ScanBy says otherwise; of metric alarms only, unless told."""
    refuse_present(params, ("AlarmContributorId",), "DescribeAlarmHistory")
    begin = epoch(params["StartDate"]) if params.get("StartDate") else float("-inf")
    end = epoch(params["EndDate"]) if params.get("EndDate") else float("inf")
    items = [
        item
        for item in book.history(params.get("AlarmName"), params.get("AlarmTypes") or (METRIC,))
        if params.get("HistoryItemType") in (None, item["HistoryItemType"])
        and begin <= item["Timestamp"].timestamp() <= end
    ]
    if params.get("ScanBy", "TimestampDescending") == "TimestampDescending":
        items.reverse()
    page, more = paged(items, params)
    return {"AlarmHistoryItems": list(page), **more}


def tagged(book: AlarmBook, arn: str) -> Alarm | None:
    """The alarm of this ARN; None if it is the ARN of something else.

    Raises:
        Refused: the ARN of an alarm that does not exist.
    """
    found = next((alarm for alarm in book.all() if alarm.arn == arn), None)
    if found is None and ":alarm:" in arn:
        raise Refused("ResourceNotFoundException", f"Unknown alarm {arn}", 404)
    return found

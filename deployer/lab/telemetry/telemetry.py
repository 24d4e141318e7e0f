"""The lab's CloudWatch as one part: publishes the load balancers' minutes, evaluates the alarms.

    telemetry = Telemetry(context, balancer)      # after actions.install(context)
    telemetry.tick(context.clock.now())           # under the lock, about every 100 ms

A minute's metrics become visible `delay_s` virtual seconds after the minute has ended, all at
once (on AWS: one to three minutes, aws-facts 2). Alarms are evaluated once a virtual minute, on
what is visible then.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any

from deployer.lab import actions
from deployer.lab.actions import Call
from deployer.lab.context import Context
from deployer.lab.ringing import Scaler
from deployer.lab.telemetry import alarms_api, alb, metrics_api
from deployer.lab.telemetry.alarm_book import AlarmBook, Transition
from deployer.lab.telemetry.alarms import Alarm
from deployer.lab.telemetry.cpu import Meters
from deployer.lab.telemetry.dashboards import Dashboard, Dashboards
from deployer.lab.telemetry.notify import tell
from deployer.lab.telemetry.requests import unsupported
from deployer.lab.telemetry.store import MINUTE_S, Store
from deployer.lab.traffic import Traffic, TrafficSource
from deployer.lab.usage import UsageSource

PUBLICATION_DELAY_S = 60.0
# More minutes than these were slept through (a suspended machine): only the newest are told apart.
MOST_MINUTES = 60
# moto stores Contributor Insights rules but never evaluates them: that would be silence.
NOT_SIMULATED = (
    "DeleteInsightRules",
    "DescribeInsightRules",
    "DisableInsightRules",
    "EnableInsightRules",
    "PutInsightRule",
)

Params = Mapping[str, Any]


class Telemetry:
    """A component of the lab; takes over CloudWatch's actions when it is made."""

    def __init__(
        self,
        context: Context,
        traffic: TrafficSource,
        *,
        delay_s: float = PUBLICATION_DELAY_S,
        scaler: Scaler | None = None,
        usage: UsageSource = tuple,
    ) -> None:
        """Take over CloudWatch's actions.

        delay_s: virtual seconds from the end of a minute until its metrics are visible.
        scaler:  told of the alarms that ring for a scaling policy, each minute.
        usage:   what the instances have used of their CPUs; read at a minute's end.
        """
        self._usage = usage
        self._meters = Meters()
        self._scaler = scaler
        self._context = context
        self._traffic = traffic
        self._delay_s = delay_s
        self.store = Store()
        self.alarms = AlarmBook()
        self.dashboards = Dashboards()
        self._read = traffic.read()
        self._minute = self._minute_of(context.clock.now())
        self._hosts: dict[alb.Place, alb.Hosts] = {}
        self._waiting: deque[tuple[float, int, list[alb.Sample]]] = deque()
        self._replace_actions()

    def tick(self, now: float) -> None:
        """Watch the numbers of hosts; at a minute's end publish what is due and evaluate."""
        reading = self._traffic.read()
        minute = self._minute_of(now)
        if minute > self._minute:
            for ended in self._close_minutes(reading, minute):
                self._publish(ended + MINUTE_S)
                changed = self.alarms.evaluate(self.store, ended + MINUTE_S)
                tell(self._context, self.alarms, changed)
                if self._scaler is not None:
                    self._scaler(self.alarms.ringing(), now)
        self._publish(now)
        self._see_hosts(reading)

    def poll(self, now: float) -> None:
        """Nothing here waits for anybody."""

    def close(self) -> None:
        """Nothing was started."""

    @staticmethod
    def _minute_of(now: float) -> int:
        return int(now // MINUTE_S) * MINUTE_S

    def _see_hosts(self, reading: Traffic) -> None:
        for place, healthy, unhealthy in alb.hosts(reading):
            seen = self._hosts.setdefault(place, alb.Hosts(Counter(), Counter()))
            seen.healthy[healthy] += 1
            seen.unhealthy[unhealthy] += 1

    def _close_minutes(self, reading: Traffic, minute: int) -> list[int]:
        """What flowed since the last closed minute belongs to those since, evenly if several.

        Returns the minutes that have ended.
        """
        ended = list(range(self._minute, minute, MINUTE_S))[-MOST_MINUTES:]
        pieces = alb.spread(alb.difference(self._read, reading), len(ended))
        usage, real = self._usage(), self._context.clock.real(self._context.clock.now())
        for start, piece in zip(ended, pieces, strict=True):
            visible_at = start + MINUTE_S + self._delay_s
            found = alb.samples(piece, self._hosts) + self._meters.samples(usage, start, real)
            self._waiting.append((visible_at, start, found))
        self._read, self._minute, self._hosts = reading, minute, {}
        return ended

    def _publish(self, now: float) -> None:
        while self._waiting and self._waiting[0][0] <= now:
            _, start, samples = self._waiting.popleft()
            for sample in samples:
                self.store.put(sample.metric, start, sample.point, sample.unit, now)

    def _replace_actions(self) -> None:
        for action, handler in self._handlers().items():
            actions.replace("cloudwatch", action, _adapted(handler))
        for action in NOT_SIMULATED:
            actions.replace("cloudwatch", action, _refuse)

    def _handlers(self) -> dict[str, Callable[[Call, Params, float], Mapping[str, Any] | None]]:
        store, book = self.store, self.alarms
        return {
            "PutMetricData": lambda _, params, now: metrics_api.put_metric_data(store, params, now),
            "GetMetricData": lambda _, params, __: metrics_api.get_metric_data(store, params),
            "GetMetricStatistics": lambda _, params, __: metrics_api.get_metric_statistics(
                store, params
            ),
            "ListMetrics": lambda _, params, now: metrics_api.list_metrics(store, params, now),
            "PutMetricAlarm": lambda call, params, now: self._told(
                alarms_api.put_metric_alarm(book, params, _arn(call, params), now)
            ),
            "PutCompositeAlarm": lambda call, params, now: self._told(
                alarms_api.put_composite_alarm(book, params, _arn(call, params), now)
            ),
            "SetAlarmState": lambda _, params, now: self._told(
                alarms_api.set_alarm_state(book, params, now)
            ),
            "DeleteAlarms": lambda _, params, now: alarms_api.delete_alarms(book, params, now),
            "DescribeAlarms": lambda _, params, __: alarms_api.describe_alarms(book, params),
            "DescribeAlarmsForMetric": lambda _, params, __: alarms_api.describe_alarms_for_metric(
                book, params
            ),
            "DescribeAlarmHistory": lambda _, params, __: alarms_api.describe_alarm_history(
                book, params
            ),
            "EnableAlarmActions": lambda _, params, __: alarms_api.enable_actions(
                book, params, enabled=True
            ),
            "DisableAlarmActions": lambda _, params, __: alarms_api.enable_actions(
                book, params, enabled=False
            ),
            "PutDashboard": lambda call, params, now: self.dashboards.put(
                params,
                f"arn:aws:cloudwatch::{call.account}:dashboard/{params['DashboardName']}",
                now,
            ),
            "GetDashboard": lambda _, params, __: self.dashboards.get(params),
            "ListDashboards": lambda _, params, __: self.dashboards.listed(params),
            "DeleteDashboards": lambda _, params, __: self.dashboards.delete(params),
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTagsForResource": self._tags,
        }

    def _told(self, transitions: list[Transition]) -> None:
        tell(self._context, self.alarms, transitions)

    def _tag(self, call: Call, params: Params, _now: float) -> Mapping[str, Any] | None:
        named = self._named(params)
        if named is None:
            return call.moto()
        named.tags |= {tag["Key"]: tag["Value"] for tag in params["Tags"]}
        return None

    def _untag(self, call: Call, params: Params, _now: float) -> Mapping[str, Any] | None:
        named = self._named(params)
        if named is None:
            return call.moto()
        named.tags = {k: v for k, v in named.tags.items() if k not in params["TagKeys"]}
        return None

    def _tags(self, call: Call, params: Params, _now: float) -> Mapping[str, Any] | None:
        named = self._named(params)
        if named is None:
            return call.moto()
        return {"Tags": [{"Key": key, "Value": value} for key, value in named.tags.items()]}

    def _named(self, params: Params) -> Alarm | Dashboard | None:
        arn = str(params["ResourceARN"])
        return self.dashboards.by_arn(arn) or alarms_api.tagged(self.alarms, arn)


def _adapted(
    handler: Callable[[Call, Params, float], Mapping[str, Any] | None],
) -> actions.Handler:
    """Handlers are told the virtual time at which they are called."""
    return lambda call, params: handler(call, params, call.context.clock.now())


def _refuse(call: Call, _params: Params) -> None:
    raise unsupported(f"CloudWatch's {call.action}")


def _arn(call: Call, params: Params) -> str:
    return f"arn:aws:cloudwatch:{call.region}:{call.account}:alarm:{params.get('AlarmName', '')}"

"""What people look at, and what wakes them: a dashboard of both slots, and two composite alarms."""

from typing import Any

from aws_cdk import Stack, aws_cloudwatch, aws_cloudwatch_actions, aws_sns
from constructs import Construct

from deployer.topology import alarm_name
from stacks.dashboard import dashboard
from stacks.twin_service import TwinService


class MonitoringStack(Stack):
    """`monitoring` of one service."""

    def __init__(
        self, scope: Construct, name: str, service: TwinService, topic: aws_sns.ITopic, **stack: Any
    ) -> None:
        super().__init__(scope, name, **stack)
        self.monitoring = TwinMonitoring(self, "Default", service, topic)


class TwinMonitoring(Construct):
    """`users` rings when users notice something, `capacity` when instances are missing.

    Both tell `topic`, and only they do: the slots' own alarms are their reasons. Their names are
    fixed, so that [analysis] alarms can name them.
    """

    def __init__(
        self, scope: Construct, name: str, service: TwinService, topic: aws_sns.ITopic
    ) -> None:
        super().__init__(scope, name)
        self._service, self._topic = service, topic
        slots = service.alarms.values()
        self.users = self._composite(
            "Users",
            "Requests fail, are slow, or go to unhealthy instances",
            [alarm for slot in slots for alarm in (slot.errors, slot.slow, slot.open)],
        )
        self.capacity = self._composite(
            "Capacity", "Instances are unhealthy", [slot.unhealthy for slot in slots]
        )
        if service.settings.monitoring.dashboard:
            dashboard(self, service, (self.users, self.capacity))

    def _composite(
        self, name: str, what: str, reasons: list[aws_cloudwatch.Alarm]
    ) -> aws_cloudwatch.CompositeAlarm:
        settings = self._service.settings
        service, environment = settings.service.name, settings.environment.name
        made = aws_cloudwatch.CompositeAlarm(
            self,
            name,
            composite_alarm_name=alarm_name(service, environment, name),
            alarm_description=f"{what}: {service}/{environment}. `deployer status` says what serves.",
            alarm_rule=aws_cloudwatch.AlarmRule.any_of(
                *(
                    aws_cloudwatch.AlarmRule.from_alarm(alarm, aws_cloudwatch.AlarmState.ALARM)
                    for alarm in reasons
                )
            ),
        )
        told = aws_cloudwatch_actions.SnsAction(self._topic)
        made.add_alarm_action(told)
        made.add_ok_action(told)
        return made

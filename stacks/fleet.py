"""What carries a service's fleets: their book, the function that visits them, its state machine.

One of a service, in one Region. It can move no traffic: it asks the functions beside the environments
(`stacks.runner`), wherever they are, and writes its book. So may whoever assumes its role `Commander`:
enough to begin fleets, look at them and steer them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import (
    CfnOutput,
    Duration,
    RemovalPolicy,
    Stack,
    aws_dynamodb,
    aws_iam,
    aws_lambda,
    aws_ssm,
)
from constructs import Construct

from deployer.aws.needs import Resource
from deployer.aws.permissions import COMMANDS_FLEETS, TELLS, VISITS_FLEETS, Place
from deployer.settings.schema import Settings
from deployer.topology import (
    fleet_machine_name,
    fleet_parameter,
    fleet_visit_log,
    member_function,
)
from stacks.book import book
from stacks.bundle import Bundle
from stacks.cloud_function import cloud_function
from stacks.machine import Machine, machine_arn
from stacks.rights import Places, allow, channels

TIMEOUT = Duration.minutes(5)  # shorter than a visit's lease (formation.LEASE_S)
LONGEST_SESSION = Duration.hours(12)


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetProps:
    """What a fleet goes through.

    service:      its name.
    environments: settings of those of the file that are ours, by name.
    file:         deployer.toml, which goes with the function.
    """

    service: str
    environments: Mapping[str, Settings]
    file: Path


class FleetStack(Stack):
    """`book` (DynamoDB), `visit` (Lambda), `machine` (Step Functions), `commander`, a role."""

    def __init__(self, scope: Construct, name: str, props: FleetProps, **stack: Any) -> None:
        super().__init__(scope, name, **stack)
        self._props = props
        self.book = self._table()
        self._places = self._all_places()
        self.visit = self._function(self._visitor())
        self.machine = Machine(self, "Machine", fleet_machine_name(props.service), self.visit)
        self.commander = self._commander()
        aws_ssm.StringParameter(
            self,
            "Published",
            parameter_name=fleet_parameter(props.service),
            string_value=json.dumps(
                {
                    "version": 1,
                    "table": self.book.table_name,
                    "machine": machine_arn(self, fleet_machine_name(props.service)),
                }
            ),
        )

    def _table(self) -> aws_dynamodb.TableV2:
        protected = any(s.environment.protected for s in self._props.environments.values())
        kept = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
        return book(
            self,
            "Book",
            time_to_live_attribute="ttl",
            deletion_protection=protected,
            removal_policy=kept if protected else RemovalPolicy.DESTROY,
        )

    def _all_places(self) -> Places:
        service = self._props.service
        parameter = fleet_parameter(service).removeprefix("/")
        return {
            Resource.FLEETS: Place((self.book.table_arn,)),
            Resource.FLEET: Place(
                (f"arn:{self.partition}:ssm:{self.region}:{self.account}:parameter/{parameter}",)
            ),
            Resource.MACHINE: Place((machine_arn(self, fleet_machine_name(service)),)),
            Resource.MEMBERS: Place(
                [
                    f"arn:{self.partition}:lambda:{each.environment.region}:{self.account}:function:"
                    f"{member_function(service, name)}"
                    for name, each in sorted(self._props.environments.items())
                ]
            ),
        }

    def _visitor(self) -> aws_iam.Role:
        role = aws_iam.Role(
            self,
            "Visitor",
            assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"Carries fleets of {self._props.service} on",
        )
        allow(self, "Visits", role, self._places, VISITS_FLEETS)
        self._tells("VisitorNotifies", role)
        return role

    def _commander(self) -> aws_iam.Role:
        role = aws_iam.Role(
            self,
            "Commander",
            assumed_by=aws_iam.AccountRootPrincipal(),
            description=f"Begins fleets of {self._props.service}, looks at them and steers them",
            max_session_duration=LONGEST_SESSION,
        )
        allow(self, "Commands", role, self._places, COMMANDS_FLEETS)
        self._tells("CommanderNotifies", role)
        output = CfnOutput(self, "FleetRole", value=role.role_arn)
        output.override_logical_id("FleetRole")
        return role

    def _tells(self, name: str, role: aws_iam.Role) -> None:
        """Whoever carries a fleet tells those who are told of its environments (channels.fleets)."""
        told = [(s.notify, s.environment.region) for s in self._props.environments.values()]
        if any(notify.channels for notify, _ in told):
            allow(self, name, role, channels(Stack.of(self), told), TELLS)

    def _function(self, role: aws_iam.Role) -> aws_lambda.Function:
        service = self._props.service
        return cloud_function(
            self,
            "Visit",
            bundle=Bundle(self._props.file),
            module="fleet",
            role=role,
            log=fleet_visit_log(service),
            timeout=TIMEOUT,
            description=f"Carries fleets of {service} on, a visit each time",
            retry_attempts=0,
        )

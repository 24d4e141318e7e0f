"""The role that the deployer runs under: exactly what its adapters declare, on this environment.

Two policies, since the load balancer and the groups come and go with the service stack: what the
control stack knows is in `Reads`, what only the service stack knows in its `Moves`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aws_cdk import CfnOutput, Duration, Fn, Stack, aws_dynamodb, aws_iam, aws_s3
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from deployer.aws.needs import Resource
from deployer.aws.permissions import WIDE, Place, statements
from deployer.model import Slot
from deployer.settings.artifacts import location
from deployer.settings.schema import Settings
from deployer.topology import (
    COHORT_TAG,
    DEPLOYER_ROLE_OUTPUT,
    ENVIRONMENT_TAG,
    METRICS_NAMESPACE,
    PAGE,
    PAGE_TAG,
    PARTS,
    SERVICE_TAG,
    stack_name,
    topology_parameter,
)
from stacks.acknowledged import acknowledge, spelled
from stacks.slot import SlotGroup

LONGEST_SESSION = Duration.hours(12)  # bakes take hours, and a session cannot be prolonged


class DeployerRole(Construct):
    """`role`: whoever may assume it in this account can deploy, and do nothing else."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        settings: Settings,
        journal: aws_dynamodb.ITable,
        artifacts: aws_s3.IBucket,
    ) -> None:
        super().__init__(scope, name)
        self._settings = settings
        self.role = aws_iam.Role(
            self,
            "Role",
            assumed_by=aws_iam.AccountRootPrincipal(),
            description=f"Deploys releases of {settings.service.name} to "
            f"{settings.environment.name}: deployer/aws/permissions.py says with what",
            max_session_duration=LONGEST_SESSION,
        )
        self._allow(self, "Reads", self._known(journal, artifacts))
        output = CfnOutput(Stack.of(self), DEPLOYER_ROLE_OUTPUT, value=self.role.role_arn)
        output.override_logical_id(DEPLOYER_ROLE_OUTPUT)

    def move(
        self, scope: Stack, listener: elbv2.ApplicationListener, slots: Iterable[SlotGroup]
    ) -> None:
        """Allow what is granted on the service's own resources, by a policy of that stack."""
        rules = Fn.join("", [_rules_of(listener.listener_arn), "/*"])
        whose = self._tags()
        groups = tuple(slots)
        places = {
            Resource.LISTENER: Place((listener.listener_arn,), _every("aws:RequestTag", whose)),
            Resource.NEW_RULE: Place(
                (rules,),
                {"StringEquals": {"elasticloadbalancing:CreateAction": "CreateRule"}},
            ),
            Resource.RULE: Place((rules,), _every("aws:ResourceTag", whose)),
            Resource.COHORT_RULE: Place(
                (rules,), _every("aws:ResourceTag", {**whose, COHORT_TAG: list(Slot)})
            ),
            Resource.PAGE_RULE: Place(
                (rules,), _every("aws:ResourceTag", {**whose, PAGE_TAG: PAGE})
            ),
            Resource.GROUP: Place([_group_arn(scope, slot) for slot in groups]),
            Resource.TEMPLATE: Place([_template_arn(scope, slot) for slot in groups]),
        }
        self._allow(scope, "Moves", places)

    def _known(
        self, journal: aws_dynamodb.ITable, artifacts: aws_s3.IBucket
    ) -> dict[Resource, Place]:
        stack = Stack.of(self)
        settings = self._settings
        service, environment = settings.service.name, settings.environment.name
        own, prefix = location(settings)
        bucket = artifacts.bucket_arn if own is None else f"arn:{stack.partition}:s3:::{own}"
        names = [stack_name(service, environment, part) for part in PARTS]
        parameter = topology_parameter(service, environment).removeprefix("/")
        return {
            Resource.ANY: Place(("*",)),
            Resource.ALARMS: Place((_arn(stack, "cloudwatch", "alarm:*"),)),
            Resource.OWN_METRICS: Place(
                ("*",) if settings.monitoring.own_metrics else (),
                {"StringEquals": {"cloudwatch:namespace": METRICS_NAMESPACE}},
            ),
            Resource.TOPOLOGY: Place((_arn(stack, "ssm", f"parameter/{parameter}"),)),
            Resource.JOURNAL: Place((journal.table_arn,)),
            Resource.ARTIFACTS: Place((f"{bucket}/{prefix}*",)),
            Resource.BUCKET: Place((bucket,)),
            Resource.STACKS: Place(
                [_arn(stack, "cloudformation", f"stack/{name}/*") for name in names]
            ),
            Resource.FUNCTION: Place(_functions(stack, settings)),
        }

    def _allow(self, scope: Construct, name: str, places: Mapping[Resource, Place]) -> None:
        policy = aws_iam.Policy(
            scope,
            name,
            roles=[self.role],
            statements=[aws_iam.PolicyStatement.from_json(each) for each in statements(places)],
        )
        wide: dict[str, str] = {}
        for on, place in places.items():
            for arn in place.arns if on in WIDE else ():
                finding = f"AwsSolutions-IAM5[Resource::{spelled(Stack.of(scope).resolve(arn))}]"
                wide[finding] = f"{wide.get(finding, '')} {WIDE[on]}".strip()
        acknowledge(policy, wide)

    def _tags(self) -> dict[str, str]:
        """The tags that the deployer writes on the rules that it makes."""
        return {
            SERVICE_TAG: self._settings.service.name,
            ENVIRONMENT_TAG: self._settings.environment.name,
        }


def _every(key: str, tags: Mapping[str, str | list[Slot]]) -> dict[str, Any]:
    return {"StringEquals": {f"{key}/{name}": value for name, value in tags.items()}}


def _arn(stack: Stack, service: str, rest: str) -> str:
    return f"arn:{stack.partition}:{service}:{stack.region}:{stack.account}:{rest}"


def _rules_of(listener: str) -> str:
    """`…:listener/app/NAME/ID/ID` -> `…:listener-rule/app/NAME/ID/ID`."""
    return Fn.join(":listener-rule/", Fn.split(":listener/", listener, 2))


def _group_arn(stack: Stack, slot: SlotGroup) -> str:
    name = slot.group.auto_scaling_group_name
    return _arn(stack, "autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{name}")


def _template_arn(stack: Stack, slot: SlotGroup) -> str:
    return _arn(stack, "ec2", f"launch-template/{slot.names()['launch_template']}")


def _functions(stack: Stack, settings: Settings) -> Sequence[str]:
    """Hook functions, by name, `name:alias` or ARN."""
    named = {action.function for action in settings.hooks.actions().values() if action.function}
    return [
        name if name.startswith("arn:") else _arn(stack, "lambda", f"function:{name}")
        for name in sorted(named)
    ]

"""What carrying deployments out may touch in one environment: policies for whatever role does it.

Two kinds, since the load balancer and the groups come and go with the service stack: what the control
stack knows is `known`, what only the service stack knows `moved`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from aws_cdk import Fn, Stack, aws_dynamodb, aws_iam, aws_s3
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct, IConstruct

from deployer.aws.needs import Need, Resource
from deployer.aws.pages import prefix
from deployer.aws.permissions import NEEDS, WIDE, Place, statements
from deployer.model import Slot
from deployer.settings.artifacts import location
from deployer.settings.notify import MANAGER, SSM, EventBridgeChannel, NotifySettings, SnsChannel
from deployer.settings.schema import Settings
from deployer.topology import (
    COHORT_TAG,
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

Places = Mapping[Resource, Place]


@dataclass(frozen=True, slots=True)
class Rights:
    """Of one environment, whose journal and artifacts these are."""

    settings: Settings
    journal: aws_dynamodb.ITable
    artifacts: aws_s3.IBucket

    def known(self, stack: Stack) -> dict[Resource, Place]:
        """What can be named without the service stack."""
        settings = self.settings
        service, environment = settings.service.name, settings.environment.name
        own, releases = location(settings)
        bucket = (
            _seen(stack, self.artifacts, self.artifacts.bucket_arn)
            if own is None
            else f"arn:{stack.partition}:s3:::{own}"
        )
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
            Resource.JOURNAL: Place((_seen(stack, self.journal, self.journal.table_arn),)),
            Resource.ARTIFACTS: Place((f"{bucket}/{releases}*",)),
            Resource.BUCKET: Place((bucket,)),
            Resource.REPORTS: Place(self._reports(stack)),
            Resource.STACKS: Place(
                [_arn(stack, "cloudformation", f"stack/{name}/*") for name in names]
            ),
            Resource.FUNCTION: Place(_functions(stack, settings)),
        }

    def told(self, stack: Stack) -> dict[Resource, Place]:
        """What [notify]'s channels are, and where their secrets lie, and that of [telemetry]."""
        notify, headers = self.settings.notify, self.settings.telemetry.otlp_headers
        return channels(stack, ((notify, stack.region),), (headers,))

    def _reports(self, stack: Stack) -> Sequence[str]:
        """In the environment's own bucket, wherever its releases lie."""
        if not self.settings.monitoring.upload_reports:
            return ()
        bucket = _seen(stack, self.artifacts, self.artifacts.bucket_arn)
        own = prefix(self.settings.service.name, self.settings.environment.name)
        return (f"{bucket}/{own}*",)

    def moved(
        self, stack: Stack, listener: elbv2.ApplicationListener, slots: Iterable[SlotGroup]
    ) -> dict[Resource, Place]:
        """The service's own resources: its listener's rules, groups and launch templates."""
        arn = _seen(stack, listener, listener.listener_arn)
        rules = Fn.join("", [_rules_of(arn), "/*"])
        whose = self._tags()
        groups = tuple(slots)
        return {
            Resource.LISTENER: Place((arn,), _every("aws:RequestTag", whose)),
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
            Resource.GROUP: Place([_group_arn(stack, slot) for slot in groups]),
            Resource.TEMPLATE: Place([_template_arn(stack, slot) for slot in groups]),
        }

    def _tags(self) -> dict[str, str]:
        """The tags that the deployer writes on the rules that it makes."""
        return {
            SERVICE_TAG: self.settings.service.name,
            ENVIRONMENT_TAG: self.settings.environment.name,
        }


def channels(
    stack: Stack, told: Iterable[tuple[NotifySettings, str]], more: Sequence[str] = ()
) -> dict[Resource, Place]:
    """What the channels of these settings are, each with its Region, and where their secrets lie.

    more: references of further secrets, of all of these Regions.
    """
    topics, buses, parameters, secrets = (dict[str, None]() for _ in range(4))
    for notify, region in told:
        at = partial(_arn, stack, region=region)
        references = (*notify.references, *more)
        topics |= dict.fromkeys(one.topic for one in notify.channels if isinstance(one, SnsChannel))
        buses |= dict.fromkeys(
            one.bus if one.bus.startswith("arn:") else at("events", f"event-bus/{one.bus}")
            for one in notify.channels
            if isinstance(one, EventBridgeChannel)
        )
        parameters |= dict.fromkeys(
            name if name.startswith("arn:") else at("ssm", f"parameter/{name.removeprefix('/')}")
            for name in _of_kind(SSM, references)
        )
        secrets |= dict.fromkeys(
            name if name.startswith("arn:") else at("secretsmanager", f"secret:{name}-??????")
            for name in _of_kind(MANAGER, references)
        )
    return {
        Resource.TOPICS: Place([*topics]),
        Resource.BUS: Place([*buses]),
        Resource.PARAMETERS: Place([*parameters]),
        Resource.SECRETS: Place([*secrets]),
    }


def allow(
    scope: Construct,
    name: str,
    role: aws_iam.IRole,
    places: Places,
    needs: Iterable[Need] = NEEDS,
    *,
    why: Mapping[Resource, str] = WIDE,
) -> None:
    """A policy of the role that allows these needs on these places, and why it has each `*`.

    There is none where nothing is to be allowed: an address without a secret needs no right.
    """
    allowed = [aws_iam.PolicyStatement.from_json(each) for each in statements(places, needs)]
    if not allowed:
        return
    policy = aws_iam.Policy(scope, name, roles=[role], statements=allowed)
    wide: dict[str, str] = {}
    for on, place in places.items():
        for arn in place.arns if on in why else ():
            finding = f"AwsSolutions-IAM5[Resource::{spelled(Stack.of(scope).resolve(arn))}]"
            wide[finding] = f"{wide.get(finding, '')} {why[on]}".strip()
    acknowledge(policy, wide)


def _every(key: str, tags: Mapping[str, str | list[Slot]]) -> dict[str, Any]:
    return {"StringEquals": {f"{key}/{name}": value for name, value in tags.items()}}


def _arn(stack: Stack, service: str, rest: str, *, region: str = "") -> str:
    return f"arn:{stack.partition}:{service}:{region or stack.region}:{stack.account}:{rest}"


def _seen(stack: Stack, owner: IConstruct, value: str) -> str:
    """A value of another stack as this one imports it: what cdk-nag names, and `spelled` must."""
    home = Stack.of(owner)
    if home is stack:
        return value
    stack.add_dependency(
        home
    )  # an export that is spelled out does not tell the CDK who comes first
    return str(home.export_value(value))


def _rules_of(listener: str) -> str:
    """`…:listener/app/NAME/ID/ID` -> `…:listener-rule/app/NAME/ID/ID`."""
    return Fn.join(":listener-rule/", Fn.split(":listener/", listener, 2))


def _group_arn(stack: Stack, slot: SlotGroup) -> str:
    name = _seen(stack, slot.group, slot.group.auto_scaling_group_name)
    return _arn(stack, "autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{name}")


def _template_arn(stack: Stack, slot: SlotGroup) -> str:
    template = _seen(stack, slot.group, slot.names()["launch_template"])
    return _arn(stack, "ec2", f"launch-template/{template}")


def _of_kind(kind: str, references: Iterable[str]) -> list[str]:
    """Names that references of this kind lead to, each once: a key of a secret is no other secret."""
    found = (each.partition(":")[2] for each in references if each.startswith(f"{kind}:"))
    return list(dict.fromkeys(name.partition("#")[0] for name in found))


def _functions(stack: Stack, settings: Settings) -> Sequence[str]:
    """Hook functions, by name, `name:alias` or ARN."""
    named = {action.function for action in settings.hooks.actions().values() if action.function}
    return [
        name if name.startswith("arn:") else _arn(stack, "lambda", f"function:{name}")
        for name in sorted(named)
    ]

"""The role that the deployer runs under: exactly what its adapters declare, on this environment.

Two policies: what the control stack knows is in `Reads`, what only the service stack knows in its
`Moves` (stacks.rights). `Tells` lets it tell the environment's topic, `Notifies` the channels of
[notify]. Where there is a runner stack, `Detaches` lets it leave a deployment to that.
"""

from collections.abc import Iterable

from aws_cdk import CfnOutput, Duration, Stack, aws_dynamodb, aws_iam, aws_s3, aws_sns
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from deployer.aws.needs import Resource
from deployer.aws.permissions import BEGINS, SUPERVISES, TELLS, Place
from deployer.settings.schema import Settings
from deployer.topology import DEPLOYER_ROLE_OUTPUT, machine_name
from stacks.machine import machine_arn
from stacks.rights import Rights, allow
from stacks.slot import SlotGroup

LONGEST_SESSION = Duration.hours(12)  # bakes take hours, and a session cannot be prolonged


class DeployerRole(Construct):
    """`role`: whoever may assume it in this account can deploy, and do nothing else.

    `rights` are what it has, for other roles that carry deployments out (stacks.runner).
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        settings: Settings,
        journal: aws_dynamodb.ITable,
        artifacts: aws_s3.IBucket,
        *,
        topic: aws_sns.ITopic | None = None,
    ) -> None:
        super().__init__(scope, name)
        self.rights = Rights(settings, journal, artifacts)
        self.role = aws_iam.Role(
            self,
            "Role",
            assumed_by=aws_iam.AccountRootPrincipal(),
            description=f"Deploys releases of {settings.service.name} to "
            f"{settings.environment.name}: deployer/aws/permissions.py says with what",
            max_session_duration=LONGEST_SESSION,
        )
        allow(self, "Reads", self.role, self.rights.known(Stack.of(self)))
        if topic is not None:
            told = {Resource.TOPIC: Place((topic.topic_arn,))}
            allow(self, "Tells", self.role, told, SUPERVISES)
        if settings.notify.channels or settings.telemetry.otlp_headers:
            allow(self, "Notifies", self.role, self.rights.told(Stack.of(self)), TELLS)
        if settings.runner.enabled:
            machine = machine_arn(
                Stack.of(self), machine_name(settings.service.name, settings.environment.name)
            )
            allow(self, "Detaches", self.role, {Resource.DETACHED: Place((machine,))}, BEGINS)
        output = CfnOutput(Stack.of(self), DEPLOYER_ROLE_OUTPUT, value=self.role.role_arn)
        output.override_logical_id(DEPLOYER_ROLE_OUTPUT)

    def move(
        self, scope: Stack, listener: elbv2.ApplicationListener, slots: Iterable[SlotGroup]
    ) -> None:
        """Allow what is granted on the service's own resources, by a policy of that stack."""
        allow(scope, "Moves", self.role, self.rights.moved(scope, listener, slots))

"""An application of its own around `TwinService`: its VPC, its bucket, its stack, no settings file.

    cdk deploy --app "python3 examples/cdk/app.py"

The deployer finds the service by name: deployer.toml beside this file is all that
`deployer --config examples/cdk/deployer.toml --env staging canary v1` needs.
"""

from aws_cdk import (
    App,
    CfnOutput,
    Environment,
    RemovalPolicy,
    Stack,
    aws_dynamodb,
    aws_ec2,
    aws_iam,
    aws_s3,
    aws_sns,
)
from constructs import Construct

from deployer.settings.schema import EnvironmentSettings, ServiceSettings
from deployer.settings.stacks import MonitoringSettings
from stacks.deployer_role import DeployerRole
from stacks.monitoring import TwinMonitoring
from stacks.props import Place, TwinServiceProps
from stacks.twin_service import TwinService

REGION = "us-east-1"
ZONES = (f"{REGION}a", f"{REGION}b")


class OrdersStack(Stack):
    """Everything of one small service in one stack."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, env=Environment(region=REGION))
        props = self._props()
        orders = TwinService(self, "Orders", props)
        pager = aws_sns.Topic(self, "Pager", enforce_ssl=True)
        # enforce_ssl replaces the policy that lets the account publish.
        pager.grant_publish(aws_iam.ServicePrincipal("cloudwatch.amazonaws.com"))
        TwinMonitoring(self, "Monitoring", orders, pager)
        role = DeployerRole(self, "Deployer", orders.settings, props.journal, props.artifacts)
        CfnOutput(self, "ArtifactBucket", value=props.artifacts.bucket_name)
        CfnOutput(self, "Url", value=orders.url)
        role.move(self, orders.entrance.production, orders.slots.values())

    @property
    def availability_zones(self) -> list[str]:
        """Written down, so that no synthesis looks them up."""
        return list(ZONES)

    def _props(self) -> TwinServiceProps:
        return TwinServiceProps(
            service=ServiceSettings(name="orders", port=9000),
            environment=EnvironmentSettings(
                name="staging",
                region=REGION,
                zones=ZONES,
                image="ami-03c3da4cfa8e8943a",
                instance_type="t3.small",
                protected=False,
                listener_port=8080,  # unprivileged, so that it deploys into the lab as well
                test_listener_port=8081,
            ),
            monitoring=MonitoringSettings(minutes=1),
            place=self._place(),
            journal=self._journal(),
            artifacts=self._artifacts(),
        )

    def _place(self) -> Place:
        vpc = aws_ec2.Vpc(
            self,
            "Vpc",
            nat_gateways=0,
            subnet_configuration=[
                aws_ec2.SubnetConfiguration(name="Front", subnet_type=aws_ec2.SubnetType.PUBLIC),
                aws_ec2.SubnetConfiguration(
                    name="Orders", subnet_type=aws_ec2.SubnetType.PRIVATE_ISOLATED
                ),
            ],
            gateway_endpoints={
                "S3": aws_ec2.GatewayVpcEndpointOptions(
                    service=aws_ec2.GatewayVpcEndpointAwsService.S3
                )
            },
        )
        return Place(vpc=vpc, instance_subnets=aws_ec2.SubnetSelection(subnet_group_name="Orders"))

    def _journal(self) -> aws_dynamodb.TableV2:
        text = aws_dynamodb.AttributeType.STRING
        return aws_dynamodb.TableV2(
            self,
            "Journal",
            partition_key=aws_dynamodb.Attribute(name="pk", type=text),
            sort_key=aws_dynamodb.Attribute(name="sk", type=text),
            time_to_live_attribute="ttl",
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _artifacts(self) -> aws_s3.Bucket:
        return aws_s3.Bucket(
            self, "Releases", enforce_ssl=True, removal_policy=RemovalPolicy.DESTROY
        )


def application(outdir: str | None = None) -> App:
    """The whole application; `outdir` is for tests."""
    app = App(outdir=outdir)
    OrdersStack(app, "orders-staging")
    return app


if __name__ == "__main__":
    application().synth()

"""An application of its own around `TwinService`: its VPC, its bucket, its stack, no settings file.

    python3 app.py                     # writes cdk.out
    cdk deploy --app "python3 app.py"

The deployer finds the service by name: a deployer.toml with the same [service] name and an
[environments.staging] is all that `deployer --env staging canary v1` needs.
"""

from aws_cdk import App, Environment, RemovalPolicy, Stack, aws_dynamodb, aws_ec2, aws_s3, aws_sns
from constructs import Construct

from deployer.settings.schema import EnvironmentSettings, ServiceSettings
from deployer.settings.stacks import FleetSettings, MonitoringSettings
from stacks.monitoring import TwinMonitoring
from stacks.props import Place, TwinServiceProps
from stacks.twin_service import TwinService

REGION = "us-east-1"
ZONES = (f"{REGION}a", f"{REGION}b")


class OrdersStack(Stack):
    """Everything of one small service in one stack."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, env=Environment(region=REGION))
        orders = TwinService(self, "Orders", self._props())
        TwinMonitoring(self, "Monitoring", orders, aws_sns.Topic(self, "Pager", enforce_ssl=True))

    @property
    def availability_zones(self) -> list[str]:
        """Written down, so that no synthesis looks them up."""
        return list(ZONES)

    def _props(self) -> TwinServiceProps:
        return TwinServiceProps(
            service=ServiceSettings(name="orders", port=9000, start="./orders"),
            environment=EnvironmentSettings(
                name="staging",
                region=REGION,
                zones=ZONES,
                image="ami-03c3da4cfa8e8943a",
                instance_type="t4g.small",
                protected=False,
            ),
            fleet=FleetSettings(on_demand_percent=50, instance_types=("t4g.medium",)),
            monitoring=MonitoringSettings(dashboard=False),
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

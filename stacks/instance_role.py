"""What instances may do: read the service's artifacts; where they can reach it, be looked after."""

from aws_cdk import Fn, Stack, aws_iam, aws_logs
from constructs import Construct

from deployer.settings.artifacts import location
from stacks.acknowledged import acknowledge, spelled
from stacks.props import TwinServiceProps

# What the Systems Manager agent calls for Session Manager: a shell without SSH, a port or a key.
# (Of AmazonSSMManagedInstanceCore; that also reads every parameter of the account.)
SESSIONS = [
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
]
AGENT_NAMESPACE = "CWAgent"


class InstanceRole(aws_iam.Role):
    """The role of the instances; `output` is the log group of the CloudWatch agent, if it runs."""

    def __init__(self, scope: Construct, name: str, props: TwinServiceProps) -> None:
        super().__init__(scope, name, assumed_by=aws_iam.ServicePrincipal("ec2.amazonaws.com"))
        self._read_artifacts(props)
        if props.network.way_out != "s3":
            self._open_sessions()

    def _read_artifacts(self, props: TwinServiceProps) -> None:
        bucket, prefix = location(props.settings())
        arn = f"arn:{Stack.of(self).partition}:s3:::{bucket}"
        if bucket is None:
            arn = _arn(self, props)
        self.add_to_policy(
            aws_iam.PolicyStatement(
                sid="ReadArtifacts", actions=["s3:GetObject"], resources=[f"{arn}/{prefix}*"]
            )
        )
        acknowledge(
            self,
            {
                f"AwsSolutions-IAM5[Resource::{spelled(Stack.of(self).resolve(arn))}/{prefix}*]": "Releases come and go; all of "
                "them are below this prefix, which is the service's own."
            },
        )

    def _open_sessions(self) -> None:
        self.add_to_policy(
            aws_iam.PolicyStatement(sid="OpenSessions", actions=SESSIONS, resources=["*"])
        )
        acknowledge(
            self,
            {
                "AwsSolutions-IAM5[Resource::*]": "The agents' calls know no resource: an instance "
                "speaks for itself. Metrics are held to the agent's own namespace."
            },
        )

    def let_agent_write(self, output: aws_logs.ILogGroup) -> None:
        """The CloudWatch agent sends metrics of its own namespace, and lines to `output`."""
        output.grant_write(self)
        self.add_to_policy(
            aws_iam.PolicyStatement(
                sid="PutAgentMetrics",
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringEquals": {"cloudwatch:namespace": AGENT_NAMESPACE}},
            )
        )


def _arn(scope: Construct, props: TwinServiceProps) -> str:
    """The artifact bucket's, as an export where it belongs to another stack."""
    owner = Stack.of(props.artifacts)
    if owner.node.addr == Stack.of(scope).node.addr:
        return props.artifacts.bucket_arn
    reference = owner.resolve(owner.export_value(props.artifacts.bucket_arn))
    return Fn.import_value(str(reference["Fn::ImportValue"]))

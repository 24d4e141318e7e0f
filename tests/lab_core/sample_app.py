"""A small CDK application for test_cdk.py: `-c name=...` changes it, `-c taken=...` breaks it."""

from aws_cdk import App, CfnOutput, Environment, RemovalPolicy, Stack, Tags, aws_sns, aws_ssm
from aws_cdk import aws_dynamodb as dynamodb

app = App()
stack = Stack(app, "sample", env=Environment(account="123456789012", region="us-east-1"))
topic = aws_sns.Topic(stack, "Topic", display_name=app.node.get_context("name"))
table = dynamodb.TableV2(
    stack,
    "Table",
    partition_key=dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING),
    time_to_live_attribute="ttl",
    removal_policy=RemovalPolicy.DESTROY,
)
aws_ssm.StringParameter(
    stack, "Where", parameter_name="/sample/where", string_value=table.table_name
)
taken = app.node.try_get_context("taken")
if taken:
    clash = aws_ssm.StringParameter(stack, "Clash", parameter_name=taken, string_value="ours")
    clash.node.add_dependency(topic)
CfnOutput(stack, "TopicArn", value=topic.topic_arn)
Tags.of(stack).add("team", "tests")
app.synth()

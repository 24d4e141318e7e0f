"""The topic that people subscribe to, of an environment or of a Region's sweeps."""

from collections.abc import Iterable

from aws_cdk import Stack, aws_iam, aws_sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct


def topic_of(scope: Construct, emails: Iterable[str]) -> aws_sns.Topic:
    """Hears this account's alarms, and whoever has the right; over TLS only. Each address is mailed.

    A policy of its own takes the place of the default one, which let the whole account publish:
    without a word for CloudWatch nobody would ever be told.
    """
    topic = aws_sns.Topic(scope, "Topic", enforce_ssl=True)
    topic.add_to_resource_policy(
        aws_iam.PolicyStatement(
            sid="AlarmsOfThisAccount",
            principals=[aws_iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
            conditions={"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}},
        )
    )
    for address in emails:
        topic.add_subscription(subscriptions.EmailSubscription(address))
    return topic

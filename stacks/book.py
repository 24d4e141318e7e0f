"""A table of records: the journal of an environment, the book of fleets, that of sweeps."""

from typing import Any

from aws_cdk import aws_dynamodb
from constructs import Construct


def book(scope: Construct, name: str, **more: Any) -> aws_dynamodb.TableV2:
    """String keys pk and sk; paid by request, recoverable to any second, encrypted.

    more: whatever else `aws_dynamodb.TableV2` takes.
    """
    text = aws_dynamodb.AttributeType.STRING
    return aws_dynamodb.TableV2(
        scope,
        name,
        partition_key=aws_dynamodb.Attribute(name="pk", type=text),
        sort_key=aws_dynamodb.Attribute(name="sk", type=text),
        billing=aws_dynamodb.Billing.on_demand(),
        point_in_time_recovery_specification=aws_dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        encryption=aws_dynamodb.TableEncryptionV2.aws_managed_key(),
        **more,
    )

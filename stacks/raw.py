"""The CloudFormation resource beneath a construct, for what the construct cannot say."""

from aws_cdk import CfnResource
from constructs import Construct


def raw(construct: Construct) -> CfnResource:
    """The one resource that `construct` is made of."""
    resource = construct.node.default_child
    if not isinstance(resource, CfnResource):
        raise TypeError(f"{construct.node.path} is not made of one CloudFormation resource")
    return resource

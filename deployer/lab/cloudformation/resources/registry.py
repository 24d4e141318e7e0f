"""Every resource type that the lab can make, by name."""

from deployer.lab.cloudformation.kinds import Kind
from deployer.lab.cloudformation.resources import (
    autoscaling,
    dynamodb,
    ec2,
    elbv2,
    iam,
    launch_templates,
    s3,
    security_groups,
    various,
)

_MODULES = (
    autoscaling,
    dynamodb,
    ec2,
    elbv2,
    iam,
    launch_templates,
    s3,
    security_groups,
    various,
)
KINDS: dict[str, Kind] = {kind.type: kind for module in _MODULES for kind in module.KINDS}

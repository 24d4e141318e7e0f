"""Every resource type that the lab can make, by name."""

from deployer.lab.cloudformation.kinds import Kind
from deployer.lab.cloudformation.resources import (
    autoscaling,
    cloudwatch,
    dynamodb,
    ec2,
    elbv2,
    functions,
    iam,
    launch_templates,
    messaging,
    pipelines,
    s3,
    scheduler,
    security_groups,
    various,
    workflows,
)

_MODULES = (
    autoscaling,
    cloudwatch,
    dynamodb,
    ec2,
    elbv2,
    functions,
    iam,
    launch_templates,
    messaging,
    pipelines,
    s3,
    scheduler,
    security_groups,
    various,
    workflows,
)
KINDS: dict[str, Kind] = {kind.type: kind for module in _MODULES for kind in module.KINDS}

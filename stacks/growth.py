"""What a group is made of beside its launch template, and how it grows: all of it optional."""

from aws_cdk import aws_autoscaling, aws_ec2

from deployer.settings.schema import Settings
from deployer.settings.stacks import FleetSettings


def mixed(
    template: aws_ec2.ILaunchTemplate, settings: Settings
) -> aws_autoscaling.MixedInstancesPolicy | None:
    """Several instance types, or Spot beside On-Demand; None: neither is wanted.

    The cheapest pool of capacity that is unlikely to be taken back is chosen (EC2 Auto Scaling's
    recommendation, `price-capacity-optimized`).
    """
    fleet = settings.fleet
    if not fleet.instance_types and fleet.on_demand_percent == 100:
        return None
    types = (settings.environment.instance_type, *fleet.instance_types)
    return aws_autoscaling.MixedInstancesPolicy(
        launch_template=template,
        launch_template_overrides=[
            aws_autoscaling.LaunchTemplateOverrides(instance_type=aws_ec2.InstanceType(kind))
            for kind in types
        ],
        instances_distribution=aws_autoscaling.InstancesDistribution(
            on_demand_base_capacity=fleet.on_demand_base,
            on_demand_percentage_above_base_capacity=fleet.on_demand_percent,
            spot_allocation_strategy=(
                aws_autoscaling.SpotAllocationStrategy.PRICE_CAPACITY_OPTIMIZED
            ),
        ),
    )


def keep_warm(group: aws_autoscaling.AutoScalingGroup, fleet: FleetSettings) -> None:
    """Stopped instances for the next launch; both sizes are said, so that neither follows MaxSize.

    (By default a pool fills up to MaxSize: a larger MaxSize would be a larger bill, aws-facts 3.2.)
    Instances that leave the group are never taken back: they may be of another release.
    """
    if fleet.warm_pool:
        group.add_warm_pool(
            min_size=fleet.warm_pool,
            max_group_prepared_capacity=fleet.warm_pool,
            pool_state=aws_autoscaling.PoolState.STOPPED,
            reuse_on_scale_in=False,
        )


def grow(group: aws_autoscaling.AutoScalingGroup, fleet: FleetSettings) -> None:
    """Target tracking. Without instances there is no metric, so an idle slot stays empty.

    The slot that loses its traffic in a deployment does not shrink under it: the deployer keeps
    its group's minimum up until the way back is no longer needed (Freeze).
    """
    if fleet.scale_on_cpu:
        group.scale_on_cpu_utilization("Cpu", target_utilization_percent=fleet.scale_on_cpu)
    if fleet.scale_on_requests:
        group.scale_on_request_count("Requests", target_requests_per_minute=fleet.scale_on_requests)

"""Rules across the settings that only the stacks read. Pure."""

from collections.abc import Iterator

from deployer.settings.kinds import DAY_S
from deployer.settings.objection import Objection
from deployer.settings.schema import Settings

MINUTE_S = 60


def objections(settings: Settings) -> Iterator[Objection]:
    """Everything in [network], [balancer] and [fleet] that contradicts something else."""
    yield from _subnets(settings)
    yield from _entrance(settings)
    yield from _fleet(settings)
    if 0 < settings.environment.slow_start_s < 30:
        yield Objection("environment.slow_start", "0s, or from 30s to 15m (the load balancer's)")
    if settings.runner.every_s % MINUTE_S:
        yield Objection("runner.every", "whole minutes from 1m to 15m")
    if settings.balancer.access_logs_s % DAY_S:
        yield Objection("balancer.access_logs", "whole days such as 30d, or 0s for none")


def _subnets(settings: Settings) -> Iterator[Objection]:
    network, zones = settings.network, settings.environment.zones
    for key in ("public_subnets", "private_subnets"):
        subnets = getattr(network, key)
        if not network.vpc and subnets:
            yield Objection(f"network.{key}", "[] without network.vpc: a new VPC makes its own")
        elif network.vpc and not len(set(subnets)) == len(subnets) == len(zones):
            yield Objection(
                f"network.{key}", f"one subnet of {network.vpc} for each of {', '.join(zones)}"
            )


def _entrance(settings: Settings) -> Iterator[Objection]:
    balancer, environment = settings.balancer, settings.environment
    if not balancer.certificate:
        return
    if f":{environment.region}:" not in balancer.certificate:
        yield Objection("balancer.certificate", f"of the Region {environment.region}")
    if not balancer.domain:
        yield Objection("balancer.domain", "the name that the certificate is for")
    if balancer.redirect_port in (environment.listener_port, environment.test_listener_port):
        yield Objection(
            "balancer.redirect_port",
            "a port other than listener_port and test_listener_port (with a certificate, "
            "listener_port is usually 443)",
        )


def _fleet(settings: Settings) -> Iterator[Objection]:
    fleet, environment = settings.fleet, settings.environment
    types = (environment.instance_type, *fleet.instance_types)
    if len(set(types)) < len(types):
        yield Objection("fleet.instance_types", "different types, without instance_type itself")
    if fleet.warm_pool:
        yield from _warm_pool(settings)
    if fleet.warm_pool and (fleet.instance_types or fleet.on_demand_percent < 100):
        yield Objection(
            "fleet.warm_pool", "0 with other instance_types or Spot: EC2 keeps no such pool"
        )
    if fleet.agent and settings.network.way_out == "s3":
        yield Objection(
            "fleet.agent", 'false with network.way_out = "s3": the agent cannot reach CloudWatch'
        )


def _warm_pool(settings: Settings) -> Iterator[Objection]:
    """A pool is of the release that booted it: a new one must use all of it up at once.

    What stays behind would serve users at some later launch, as the release that it was made with.
    """
    fleet, environment = settings.fleet, settings.environment
    if fleet.warm_pool > environment.instances:
        yield Objection(
            "fleet.warm_pool",
            f"instances ({environment.instances}) at most: a release must use the old pool up",
        )
    if fleet.scale_on_cpu or fleet.scale_on_requests:
        yield Objection(
            "fleet.warm_pool",
            "0 where groups scale by themselves: a small one leaves old instances",
        )
    if environment.strategy == "rolling":
        yield Objection("fleet.warm_pool", "0 with the strategy rolling: batches leave some of it")
    if settings.canary.capacity == "matched":
        yield Objection(
            "fleet.warm_pool", 'canary.capacity = "full": a small candidate leaves some'
        )

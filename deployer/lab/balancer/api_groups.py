"""Elastic Load Balancing v2 as AWS tells it: target groups, targets and their health."""

import time
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from moto.ec2.models import ec2_backends

from deployer.lab import actions
from deployer.lab.balancer import attributes, groups, health
from deployer.lab.balancer.data_plane import DataPlane
from deployer.lab.balancer.model import Forward, Group, dimension
from deployer.lab.balancer.refusals import invalid, not_simulated, whole
from deployer.lab.balancer.registry import Target
from deployer.lab.wire import Refused

VPC = ip_network("10.0.0.0/16")  # what Context.instance_address maps to loopback
STICKY = "stickiness.enabled"

Json = dict[str, Any]


class GroupsApi:
    """Handlers for target groups."""

    def __init__(self, balancer: DataPlane) -> None:
        self.balancer = balancer

    def install(self) -> None:
        """Take over the actions."""
        for handler in (
            self.create_target_group,
            self.modify_target_group,
            self.modify_target_group_attributes,
            self.delete_target_group,
            self.register_targets,
            self.deregister_targets,
            self.describe_target_health,
        ):
            name = "".join(part.title() for part in handler.__name__.split("_"))
            actions.replace("elbv2", name, handler)

    # ---- target groups ----------------------------------------------------------------------

    def create_target_group(self, call: actions.Call, params: Json) -> Json:
        groups.check_new(params)
        result = call.moto()
        made = result["TargetGroups"][0]
        stored = self.balancer.store.target_groups[made["TargetGroupArn"]]
        if params.get("HealthCheckTimeoutSeconds") is None:
            stored.health_check_timeout_seconds = groups.DEFAULT_TIMEOUT_S
            made["HealthCheckTimeoutSeconds"] = groups.DEFAULT_TIMEOUT_S
        self.balancer.publish()
        return result

    def modify_target_group(self, call: actions.Call, params: Json) -> Json:
        """Health check settings."""
        stored = self._stored(params["TargetGroupArn"])
        groups.check_health(params)
        groups.check_times(
            params.get("HealthCheckIntervalSeconds", int(stored.health_check_interval_seconds)),
            params.get("HealthCheckTimeoutSeconds", int(stored.health_check_timeout_seconds)),
        )
        result = call.moto()
        if params.get("Matcher"):
            stored.matcher = dict(params["Matcher"])
            result["TargetGroups"][0]["Matcher"] = stored.matcher
        self.balancer.publish()
        return result

    def modify_target_group_attributes(self, _call: actions.Call, params: Json) -> Json:
        """Not moto's: it refuses the longest deregistration delay (lab.md B)."""
        stored = self._stored(params["TargetGroupArn"])
        given = {each["Key"]: each.get("Value", "") for each in params["Attributes"]}
        attributes.check(attributes.GROUP, given, "Target group")
        attributes.check_stickiness(
            given.get(STICKY) == "true", self._in_weighted_rule_without(dimension(stored.arn))
        )
        stored.attributes.update(given)
        self.balancer.publish()
        told = [{"Key": key, "Value": str(value)} for key, value in stored.attributes.items()]
        return {"Attributes": told}

    def _in_weighted_rule_without(self, group: str) -> bool:
        """Whether the group shares a rule with others, without group stickiness there."""
        return any(
            group in {share.group for share in rule.action.shares}
            for each in self.balancer.fleet.balancers
            for listener in each.listeners
            for rule in listener.rules
            if isinstance(rule.action, Forward)
            and len(rule.action.shares) > 1
            and rule.action.sticky_s is None
        )

    def delete_target_group(self, call: actions.Call, params: Json) -> Json:
        group = self._group(params["TargetGroupArn"])
        if self.balancer.fleet.owner(group.name):
            raise Refused(
                "ResourceInUse",
                f"Target group '{group.arn}' is currently in use by a listener or a rule",
            )
        result = call.moto()
        with self.balancer.mutex:
            self.balancer.registry.forget(group.name)
        self.balancer.publish()
        return result

    # ---- targets ----------------------------------------------------------------------------

    def register_targets(self, _call: actions.Call, params: Json) -> Json:
        group = self._group(params["TargetGroupArn"])
        made = [self._target(group, given) for given in params["Targets"]]
        with self.balancer.mutex:
            for target in made:
                self.balancer.registry.register(group.name, target)
        self.balancer.publish()
        return {}

    def _target(self, group: Group, given: Mapping[str, Any]) -> Target:
        port = whole("Port", given.get("Port") or group.port, 1, 65535)
        private_ip, zone = (
            self._instance_place(given["Id"])
            if group.target_type == "instance"
            else (given["Id"], given.get("AvailabilityZone", ""))
        )
        address = self.balancer.context.instance_address(_in_vpc(private_ip))
        return Target(id=given["Id"], port=port, address=address, since=_now_ms(), zone=zone)

    def _instance_place(self, instance_id: str) -> tuple[str, str]:
        """Its private address, and its zone."""
        context = self.balancer.context
        found = ec2_backends[context.account][context.region].get_instance_by_id(instance_id)
        if found is None:
            raise Refused("InvalidTarget", f"The specified target '{instance_id}' does not exist")
        if found.state != "running":
            raise Refused(
                "InvalidTarget",
                "The following targets are not in a running state and cannot be registered: "
                f"'{instance_id}'",
            )
        return str(found.private_ip), str(found.placement.availability_zone or "")

    def deregister_targets(self, _call: actions.Call, params: Json) -> Json:
        """A target that is not registered is no error (API reference, DeregisterTargets)."""
        group = self._group(params["TargetGroupArn"])
        in_use = self.balancer.fleet.owner(group.name) is not None
        with self.balancer.mutex:
            for given in params["Targets"]:
                for target in self._found(group, given):
                    self.balancer.registry.drain(group, target, in_use=in_use)
        self.balancer.publish()
        return {}

    def _found(self, group: Group, given: Mapping[str, Any]) -> list[Target]:
        return self.balancer.registry.find(group.name, given["Id"], given.get("Port"))

    def describe_target_health(self, _call: actions.Call, params: Json) -> Json:
        """What Envoy's checks have found, never what should be."""
        group = self._group(params["TargetGroupArn"])
        if params.get("Include"):
            raise not_simulated(f"DescribeTargetHealth with Include {params['Include']}")
        with self.balancer.mutex:
            self.balancer.registry.expire(self.balancer.context.clock.now())
            asked = params.get("Targets")
            told = (
                [line for given in asked for line in self._asked(group, given)]
                if asked
                else self._described(group, self.balancer.registry.targets(group.name))
            )
        return {"TargetHealthDescriptions": told}

    def _asked(self, group: Group, given: Mapping[str, Any]) -> Sequence[Json]:
        found = self._found(group, given)
        if found:
            return self._described(group, found)
        port = given.get("Port") or group.port
        return [description(group, given["Id"], port, "unused", "Target.NotRegistered")]

    def _described(self, group: Group, targets: Iterable[Target]) -> list[Json]:
        in_use = self.balancer.fleet.owner(group.name) is not None
        return [
            description(
                group, each.id, each.port, *standing(each, in_use=in_use), code=each.tally.code
            )
            for each in targets
        ]

    # ---- lookups ----------------------------------------------------------------------------

    def _stored(self, arn: str) -> Any:
        stored = self.balancer.store.target_groups.get(arn)
        if stored is None:
            raise Refused("TargetGroupNotFound", f"Target groups '{arn}' not found")
        return stored

    def _group(self, arn: str) -> Group:
        return self.balancer.fleet.groups[dimension(self._stored(arn).arn)]


def standing(target: Target, *, in_use: bool) -> tuple[str, str]:
    """A target's state and ALB's reason for it (elbv2 API model, TargetHealth)."""
    if target.draining_until is not None:
        return "draining", "Target.DeregistrationInProgress"
    if not in_use:
        return "unused", "Target.NotInUse"
    if target.stopped:
        return "unused", "Target.InvalidState"
    return target.tally.state, target.tally.reason


def description(
    group: Group, target_id: str, port: int, state: str, reason: str, *, code: int = 0
) -> Json:
    """One entry of DescribeTargetHealth."""
    told: Json = {"State": state}
    if reason:
        told |= {"Reason": reason, "Description": health.describe(reason, code)}
    return {
        "Target": {"Id": target_id, "Port": port},
        "HealthCheckPort": str(group.check.port or port),
        "TargetHealth": told,
    }


def _in_vpc(text: str) -> str:
    """An address that the lab has a loopback address for.

    Raises:
        Refused: it is none, or outside the lab's network.
    """
    try:
        address = ip_address(text)
    except ValueError:
        raise invalid(f"The IP address '{text}' is not valid") from None
    if address not in VPC:
        raise not_simulated(f"targets outside {VPC} ('{text}')")
    return text


def _now_ms() -> float:
    """Wall time to the millisecond below, as Envoy writes it."""
    return int(time.time() * 1000) / 1000

"""EC2's instances as moto holds them: state, address, tags, user data. Read under the lab's lock."""

from dataclasses import dataclass
from typing import Any

from moto.ec2.models import ec2_backends

from deployer.lab.context import Context


@dataclass(frozen=True, slots=True)
class Booted:
    """What an instance can learn about itself when it boots (tags through instance metadata).

    role: of its instance profile; "" if it has none.
    """

    id: str
    private_ip: str
    user_data: str
    tags: dict[str, str]
    role: str = ""


def _instances(context: Context) -> dict[str, Any]:
    backend = ec2_backends[context.account][context.region]
    return {instance.id: instance for instance in backend.all_instances()}


def states(context: Context) -> dict[str, str]:
    """EC2 state by instance id."""
    return {key: instance.state for key, instance in _instances(context).items()}


def monitored(context: Context) -> frozenset[str]:
    """Instances with detailed monitoring."""
    return frozenset(key for key, one in _instances(context).items() if one.monitored)


def booted(context: Context, instance_id: str) -> Booted:
    """Raises KeyError if there is no such instance."""
    instance = _instances(context)[instance_id]
    data = instance.user_data
    return Booted(
        instance.id,
        instance.private_ip,
        data.decode() if data is not None else "",
        {tag["key"]: tag["value"] for tag in instance.get_tags()},
        _role(context, instance_id),
    )


def _role(context: Context, instance_id: str) -> str:
    backend = ec2_backends[context.account][context.region]
    association = backend.iam_instance_profile_associations.get(instance_id)
    roles = association.iam_instance_profile.roles if association else []
    return str(roles[0].name) if roles else ""


def bury(context: Context, instance_id: str) -> None:
    """The last process is gone: the instance is `terminated`, and its address can be used again.

    EC2 deletes an instance's own network interfaces with it; moto keeps them and their addresses,
    and a long-lived lab would run out of both.
    """
    instance = _instances(context).get(instance_id)
    if instance is None:
        return
    if instance.state == "shutting-down":
        instance.instance_state.name, instance.instance_state.code = "terminated", 48
    interfaces = ec2_backends[context.account][context.region].enis
    for interface in instance.nics.values():
        if interface.id in interfaces:
            interface.delete()
    instance._private_ips.clear()  # noqa: SLF001  else moto gives them back twice


def halt(context: Context, instance_id: str) -> None:
    """The last process of a stopping instance is gone: it is `stopped`; address and disk stay."""
    instance = _instances(context).get(instance_id)
    if instance is not None and instance.state == "stopping":
        instance.instance_state.name, instance.instance_state.code = "stopped", 80

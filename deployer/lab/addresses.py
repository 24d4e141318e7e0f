"""Every instance of the lab has an address of its own, whatever its VPC.

In AWS two VPCs may have the same addresses, and their instances never meet. Here each instance listens
on the loopback address that its last two numbers stand for (`Context.instance_address`), so that two
with the same one would answer for each other: EC2 gives no address that another VPC's instance has.
"""

from typing import Any

from moto.ec2.models.subnets import Subnet

from deployer.lab.wire import Refused

_free: Any = Subnet.get_available_subnet_ip
_request: Any = Subnet.request_ip


def install() -> None:
    """Take over how subnets give addresses."""
    Subnet.get_available_subnet_ip = _own
    Subnet.request_ip = _asked


def _own(subnet: Any, instance: Any) -> str:
    """The next address of the subnet that nobody has elsewhere; those passed over stay free."""
    passed = []
    while _meets(subnet, address := str(_free(subnet, instance))):
        passed.append(address)
    for each in passed:
        subnet.del_subnet_ip(each)
    return address


def _asked(subnet: Any, address: str, instance: Any) -> None:
    """An address that was asked for by name.

    Raises:
        Refused: another VPC's instance has it.
    """
    if _meets(subnet, address):
        raise Refused(
            "NotImplemented", f"the lab does not simulate two instances with the address {address}"
        )
    _request(subnet, address, instance)


def _meets(subnet: Any, address: str) -> bool:
    """An instance in another subnet listens where this one would."""
    others = (each for zone in subnet.ec2_backend.subnets.values() for each in zone.values())
    return any(
        _at(each, address) in each._subnet_ips  # noqa: SLF001  moto tells nobody
        for each in others
        if each is not subnet
    )


def _at(subnet: Any, address: str) -> str:
    """The address with the same last two numbers in that subnet's VPC."""
    before = str(subnet.cidr.network_address).split(".")[:2]
    return ".".join((*before, *address.split(".")[2:]))

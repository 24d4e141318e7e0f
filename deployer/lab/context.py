"""What every part of the lab shares: its clock, its lock, its loopback network, its folder."""

import threading
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Protocol

from deployer.process.clock import ScaledClock

ACCOUNT = "123456789012"
REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Context:
    """Made once by `lab up`.

    directory: everything the lab writes lives below it.
    network:   second octet of this lab's loopback network 127.N.0.0/16; each lab has its own.
    endpoint:  `http://localhost:PORT` of the AWS API (the CDK CLI needs that host name, lab.md A20).
    lock:      held around every API action and every tick: moto has none of its own (lab.md B).
    wake:      set after each mutating API action, so that the next tick comes at once.
    """

    directory: Path
    network: int
    endpoint: str
    clock: ScaledClock
    account: str = ACCOUNT
    region: str = REGION
    lock: threading.RLock = field(default_factory=threading.RLock)
    wake: threading.Event = field(default_factory=threading.Event)

    def instance_address(self, private_ip: str) -> str:
        """The loopback address on which the instance with this VPC address listens."""
        third, fourth = IPv4Address(private_ip).packed[2:]
        return f"127.{self.network}.{third}.{fourth}"

    def balancer_address(self, index: int) -> str:
        """The loopback address of the lab's load balancer number `index`, from 0."""
        return f"127.{self.network}.255.{index + 1}"


class Component(Protocol):
    """A part of the lab that lives in time.

    tick: called under the lock, every 100 ms (real) or as soon as `wake` is set; `now` in virtual
          epoch seconds. Quick, no network.
    poll: called without the lock by a thread of its own, about every 100 ms (real). May do I/O.
    close: ends every process and thread that the part started.
    """

    def tick(self, now: float) -> None: ...
    def poll(self, now: float) -> None: ...
    def close(self) -> None: ...

"""A service's fleets, wired: settings and the environment in, everything that carries a fleet out.

As deployer.wiring for one environment, and imported like it: by who talks to AWS, never for `--help`.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from deployer import identity
from deployer.aws import fleet_published
from deployer.aws.fleets import DynamoFleets
from deployer.aws.machines import Machines
from deployer.aws.members import PATIENCE_S, LambdaMembers
from deployer.aws.session import Aws
from deployer.clock import ScaledClock
from deployer.endpoint import chosen_clock, clients, require_endpoint
from deployer.operations.fleet_round import FleetBook, Mandate, Members, Round
from deployer.ports import Clock
from deployer.settings.schema import Settings

LEASE_S = 330.0  # a visit's: longer than its function can last (stacks/fleet.py)


@dataclass(frozen=True, slots=True)
class Formation:
    """The fleets of one service.

    start:  has a fleet visited until it has ended; asked twice with the same mandate, once.
    owner:  holds a visit's lease: different each time.
    caller: who asks, for people.
    scale:  how many times faster than the wall's the clock runs.
    """

    service: str
    book: FleetBook
    members: Members
    clock: Clock
    start: Callable[[Mandate], None]
    owner: str
    caller: str
    scale: float = 1.0

    def round(self) -> Round:
        """A visit of this process."""
        return Round(
            book=self.book,
            members=self.members,
            clock=self.clock,
            owner=self.owner,
            lease_s=LEASE_S,
            name=lambda _: identity.deployment_id(self.clock.now()),
        )


def connect(
    region: str, environments: Mapping[str, Settings], environ: Mapping[str, str] = os.environ
) -> Formation:
    """Everything over AWS, or over the lab if `environ` points there.

    region:       of the fleet's stack.
    environments: all of the file's, by name.

    Raises:
        NotFound: the fleet's stack is not deployed.
        AccessProblem, CloudUnavailable, SettingsInvalid: as `wiring.connect`.
    """
    require_endpoint(environ)
    clock = chosen_clock(environ)
    service = next(iter(environments.values())).service.name
    aws = clients(region, clock)
    found = fleet_published.read(aws, service)
    machines = Machines(aws)
    known: dict[str, Aws] = {region: aws}

    def there(place: str) -> Aws:
        return known.setdefault(place, clients(place, clock))

    regions = {name: each.environment.region for name, each in environments.items()}
    return Formation(
        service=service,
        book=DynamoFleets(aws, found.table, service, clock),
        members=LambdaMembers(service, regions, there, PATIENCE_S),
        clock=clock,
        start=lambda mandate: machines.start(
            found.machine, mandate.execution, msgspec.json.encode(mandate).decode()
        ),
        owner=f"fleet {identity.owner(environ)}",
        caller=identity.caller(environ),
        scale=clock.scale if isinstance(clock, ScaledClock) else 1.0,
    )

"""A service's fleets, wired: settings and the environment in, everything that carries a fleet out.

As deployer.wiring.services for one environment, and imported like it: by who talks to AWS, never for `--help`.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from deployer.aws import fleet_published
from deployer.aws.fleets import DynamoFleets
from deployer.aws.machines import Machines
from deployer.aws.members import PATIENCE_S, LambdaMembers
from deployer.aws.session import Aws
from deployer.channels.fleets import Tellers
from deployer.errors import DeployError
from deployer.operations.fleet import Fleet
from deployer.operations.fleet_notices import fleet_notices
from deployer.operations.fleet_round import FleetBook, Mandate, Members, Round
from deployer.operations.notifying import SILENT, Outbox
from deployer.ports import Clock
from deployer.process import identity
from deployer.process.clock import ScaledClock
from deployer.record.acts import Actor
from deployer.settings.schema import Settings
from deployer.wiring.endpoint import chosen_clock, clients, require_endpoint

LEASE_S = 330.0  # a visit's: longer than its function can last (stacks/fleet.py)


@dataclass(frozen=True, slots=True)
class Formation:
    """The fleets of one service.

    start:  has a fleet visited until it has ended; asked twice with the same mandate, once.
    owner:  holds a visit's lease: different each time.
    caller: who asks, for people.
    who:    somebody of that name, with what AWS and the surroundings tell of this process.
    outbox: who is told of a fleet; each one is closed by whoever made it.
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
    who: Callable[[str], Actor] = Actor
    outbox: Callable[[Fleet], Outbox] = lambda _: SILENT

    @property
    def actor(self) -> Actor:
        """Who asks, for the audit."""
        return self.who(self.caller)

    def tell(self, fleet: Fleet) -> Sequence[str]:
        """Tell whoever is told of fleets what this one has to tell; what kept it from that, in words.

        It waits for some seconds at most, and raises nothing: a fleet goes on untold.
        """
        try:
            outbox = self.outbox(fleet)
            outbox.tell(*fleet_notices(fleet))
            outbox.close()
            return outbox.troubles()
        except DeployError as error:
            return (f"nobody could be told of the fleet: {error}",)
        except Exception as error:  # noqa: BLE001  a flaw here must not end what carries the fleet
            return (f"nobody could be told of the fleet: {type(error).__name__}: {error}",)

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

    tellers = Tellers(environments, there, found.table, region, environ, clock)

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
        who=lambda name: Actor(name, aws.arn, identity.origin(environ)),
        outbox=tellers.outbox,
        scale=clock.scale if isinstance(clock, ScaledClock) else 1.0,
    )

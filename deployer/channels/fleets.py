"""Who is told of a fleet: whoever is told of one of its environments, once.

A channel that several environments name alike is one. Its secret is read in the Region of the first of them,
a topic is where its ARN says. Two that have one name and are not alike are told apart by the environment.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from deployer.aws.fleets import partition
from deployer.aws.session import Aws
from deployer.aws.told import ToldTable
from deployer.channels.chosen import chosen
from deployer.channels.outbox import Outbox, Post
from deployer.operations.fleet import Fleet
from deployer.operations.notices import Place
from deployer.operations.notifying import SILENT
from deployer.operations.notifying import Outbox as Told
from deployer.process.clock import ScaledClock, WallClock
from deployer.settings.notify import AnyChannel, NotifySettings, SnsChannel
from deployer.settings.schema import Settings


@dataclass(frozen=True, slots=True)
class Tellers:
    """Makes an outbox for a fleet.

    environments: settings of all of the file's, by name.
    there:        clients of a Region.
    book:         the table of the fleets.
    region:       of that table.
    """

    environments: Mapping[str, Settings]
    there: Callable[[str], Aws]
    book: str
    region: str
    environ: Mapping[str, str]
    clock: WallClock | ScaledClock

    def outbox(self, fleet: Fleet) -> Told:
        """For one process; `SILENT`: nobody is told of its environments."""
        channels = [
            channel
            for one, region in named(fleet, self.environments)
            for channel in chosen(
                NotifySettings(channels=(one,)), self.there(region), "", self.environ
            )
        ]
        if not channels:
            return SILENT
        told = ToldTable(self.there(self.region), self.book, partition(fleet.service), self.clock)
        scale = self.clock.scale if isinstance(self.clock, ScaledClock) else 1.0
        posts = [Post(each, told, self.clock, scale) for each in channels]
        return Outbox(Place(fleet.service, ""), posts)


def named(fleet: Fleet, environments: Mapping[str, Settings]) -> Iterator[tuple[AnyChannel, str]]:
    """Each channel of the fleet's environments once, and the Region where it is. Pure."""
    known: list[AnyChannel] = []
    for member in fleet.members:
        settings = environments.get(member.environment)
        for one in settings.notify.channels if settings is not None else ():
            if settings is None or one in known:
                continue
            alike = any(one.name == other.name for other in known)
            known.append(one)
            region = settings.environment.region
            if isinstance(one, SnsChannel):
                region = one.topic.split(":")[3]
            yield (replace(one, name=f"{one.name}@{member.environment}") if alike else one), region

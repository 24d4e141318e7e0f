"""The fleet under way, for the commands that mean it with --fleet: look at it, follow it, steer it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import click

from deployer.cli.app import App, app_of
from deployer.cli.ending import Ending
from deployer.cli.output import Output
from deployer.cli.stopping import Interrupted, pause, stoppable
from deployer.errors import CloudUnavailable, NotFound, NotPossibleNow
from deployer.journal import Ask
from deployer.operations import fleet_course
from deployer.operations.fleet import Fleet, FleetStatus
from deployer.operations.fleet_round import ActiveFleet, Mandate, abandoned
from deployer.process import identity
from deployer.render.fleet import (
    event_document,
    event_text,
    fleet_document,
    fleet_text,
    fleets_text,
)
from deployer.settings import reading
from deployer.settings.schema import Settings
from deployer.settings.waves import WavesSettings, home
from deployer.wiring.formation import Formation

EXIT = {
    FleetStatus.SHIPPED: 0, FleetStatus.STOPPED: 3, FleetStatus.ROLLED_BACK: 3,
    FleetStatus.HALTED: 4,
}  # fmt: skip
LOOK_S = 15.0  # between two looks of somebody who watches: what happens takes minutes
WHAT = {
    Ask.ABORT: "to stop, and to take back what its settings say",
    Ask.PAUSE: "to begin nothing more",
    Ask.RESUME: "to go on",
    Ask.PROMOTE: "to end its bake",
}


@dataclass
class Desk:
    """One invocation's view of the service's fleets."""

    app: App

    @property
    def output(self) -> Output:
        return self.app.output

    @cached_property
    def _file(self) -> tuple[WavesSettings | None, Mapping[str, Settings]]:
        return reading.load_waves(self.app.config)

    @property
    def settings(self) -> WavesSettings:
        """[waves] of the file.

        Raises:
            NotFound: it has none.
        """
        found = self._file[0]
        if found is None:
            raise NotFound(
                f"{self.app.config.name} has no [waves], and a fleet needs its stack: write the "
                "section (deployer.example.toml explains it) and run `cdk deploy`"
            )
        return found

    @property
    def environments(self) -> Mapping[str, Settings]:
        return self._file[1]

    @property
    def regions(self) -> Mapping[str, str]:
        return {name: each.environment.region for name, each in self.environments.items()}

    @cached_property
    def formation(self) -> Formation:
        """Everything that carries a fleet out; talks to AWS."""
        return self.app.fleets(home(self.settings, self.environments), self.environments)

    def now(self) -> float:
        return self.formation.clock.now()

    def follow(self, fleet: Fleet) -> Ending:
        """Tell what happens until it has ended.

        Raises:
            Interrupted: by a signal; the fleet goes on.
        """
        formation, told = self.formation, 0
        with stoppable() as stop:
            while True:
                told = self.tell(fleet, told)
                if fleet.status.final:
                    return ended(fleet)
                if not pause(formation.clock, stop, formation.scale, LOOK_S):
                    raise (stop.heard or Interrupted)(
                        f"no longer watching fleet {fleet.id}, which goes on: `deployer status --fleet`"
                    )
                fleet = self._again(fleet)

    def tell(self, fleet: Fleet, told: int) -> int:
        """Its events from number `told` on; how many there are."""
        for event in fleet.log[told:]:
            self.output.page(
                lambda _, event=event: event_text(event),  # type: ignore[misc]
                [event_document(fleet, event)],
            )
        return len(fleet.log)

    def _again(self, fleet: Fleet) -> Fleet:
        try:
            return self.formation.book.load(fleet.id)
        except CloudUnavailable as error:
            self.output.note(f"Trying again: {error}")
            return fleet


def desk_of(ctx: click.Context) -> Desk:
    """The invocation's."""
    return Desk(app_of(ctx))


def ended(fleet: Fleet) -> Ending:
    """The last word of a fleet that has ended."""
    words = fleet_course.outcome(fleet) if fleet.reason else ""
    return Ending(fleet.status.value, EXIT[fleet.status], words)


def status(ctx: click.Context, *, watch: bool) -> Ending:
    """The fleet under way, or the last one."""
    desk = desk_of(ctx)
    active = desk.formation.book.active()
    fleet = active.fleet if active else next(iter(desk.formation.book.history(1)), None)
    if fleet is None:
        raise NotFound(
            f"{desk.formation.service} has had no fleet: `deployer fleet RELEASE` begins one"
        )
    _show(desk, fleet, active)
    return desk.follow(fleet) if watch and active else Ending()


def _show(desk: Desk, fleet: Fleet, active: ActiveFleet | None) -> None:
    now = desk.now()
    page = fleet_text(fleet, now, active)
    desk.output.page(lambda _: page, [fleet_document(fleet, now)])


def history(ctx: click.Context, limit: int) -> Ending:
    """All fleets, newest first."""
    desk = desk_of(ctx)
    found, now = desk.formation.book.history(limit), desk.now()
    documents = [fleet_document(each, now) for each in found]
    desk.output.page(lambda _: fleets_text(found, now), documents)
    return Ending()


def show(ctx: click.Context, fleet_id: str) -> Ending:
    """One fleet, with everything that happened to it."""
    desk = desk_of(ctx)
    fleet = desk.formation.book.load(fleet_id)
    _show(desk, fleet, None)
    desk.tell(fleet, 0)
    return Ending()


def steer(ctx: click.Context, wish: Ask) -> Ending:
    """Ask something of the fleet under way; `resume` also has an abandoned one visited again.

    Raises:
        NotPossibleNow: it makes no sense now; says what does.
    """
    return ask(desk_of(ctx), wish)


def ask(desk: Desk, wish: Ask) -> Ending:
    """The same, for whoever has a desk already.

    Raises:
        NotPossibleNow: as `steer`.
    """
    formation = desk.formation
    active = formation.book.active()
    if active is None:
        raise NotPossibleNow(
            f"`deployer {wish} --fleet` is not possible now: no fleet of {formation.service} is under "
            "way; see `deployer history --fleet`"
        )
    fleet = active.fleet
    unvisited = fleet.version == 0 and wish is Ask.RESUME  # its machine may never have begun
    again = unvisited or abandoned(active, desk.now())
    if not (again and wish is Ask.RESUME and fleet.paused_at is None):
        fleet_course.require_possible(fleet, wish)
        formation.book.ask(identity.request(wish, formation.caller, formation.actor))
    if again:
        formation.start(Mandate(fleet=fleet.id, part=fleet.version + 2))
        desk.output.note("Nobody has looked after it yet, or not for a while: that begins now.")
    what = WHAT[wish]
    return Ending(
        "asked", 0, f"asked fleet {fleet.id} of {fleet.release} {what}: `deployer status --fleet`"
    )

"""What the dashboard reads and what it asks: as `status` reads, and as `pause` and the others ask."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import NamedTuple, TypeVar

from deployer.cli import fleets, look, steer
from deployer.cli.app import App
from deployer.cli.everywhere import sharing
from deployer.cli.fleets import Desk
from deployer.cli.session import Session
from deployer.cli.text import TextOutput
from deployer.dashboard.reader import Seen, Source
from deployer.dashboard.site import Drawn, Wish
from deployer.errors import NotFound, NotPossibleNow
from deployer.journal import Active, Ask
from deployer.operations.story import gathered
from deployer.operations.watching import CALM_S
from deployer.render.dashboard import (
    askable,
    environment_document,
    fleet_document,
    no_fleet_document,
)
from deployer.render.plan import goal
from deployer.render.progress import Standing
from deployer.render.report import charts
from deployer.render.words import one_line
from deployer.settings import reading
from deployer.wiring import services as wiring
from deployer.wiring.formation import Formation
from deployer.wiring.services import Services

Acting = TypeVar("Acting", Services, Formation)
FLEET = "fleet"
FIGURES_S = 60.0  # CloudWatch has a new minute once a minute
LONGEST_WHY = 300  # letters, as of --override-freeze
# Whatever the step: they take nothing for done that was not seen.
ANY_STEP = (Ask.ABORT, Ask.ABORT_FORCE, Ask.PAUSE, Ask.RESUME)


class Unheard(TextOutput):
    """Nobody reads notes: what matters is in the page."""

    def note(self, words: str) -> None:
        """Nowhere."""


class Sketch(NamedTuple):
    """Charts of a deployment at a step, as they were at `at`, epoch seconds."""

    about: tuple[str, int]
    at: float
    drawn: Drawn


@dataclass
class Place:
    """One environment, as the dashboard sees it."""

    name: str
    app: App
    newest: Standing | None = field(default=None)
    _sketch: Sketch | None = field(default=None)
    _reading: Lock = field(default_factory=Lock)  # clients and their caches are for one at a time

    def read(self) -> Seen:
        """Its state; while nothing is deployed, the cloud's is not read anew each time.

        Raises:
            DeployError: as `look.standing`.
        """
        old, services = self.newest, self.app.services
        if old is None or not self._calm(old, services):
            with self._reading:
                old = self.newest = look.standing(self.app)
        return Seen(environment_document(old), old.active is not None)

    def ask(self, wish: Wish) -> str:
        """Ask it of the deployment that was seen; words for people.

        Raises:
            NotPossibleNow: that one has ended, or stands elsewhere by now; or it makes no sense.
            DeployError: as `journal.ask`.
        """
        if self.newest is None:
            raise NotPossibleNow(f"{self.name} has not been read yet: nothing was asked")
        services, asked = self.app.services, ask_of(wish)
        active = services.journal.active(services.environment)
        if active is None or active.deployment.id != wish.id:
            raise NotPossibleNow(f"{wish.id} is not in progress any more: nothing was asked")
        self._require_seen(active, wish, asked)
        if asked is Ask.RESUME and asked not in askable(active, services.clock.now()):
            raise NotPossibleNow(
                f"`deployer resume` is for a terminal here: it carries {wish.id} on, whose runner is "
                "gone, or says who does"
            )
        why = one_line(wish.why)[:LONGEST_WHY]
        return steer.steer(Session(services, self.app.output), asked, why).reason

    def figures(self) -> Drawn:
        """The charts of the deployment in progress, or of the last one; read once a minute at most."""
        newest = self.newest
        if newest is None:
            return Drawn()
        record = newest.active.deployment if newest.active else newest.last
        if record is None:
            return Drawn()
        services = self.app.services
        with self._reading:
            now, old, about = services.clock.now(), self._sketch, (record.id, record.cursor)
            if old is None or old.about != about or now - old.at >= FIGURES_S:
                story = gathered(services.archive, record, now)
                drawn = Drawn(charts.figures(story), one_line(story.unknown))
                old = self._sketch = Sketch(about, now, drawn)
            return old.drawn

    def _require_seen(self, active: Active, wish: Wish, asked: Ask) -> None:
        deployment = active.deployment
        if deployment.cursor != wish.step and asked not in ANY_STEP:
            raise NotPossibleNow(
                f"{wish.id} has gone on to «{goal(deployment.step)}» meanwhile: nothing was asked"
            )

    def _calm(self, old: Standing, services: Services) -> bool:
        """Nothing was in progress, nothing is, and the reading is young."""
        young = services.clock.now() - old.now < CALM_S
        return (
            young and old.active is None and services.journal.active(services.environment) is None
        )


@dataclass
class Fleets:
    """The service's fleets, as the dashboard sees them."""

    desk: Desk

    def read(self) -> Seen:
        """The fleet under way, or the last one.

        Raises:
            DeployError: the stack is not deployed, or nobody answers.
        """
        formation = self.desk.formation
        active = formation.book.active()
        fleet = active.fleet if active else next(iter(formation.book.history(1)), None)
        now = formation.clock.now()
        if fleet is None:
            return Seen(no_fleet_document(formation.service, now), busy=False)
        return Seen(fleet_document(fleet, active, formation.service, now), active is not None)

    def ask(self, wish: Wish) -> str:
        """Ask it of the fleet that was seen; words for people.

        Raises:
            NotPossibleNow: that one has ended, or is at another wave; or it makes no sense.
        """
        asked, active = ask_of(wish), self.desk.formation.book.active()
        if active is None or active.fleet.id != wish.id:
            raise NotPossibleNow(f"fleet {wish.id} is not under way any more: nothing was asked")
        if active.fleet.cursor != wish.step and asked not in ANY_STEP:
            raise NotPossibleNow(f"fleet {wish.id} is at another wave by now: nothing was asked")
        return fleets.ask(self.desk, asked).reason


@dataclass(frozen=True, slots=True)
class Watched:
    """Everything that one dashboard shows, by its name in the feed."""

    places: Mapping[str, Place | Fleets]

    def sources(self) -> dict[str, Source]:
        """What the reader reads."""
        return {
            name: Source("fleet", place.read, FLEET)
            if isinstance(place, Fleets)
            else Source("environment", place.read, place.app.settings.environment.region)
            for name, place in self.places.items()
        }

    def ask(self, wish: Wish) -> str:
        """Carry a wish to whom it concerns.

        Raises:
            NotFound: nothing of that name is shown.
            DeployError: it was refused, or nobody answered.
        """
        return self._of(wish.of).ask(wish)

    def draw(self, name: str) -> Drawn:
        """The charts of what is called so; a fleet has none.

        Raises:
            NotFound: nothing of that name is shown.
        """
        place = self._of(name)
        return place.figures() if isinstance(place, Place) else Drawn()

    def _of(self, name: str) -> Place | Fleets:
        place = self.places.get(name)
        if place is None:
            raise NotFound(f"this dashboard does not show {name}")
        return place


def watched(app: App) -> Watched:
    """All environments of the settings, and the service's fleets if it has any; or one environment.

    Raises:
        NotFound, SettingsInvalid: of the settings; nothing is asked of AWS.
    """
    connect = sharing() if app.connect is wiring.connect else app.connect
    quiet = replace(
        app, output=Unheard(), connect=lambda settings: signed(connect(settings)),
        fleets=lambda region, every: signed(app.fleets(region, every)),
    )  # fmt: skip
    if app.environment is not None:
        _ = app.settings  # whether there is such an environment
        names: tuple[str, ...] = (app.environment,)
    else:
        names = reading.environments(app.config)
    places: dict[str, Place | Fleets] = {}
    if app.environment is None and reading.load_waves(app.config)[0] is not None:
        places[FLEET] = Fleets(Desk(quiet))
    for name in names:
        mine = replace(quiet, environment=name)
        _ = mine.settings
        places[f"environment/{name}"] = Place(name, mine)
    return Watched(places)


def signed(there: Acting) -> Acting:
    """What is asked through these says where it was."""
    return replace(there, caller=f"{there.caller}, dashboard")


def ask_of(wish: Wish) -> Ask:
    """Which one of those that there are.

    Raises:
        NotPossibleNow: none.
    """
    try:
        return Ask(wish.ask)
    except ValueError:
        raise NotPossibleNow(f"nothing is called {wish.ask!r}: nothing was asked") from None

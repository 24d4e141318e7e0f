"""What tearing one environment down needs of AWS, for commands and functions: facts, and a hand."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deployer.aws import pacing, published
from deployer.aws.session import Aws
from deployer.aws.stacks import EnvironmentStacks
from deployer.aws.sweeping import traffic
from deployer.aws.sweeping.notices import JournalNotices
from deployer.engine.loop import Tell
from deployer.errors import NotFound
from deployer.journal import REMEMBERED, Lease, newest_begun
from deployer.model import Release, Snapshot
from deployer.operations.idle.ports import Ending, Notices, Outcome, Span
from deployer.operations.rest import acts, deletion
from deployer.operations.rest.acts import Hand, Teardown
from deployer.operations.rest.levels import Level
from deployer.operations.rest.rails import Facts, Use, of_what_is_left
from deployer.operations.rest.reach import Reach
from deployer.plan import Deployment, Event
from deployer.planning.preflight import Objection
from deployer.process import identity
from deployer.process.clock import ScaledClock, WallClock
from deployer.settings.schema import Settings
from deployer.topology import CLASS_TAG, EPHEMERAL
from deployer.wiring import endpoint, intents
from deployer.wiring import services as wiring
from deployer.wiring.services import SUPERVISOR, VISIT_S, Services


def quiet(_deployment: Deployment, _event: Event, _seen: Snapshot | None) -> None:
    """Nobody listens: the record tells."""


UNNAMED = Release("what it runs")  # until a snapshot tells


@dataclass(frozen=True, slots=True)
class Ground:
    """One environment's adapters that deployments do not need: the port `Reach`.

    clock: the wall's, or the lab's.
    """

    aws: Aws
    settings: Settings
    clock: WallClock | ScaledClock

    @property
    def stacks(self) -> EnvironmentStacks:
        """The environment's."""
        return EnvironmentStacks(
            self.aws, self.settings.service.name, self.settings.environment.name
        )

    @property
    def notices(self) -> Notices:
        """Where an extension is written down: in the environment's journal."""
        service, name = self.settings.service.name, self.settings.environment.name
        found = published.read(self.aws, service, name)
        return JournalNotices(self.aws, service, self.clock, lambda _: found.journal_table)

    def tagged(self) -> bool:
        """The service stack says that it is ephemeral, and hence everything in it. One call."""
        found = self.stacks.find("service")
        return found is not None and (CLASS_TAG, EPHEMERAL) in found.tags

    def use(self, seen: Snapshot) -> Use | None:
        """Requests of the last whole window, and since; None: nobody can reach a slot. Two calls.

        Raises:
            CloudUnavailable, AccessProblem: no answer.
        """
        if seen.asleep or seen.weights is None:
            return None
        rules, name = self.settings.teardown, self.settings.environment.name
        found = published.read(self.aws, self.settings.service.name, name)
        window = Span(int(rules.window_s), 1)
        balancers = {name: found.load_balancer}
        flow = traffic.read(self.aws, balancers, {name: window}, self.clock.now())[name]
        return Use(most_of(flow), rules.requests, float(rules.window_s))


def most_of(flow: traffic.Flow) -> float | None:
    """Requests of the busiest window; None: of one nobody knows. Pure."""
    known = [each for each in (*flow.windows, flow.recent) if each is not None]
    return max(known) if known and None not in flow.windows else None


def reach(settings: Settings) -> Ground:
    """The adapters.

    Raises:
        AccessProblem, SettingsInvalid: as `wiring.connect`.
    """
    endpoint.require_endpoint(os.environ)
    clock = endpoint.chosen_clock(os.environ)
    region = settings.environment.region
    return Ground(Aws(region, pacing.shared(region, clock)), settings, clock)


def facts(ground: Reach, settings: Settings, services: Services) -> Facts:
    """What the rails look at, read now. Some twenty calls.

    Raises:
        CloudUnavailable, AccessProblem: not everything could be looked at, so nothing is known.
    """
    environment = services.environment
    seen = services.cloud.observe()
    return Facts(
        seen=seen,
        ephemeral=settings.teardown.ephemeral,
        tagged=ground.tagged(),
        protected=settings.environment.protected,
        active=services.journal.active(environment),
        last=newest_begun(services.journal.history(environment, REMEMBERED)),
        around=services.look_around(),
        use=ground.use(seen),
    )


def hand(
    ground: Reach, settings: Settings, services: Services,
    lease: Callable[[], Lease] | None = None, wanted: Callable[[], str] = lambda: "",
) -> Hand:  # fmt: skip
    """Who acts; `lease`: in whose name, by default this process's; `wanted`: as `Hand` has it."""
    return Hand(
        service=services.service,
        ground=services,
        intent=intents.intent_of(settings, UNNAMED, "rollback"),
        lease=lease or services.lease,
        new_id=lambda: identity.deployment_id(services.clock.now()),
        stacks=ground.stacks,
        by=services.caller,
        wanted=wanted,
    )


@dataclass(frozen=True, slots=True)
class Environments:
    """The port `idle.Acts`: each environment of the settings, connected to when its turn comes.

    settings: of an environment, by its name.
    every_s:  seconds between two visits of the supervisor.
    """

    settings: Callable[[str], Settings]
    every_s: float
    tell: Tell = quiet
    connect: Callable[[Settings], Services] = wiring.connect

    def tear_down(self, environment: str, level: str, why: str) -> Outcome:
        """Bring the environment down to `level`; see `acts.Teardown`.

        Raises:
            Locked, Halted, CloudUnavailable, AccessProblem: as `acts.Teardown`.
        """
        settings = self.settings(environment)
        try:
            services = self.connect(settings)
        except NotFound:
            return left_over(settings, Level(level))
        found = teardown(settings, services, self.every_s, self.tell)
        return found.tear_down(Level(level), why)


def left_over(settings: Settings, level: Level) -> Outcome:
    """Of an environment whose service stack is gone only other stacks may be left."""
    if level is not Level.DELETE:
        return Outcome(Ending.NOTHING, "its service stack is gone")
    stacks = reach(settings).stacks
    if found := left_over_refusals(settings, stacks.look()):
        return Outcome(Ending.REFUSED, "; ".join(map(str, found)))
    return acts.visited(deletion.visit(stacks, stacks.delete))


def left_over_refusals(settings: Settings, found: Sequence[deletion.Stack]) -> Sequence[Objection]:
    """What forbids to delete what an earlier deletion did not come to. Pure."""
    return of_what_is_left(
        found, ephemeral=settings.teardown.ephemeral, protected=settings.environment.protected
    )


def teardown(settings: Settings, services: Services, every_s: float, tell: Tell) -> Teardown:
    """For a function: what it begins, the supervisor's visits carry on, and its own next calls.

    every_s: seconds between two visits of the supervisor.
    """
    ground = services.reach or reach(settings)
    supervisor = services.supervisor(every_s, services.clock, tell)

    def lease() -> Lease:
        return Lease(SUPERVISOR, services.clock.now() + 2 * every_s + VISIT_S)

    def wanted() -> str:
        until = ground.notices.read(services.environment).extended_until
        return "somebody has extended it meanwhile" if until > services.clock.now() else ""

    return Teardown(
        hand=hand(ground, settings, services, lease, wanted),
        facts=lambda: facts(ground, settings, services),
        visit=supervisor.visit,
    )

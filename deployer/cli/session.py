"""A deployment from this process's side: begin it, carry it, follow somebody else's, let it go."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TypeVar

from msgspec.structs import replace

from deployer.cli.holder import alive, taken
from deployer.cli.leaving import close, left
from deployer.cli.output import Output
from deployer.cli.stopping import (
    Interrupted,
    Stop,
    StoppableClock,
    Stranded,
    TurningClock,
    heed,
    pause,
    stoppable,
)
from deployer.engine import control
from deployer.engine.loop import Tell
from deployer.errors import (
    CloudUnavailable,
    DeployError,
    LeaseLost,
    Locked,
    NotFound,
    NotPossibleNow,
)
from deployer.journal import Active, Ask, last_begun
from deployer.model import Snapshot
from deployer.operations import beginning
from deployer.operations.beginning import Opening
from deployer.plan import Deployment, Event, Plan, Status
from deployer.ports import Clock
from deployer.process import identity
from deployer.process.identity import deployment_id
from deployer.render.asking import on_or_back
from deployer.render.plan import goal, title
from deployer.render.progress import View, position
from deployer.render.words import serving_of, span, time_of_day
from deployer.wiring.services import Services

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Session:
    """One environment's services, and somebody to tell."""

    services: Services
    output: Output

    def in_turn(self, wait_s: float, attempt: Callable[[], T]) -> T:
        """`attempt` to take the environment, once it is free, for `wait_s` seconds at most.

        Somebody else may be faster: then it is waited for again, and attempted anew.

        Raises:
            Locked: it was taken all the time; says by which deployment, and what to do.
            Interrupted: while waiting.
        """
        until = self.services.clock.now() + wait_s
        while True:
            self._wait_until_free(until)
            try:
                return attempt()
            except LeaseLost:
                raise
            except Locked:
                if self.services.clock.now() >= until:
                    raise

    def _wait_until_free(self, until: float) -> None:
        services, said = self.services, ""
        with stoppable() as stop:
            while (active := services.journal.active(services.environment)) is not None:
                now = services.clock.now()
                if now >= until:
                    raise Locked(taken(active, self.place, now))
                said = self._waiting_for(active, until, said)
                if not pause(services.clock, stop, services.scale, services.poll_s):
                    raise (stop.heard or Interrupted)("no longer waiting; nothing was begun")
            heed(stop)  # what came while the journal was asked

    def _waiting_for(self, active: Active, until: float, said: str) -> str:
        """Say whom we wait for, whenever that is somebody else."""
        now = self.services.clock.now()
        who = f"{active.deployment.id} {alive(active, now)}"
        if who != said:
            holder = taken(active, self.place, now)
            self.output.note(f"Waiting until {time_of_day(until)}: {holder}")
        return who

    def show(self, plan: Plan, deployment: str | None = None) -> None:
        """The plan, before anything happens."""
        place = (self.services.service, self.services.environment)
        self.output.plan(plan, place, self.services.clock.now(), deployment=deployment)

    def ship(
        self, plan: Plan, seen: Snapshot, *, status: Status = Status.RUNNING, reason: str = ""
    ) -> Deployment:
        """Carry `plan` out, which was made from `seen`; the record as it ended.

        Raises:
            Locked: somebody was faster.
            PlanInvalid: the environment changed in between; nothing was done.
            Interrupted, LeaseLost, Stranded: as `resume`.
        """
        with stoppable() as stop:
            return self._carry(self.begin(plan, seen, status, reason, stop), stop)

    def resume(self, *, moving: bool = False) -> Deployment:
        """Carry on the deployment of a runner that is gone; the record as it ended.

        moving: it is no longer paused, if it was; else that is left as people wanted it.

        Raises:
            Locked: the runner is alive. NotFound: there is none.
            Interrupted: by a signal; somebody else may go on at once.
            LeaseLost: as `Runner.run`.
            Stranded: credentials have run out, or something of the stack is gone.
        """
        services = self.services
        with stoppable() as stop:
            record = services.journal.take_over(
                services.environment, services.lease(), services.clock.now()
            )
            if moving:
                with self._letting_go([record]):
                    record = self._unpaused(record)
            self.show(record.plan, record.id)
            self.output.note(f"Going on at {position(record)}: {goal(record.step)}.")
            return self._carry(record, stop)

    def _unpaused(self, deployment: Deployment) -> Deployment:
        """It moves again, even if a pause was asked for that no runner has heard yet."""
        services, now = self.services, self.services.clock.now()
        wish = services.journal.requested(deployment)
        record = control.resumed(deployment, now)
        if wish is not None and wish.ask is Ask.PAUSE:
            record = replace(record, heeded=wish.id)
        if record == deployment:
            return record
        asked = control.asked(record, services.request(Ask.RESUME), now)
        event = Event(now, "asked", f"{Ask.RESUME} by {services.caller}")
        return services.journal.save(asked.noting(event), services.lease())

    def begin(
        self, plan: Plan, seen: Snapshot, status: Status, reason: str, stop: Stop
    ) -> Deployment:
        """Take the environment and write the intent down, unless a signal has come before."""
        services = self.services
        plan = services.foreseen(plan, seen)
        opening = Opening(
            deployment_id(services.clock.now()),
            title(plan),
            services.caller,
            status,
            reason,
            services.actor,
        )
        record = beginning.first_record(services, plan, seen, opening)
        self._tell_inherited(record, seen)
        self.show(plan, record.id)
        heed(stop)
        begun = services.journal.begin(record, services.lease())
        with self._ending_if_refused(begun):
            plan.require_fresh(services.cloud.observe())
        return begun

    def _tell_inherited(self, record: Deployment, seen: Snapshot) -> None:
        """The stickiness that an earlier deployment has left to be given back."""
        if seen.weights is None or record.unstuck is None:
            return
        last = last_begun(self.services.journal, self.services.environment)
        if last is not None:
            lasts = span(record.unstuck.sticky_s)
            self.output.note(
                f"{last.id} has switched the production rule's stickiness of {lasts} off: this one "
                "gives it back as soon as no cookie from before is left."
            )

    @contextmanager
    def _ending_if_refused(self, deployment: Deployment) -> Iterator[None]:
        try:
            yield
        except DeployError as error:
            ended = beginning.refused(deployment, error, self.services.clock.now())
            self.services.journal.save(ended, self.services.lease())
            raise

    def _carry(self, deployment: Deployment, stop: Stop) -> Deployment:
        """Run it to its end, while people watch."""
        services, newest = self.services, [deployment]
        clock = self._clock(stop, newest)
        watching = self.output.watch(self._view(deployment), services.clock)
        with ExitStack() as ends:
            ends.callback(close, services, self.output)
            ends.enter_context(self._letting_go(newest))
            ends.enter_context(closing(services.board))
            tell = ends.enter_context(watching)
            clock.sleep(0.0)  # a signal may have come already
            return services.runner(clock, _keeping(newest, tell)).run(deployment)

    def _clock(self, stop: Stop, newest: list[Deployment]) -> Clock:
        """Time, and what a signal makes of it."""
        services = self.services
        if services.on_interrupt != "rollback":
            return StoppableClock(services.clock, stop, services.scale)
        return TurningClock(
            services.clock, stop, services.scale, lambda heard: self._turn_back(newest[0], heard)
        )

    def _turn_back(self, deployment: Deployment, heard: type[Interrupted]) -> bool:
        """A signal has come, and the settings say: go back first. A way back is seen through."""
        services = self.services
        again = "a second signal stops at once"
        retreating = deployment.status is Status.RETREATING
        if retreating or deployment.first_plan.strategy == "rollback":
            self.output.note(f"{heard.signal}: this is the way back, to its end; {again}.")
            return True
        if control.stuck(deployment):
            self.output.note(f"{heard.signal}: {control.one_way(deployment)}.")
            raise heard("stopped by a signal")
        try:
            by = f"{services.caller} ({heard.signal})"
            wish = identity.request(Ask.ABORT, by, services.who(by))
            services.journal.ask(services.environment, wish)
        except NotPossibleNow:
            return True  # it ended in this moment
        except CloudUnavailable as error:
            self.output.note(f"{heard.signal}: to go back is asked for again: {error}")
            return False
        self.output.note(f"{heard.signal}: going back (journal.on_interrupt); {again}.")
        return True

    @contextmanager
    def _letting_go(self, newest: list[Deployment]) -> Iterator[None]:
        """Whatever ends this process early, the next one need not wait for our lease to run out."""
        try:
            yield
        except Locked:
            raise  # it is not ours any more
        except Interrupted as error:
            standing = self._standing(newest[0])
            self._release(left(self.services, self.output, newest[0], error))
            raise type(error)(f"{error} {standing}") from error
        except DeployError as error:
            self._release(newest[0])
            raise Stranded(f"{error}; stopped {self._standing(newest[0])}") from error
        except BaseException:
            self._release(newest[0])
            self.output.note(f"Stopped {self._standing(newest[0])}.")
            raise

    def _release(self, deployment: Deployment) -> None:
        services = self.services
        try:
            services.journal.release(deployment, services.lease())
        except DeployError as error:
            self.output.note(f"the lease runs out in {span(services.lease_s)} by itself: {error}")

    def _standing(self, deployment: Deployment) -> str:
        """Where an unfinished deployment stands, and how to go on."""
        live = " or ".join(str(w or "nothing") for w in (deployment.written, *deployment.intended))
        live += "".join(f" with the users {apart}" for apart in deployment.cohorts[:1])
        traffic = f", traffic stays at {live}" if deployment.plan.ships else ""
        return f"at {position(deployment)} ({goal(deployment.step)}){traffic}: {on_or_back(deployment)}"

    def follow(self, deployment_id: str) -> Deployment:
        """Watch somebody else's deployment to its end; if its runner dies, carry it on.

        Raises:
            Interrupted: by a signal; the deployment goes on.
        """
        services = self.services
        active = services.journal.active(services.environment)
        ours = active is not None and active.deployment.id == deployment_id
        deployment = active.deployment if active and ours else self._load(deployment_id)
        with (
            stoppable() as stop,
            self.output.watch(self._view(deployment), services.clock) as tell,
        ):
            while not deployment.status.final and not self._abandoned(deployment_id):
                if not pause(services.clock, stop, services.scale, services.poll_s):
                    raise (stop.heard or Interrupted)(
                        f"no longer watching {deployment_id}, which goes on: `deployer status`"
                    )
                deployment = self._look(deployment, tell)
        if deployment.status.final:
            return deployment
        self.output.note("Its runner is gone: taking over.")
        try:
            return self.resume()
        except NotFound:  # somebody was faster, and has ended it since we looked
            return self._load(deployment_id)

    def _look(self, before: Deployment, tell: Tell) -> Deployment:
        """Tell what has happened since `before` was read."""
        now = self.services.clock.now()
        try:
            deployment = self._load(before.id)
            seen = self.services.cloud.observe()
        except CloudUnavailable as error:
            tell(before, Event(now, "unavailable", str(error)), None)
            return before
        for event in deployment.log:
            if event not in before.log:
                tell(deployment, event, seen)
        tell(deployment, Event(now, "waiting", f"users get {serving_of(seen)}"), seen)
        return deployment

    def _load(self, deployment_id: str) -> Deployment:
        return self.services.journal.load(self.services.environment, deployment_id)

    def _abandoned(self, deployment_id: str) -> bool:
        """Its runner is gone; no answer is no proof of that."""
        try:
            active = self.services.journal.active(self.services.environment)
        except CloudUnavailable:
            return False
        return (
            active is not None
            and active.deployment.id == deployment_id
            and not alive(active, self.services.clock.now())
        )

    def _view(self, deployment: Deployment) -> View:
        services = self.services
        return View(services.service, services.environment, deployment, scale=services.scale)

    @property
    def place(self) -> str:
        """`shop/prod`."""
        return f"{self.services.service}/{self.services.environment}"


def _keeping(newest: list[Deployment], tell: Tell) -> Tell:
    """`tell`, remembering the record as it was last told."""

    def told(deployment: Deployment, event: Event, seen: Snapshot | None) -> None:
        newest[0] = deployment
        tell(deployment, event, seen)

    return told

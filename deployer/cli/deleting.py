"""`deployer teardown ENV --level delete`: rails, the name typed, sleep, then stack after stack."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click

from deployer.cli import ending
from deployer.cli.app import App
from deployer.cli.clearance import refusal, tell
from deployer.cli.ending import Ending
from deployer.cli.session import Session
from deployer.cli.stopping import Interrupted, StoppableClock, stoppable
from deployer.errors import NotFound, NotPossibleNow
from deployer.journal import REMEMBERED
from deployer.operations.rest import acts, deletion
from deployer.operations.rest.acts import Hand
from deployer.operations.rest.deletion import Ask, Deletion, Stack
from deployer.operations.rest.levels import Level
from deployer.operations.rest.rails import Facts, refusals
from deployer.operations.rest.reach import Reach
from deployer.plan import DELETE, Plan, Status
from deployer.planning.resting import remembered
from deployer.ports import Clock
from deployer.process.clock import ScaledClock
from deployer.render.teardown import (
    restore_documents,
    restore_text,
    stack_document,
    stack_text,
)
from deployer.wiring import tearing

BLOCKED = 4  # exit status: a person must look


def cleared(session: Session, level: Level, facts: Facts, *, dry_run: bool) -> None:
    """No rail forbids it; a dry run tells which do, and goes on.

    Raises:
        NotPossibleNow: one does; all that do have been told.
    """
    found = refusals(level, facts)
    tell(session, found, dry_run=dry_run)
    if found and not dry_run:
        raise refusal(found)


def reach_of(app: App) -> Reach:
    """What tearing down needs of AWS."""
    return app.services.reach or tearing.reach(app.settings)


@dataclass(frozen=True, slots=True)
class Deleting:
    """One deletion by hand; `confirm`: the name as it was given to --confirm, or nothing."""

    app: App
    confirm: str
    dry_run: bool

    def run(self, wait_s: float) -> Ending:
        """All of it; an environment whose service stack is gone has nothing to put to sleep.

        Raises:
            NotPossibleNow: a rail forbids it, or the name was not typed.
            Locked, CloudUnavailable, AccessProblem: as the ports; what is gone is gone.
        """
        try:
            session = Session(self.app.services, self.app.output)
        except NotFound as absent:
            return self._what_is_left(absent)
        active = session.services.journal.active(session.services.environment)
        if active is not None and active.deployment.plan.strategy == DELETE:
            return self._whole(session)  # it goes on with one that died, or is told that it lives
        return session.in_turn(wait_s, lambda: self._whole(session))

    def _whole(self, session: Session) -> Ending:
        services, settings, reach = session.services, self.app.settings, reach_of(self.app)
        facts = tearing.facts(reach, settings, services)
        cleared(session, Level.DELETE, facts, dry_run=self.dry_run)
        seen, hand = services.cloud.observe(), tearing.hand(reach, settings, services)
        sleep = (
            None if acts.empty(seen) else acts.compiled(services, Level.SLEEP, seen, hand.intent)
        )
        found = reach.stacks.look()
        self._show(hand, found, sleep)
        if kept := deletion.lasting(found):  # told before anything of it goes to sleep
            raise NotPossibleNow(f"nothing was deleted: {kept}")
        if self.dry_run:
            if sleep is not None:
                session.show(sleep)
            return Ending("planned")
        self._require_name()
        if sleep is not None:
            slept = session.ship(sleep, seen)
            if slept.status is not Status.SHIPPED:
                return ending.of_deployment(slept)
        return self._deleted(reach, services.clock, hand.ask, services.scale)

    def _what_is_left(self, absent: NotFound) -> Ending:
        """What an earlier deletion did not come to.

        Raises:
            NotFound: there is no such environment, or nothing of it is left.
            NotPossibleNow: a rail forbids it, or the name was not typed.
        """
        reach = tearing.reach(self.app.settings)
        found, clock = reach.stacks.look(), reach.clock
        if not found:
            raise absent
        if forbidden := tearing.left_over_refusals(self.app.settings, found):
            raise NotPossibleNow(f"nothing was deleted: {'; '.join(map(str, forbidden))}")
        if kept := deletion.lasting(found):
            raise NotPossibleNow(f"nothing was deleted: {kept}")
        self._say_stacks(found, (), clock.now())
        if self.dry_run:
            return Ending("planned")
        self._require_name()
        scale = clock.scale if isinstance(clock, ScaledClock) else 1.0
        return self._deleted(reach, clock, reach.stacks.delete, scale)

    def _show(self, hand: Hand, found: Sequence[Stack], sleep: Plan | None) -> None:
        """What goes, in which order, and how to have it back."""
        ground = hand.ground
        known = remembered(ground.journal.history(ground.environment, REMEMBERED))
        before = sleep.rest if sleep else known.first_plan.rest if known else None
        lines = acts.restore(hand.service, ground.environment, before)
        self._say_stacks(found, lines, ground.clock.now())

    def _say_stacks(self, found: Sequence[Stack], lines: tuple[str, ...], at: float) -> None:
        name = self.app.settings.environment.name
        self.app.output.page(
            lambda _: restore_text(name, found, lines), restore_documents(name, found, lines, at)
        )

    def _require_name(self) -> None:
        """The name is typed, at the terminal or with --confirm.

        Raises:
            NotPossibleNow: it was not.
        """
        name, typed = self.app.settings.environment.name, self.confirm
        if not typed and sys.stdin.isatty():
            asked = f"To delete all of this, type {name}"
            typed = click.prompt(asked, err=True, default="", show_default=False)
        if typed != name:
            said = f"{typed!r} is not {name!r}" if typed else f"say --confirm {name} to confirm it"
            raise NotPossibleNow(f"nothing was deleted: {said}")

    def _deleted(self, reach: Reach, clock: Clock, ask: Ask, scale: float) -> Ending:
        poll_s = float(self.app.settings.journal.poll_s)

        def tell(stack: Stack, status: str) -> None:
            document = stack_document(stack, status, clock.now())
            self.app.output.page(lambda _: stack_text(stack, status), [document])

        with stoppable() as stop:
            try:
                done = deletion.run(
                    reach.stacks, StoppableClock(clock, stop, scale), poll_s, tell, ask
                )
            except Interrupted as error:
                raise type(error)(
                    "stopped: a deletion that was asked for goes on by itself; the same command goes "
                    "on with the others"
                ) from error
        return self._ended(done)

    def _ended(self, done: Deletion) -> Ending:
        name = self.app.settings.environment.name
        if not done.blocked:
            return Ending(reason=f"{name} is gone")
        left = ", ".join(done.left)
        return Ending(
            "blocked", BLOCKED, f"{done.blocked}; still there: {left}; then run the command again"
        )

"""`deployer deploy RELEASE --attach`: what a pipeline's build says, retried as often as it likes."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from deployer.cli import ending
from deployer.cli.app import App
from deployer.cli.back import How, refuse_one_way, start_back
from deployer.cli.ending import Ending
from deployer.cli.holder import taken
from deployer.cli.lineage import last_index, lineage
from deployer.cli.session import Session
from deployer.cli.steer import ask
from deployer.cli.stopping import Interrupted, pause, stoppable
from deployer.errors import Locked, NotPossibleNow
from deployer.journal import Active, Ask, newest_begun
from deployer.model import Snapshot
from deployer.operations.attaching import Move, Situation, decide, same_pipeline
from deployer.plan import Deployment, Status
from deployer.render.plan import title, way_back
from deployer.wiring.services import Services

REMEMBERED = 50  # records that are read to find out what served before


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to serve.

    begin: plans and runs a new deployment of it.
    """

    app: App
    session: Session
    release: str
    begin: Callable[[], Ending]

    def pursue(self, move: Move, active: Active | None) -> Ending | None:
        """Make the move; None: look again.

        Raises:
            Locked: somebody else was faster, or has the environment.
        """
        session, release = self.session, self.release
        if move is Move.NOTHING:
            return Ending("ok", 0, f"{release} serves everybody in {session.place}: nothing to do")
        if move is Move.RETURN:
            session.output.note(f"{release} served here before: going back to it.")
            return start_back(self.app, session, release, How())
        if move is Move.BEGIN or active is None:
            return self.begin()
        if move is Move.WAIT:
            raise Locked(taken(active, session.place, session.services.clock.now()))
        return _joined(move, session, active)


def attach(app: App, release: str, wait_s: float, begin: Callable[[], Ending]) -> Ending:
    """Have `release` serve: look, do what that takes, and look again if somebody was faster.

    wait_s: how long a deployment of something else is waited for.
    begin:  plans and runs a new deployment.

    Raises:
        Locked: something else ran all the time.
        NotPossibleNow: what runs, or was halted, cannot go back.
        Interrupted: while it waited or watched; the deployment goes on.
    """
    services, session = app.services, Session(app.services, app.output)
    wish, until = Wish(app, session, release, begin), services.clock.now() + wait_s
    said: object = None
    while True:
        active = services.journal.active(services.environment)
        move = decide(situation(services, active), release)
        try:
            done = wish.pursue(move, active)
        except Locked as error:
            if move is Move.WAIT and services.clock.now() >= until:
                raise
            found = move, active.deployment.id if active else None
            if found != said:
                session.output.note(f"Looking again and again: {error}")
            said = found
            _rest(session)
        else:
            if done is not None:
                return done


def _joined(move: Move, session: Session, active: Active) -> Ending | None:
    """Watch what runs, to its end; where it leads away from the release, after it was asked to."""
    running = active.deployment
    if move is Move.FOLLOW:
        session.output.note(
            f"Attached to {title(running.first_plan)} ({running.id}) of {running.by}: it runs already."
        )
        return ending.of_deployment(session.follow(running.id))
    refuse_one_way(running, force=False)
    session.output.note(
        f"{title(running.first_plan)} ({running.id}) of {running.by} is to go back."
    )
    with suppress(NotPossibleNow):  # it does already, or has ended
        ask(session, Ask.ABORT)
    ended = session.follow(running.id)
    if ended.status is Status.SHIPPED:
        return None  # it could not turn back any more: now its release is one to go back from
    return ending.of_deployment(ended, wanted=Status.ROLLED_BACK)


def situation(services: Services, active: Active | None) -> Situation:
    """Read what `decide` wants to know."""
    if active is not None:
        first = active.deployment.first_plan
        return Situation(
            running=True,
            towards=None if way_back(first) else first.release.name,
            back_to=active.deployment.plan.previous,
            ours=same_pipeline(services.caller, active.deployment.by),
        )
    records = services.journal.history(services.environment, REMEMBERED)
    serving = served_by(services.cloud.observe(), newest_begun(records))
    line = lineage(records)
    where = last_index(line, serving) if serving in line else 0
    return Situation(serving=serving, earlier=frozenset(line[:where]) - {serving or ""})


def served_by(seen: Snapshot, newest: Deployment | None) -> str | None:
    """The one release that everybody gets, unless it was left half-way."""
    slot = seen.weights.sole if seen.weights else None
    if slot is None or seen.admitted is not None or len(seen[slot].releases) != 1:
        return None
    if newest is not None and newest.status is Status.HALTED:
        return None
    return seen[slot].releases[0]


def _rest(session: Session) -> None:
    """A poll; a signal ends it."""
    services = session.services
    with stoppable() as stop:
        if not pause(services.clock, stop, services.scale, services.poll_s):
            raise (stop.heard or Interrupted)("no longer waiting; what runs goes on")

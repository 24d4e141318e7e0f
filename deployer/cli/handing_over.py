"""`--detach`: a deployment is begun here as always, and left to the state machine in the cloud.

What goes wrong in between leaves nothing that nobody looks after: the record has a lease in the state
machine's name, and when that runs out the supervisor, or a person, takes it over.
"""

from contextlib import suppress

from deployer.cli.app import App
from deployer.cli.ending import Ending
from deployer.cli.session import Session
from deployer.cli.stopping import stoppable
from deployer.errors import DeployError
from deployer.journal import Lease
from deployer.model import Snapshot
from deployer.operations import detached
from deployer.operations.detached import Mandate
from deployer.plan import Deployment, Plan, Status
from deployer.render.plan import title
from deployer.wiring.services import Services


def hand_over(
    app: App,
    plan: Plan,
    seen: Snapshot,
    *,
    status: Status = Status.RUNNING,
    reason: str = "",
) -> Ending:
    """Begin `plan`, which was made from `seen`, and leave it to the state machine.

    status, reason: as `Session.ship`.

    Raises:
        NotPossibleNow, PlanInvalid: there is no state machine, or a hook cannot run there; nothing
            has begun.
        Locked: somebody was faster.
        DeployError: it has begun, and the state machine has not: says what carries it on.
    """
    app.services.machine.require()
    detached.require_detachable(plan)
    session = Session(app.services.for_the_machine(), app.output)
    with stoppable() as stop:  # a signal waits: it takes a second, and half of it would be worse
        begun = session.begin(plan, seen, status, reason, stop)
        started(session.services, begun)
    words = (
        f"{title(plan)} ({begun.id}) of {session.place} is carried out by the state machine: "
        "`deployer status --watch` shows what it does; `deployer pause`, `promote` and `abort` are "
        "heard within a minute"
    )
    return Ending("detached", 0, words, begun)


def started(services: Services, begun: Deployment) -> None:
    """Its lease rests for the first tick, and the execution begins.

    Raises:
        DeployError: it does not; whoever resumes it need not wait for the lease.
    """
    until = services.clock.now() + detached.FIRST_S
    try:
        services.journal.rest(begun, Lease(services.owner, until))
        services.machine.start(Mandate(deployment=begun.id))
    except DeployError as error:
        with suppress(DeployError):  # then its lease runs out by itself
            services.journal.release(begun, Lease(detached.NAME, until))
        raise type(error)(
            f"{title(begun.plan)} ({begun.id}) has begun, and the state machine did not take it: "
            f"{error}; nothing was changed yet: `deployer resume` carries it out from here, `deployer "
            "abort` ends it, and where a supervisor runs it takes it over"
        ) from error

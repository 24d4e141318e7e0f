"""The supervisor in the cloud: one visit for each call of its schedule."""

import json
import sys
from collections.abc import Sequence
from typing import Any

from deployer.errors import DeployError
from deployer.functions.start import Context, hurried, services_of, settings_of, stay_s
from deployer.model import Snapshot
from deployer.operations.notifying import UNSENT
from deployer.operations.reporting import tell
from deployer.operations.supervisor import Visit
from deployer.plan import Deployment, Event
from deployer.settings.schema import Settings
from deployer.wiring.intents import expiring
from deployer.wiring.services import VISIT_S, Services


def handler(_event: object, context: Context) -> dict[str, Any]:
    """Visit the environment, and tell people of what needs them.

    Returns:
        What the visit came to (docs/stacks.md).

    Raises:
        DeployError: what kept the visit from carrying a deployment on: the function has failed, which
            its alarm counts.
    """
    settings = settings_of()
    services = hurried(services_of(settings), context)
    visit = visited(services, settings, context)
    if 0 < visit.again_s < stay_s(context) - VISIT_S:
        services.clock.sleep(visit.again_s)
        visit = visited(services, settings, context)
    services.board.close()
    told = report(services, visit)
    if visit.problem is not None:
        raise visit.problem
    return {
        "state": visit.state.name.lower(),
        "deployment": visit.deployment.id if visit.deployment else None,
        "status": visit.deployment.status.value if visit.deployment else None,
        "late_s": round(visit.late_s, 1),
        "told": list(told),
    }


def visited(services: Services, settings: Settings, context: Context) -> Visit:
    """One visit, as long as the function may still stay."""
    every_s = float(settings.runner.every_s)
    return services.supervisor(
        every_s, services.clock, say, stay_s(context), expiring(settings)
    ).visit()


def report(services: Services, visit: Visit) -> Sequence[str]:
    """Tell people; the visit is none the worse for what keeps it from that."""
    try:
        tell(services.outbox, services.journal, services.place, visit, services.clock.now())
    except DeployError as error:
        note = f"nobody could be told of what this visit found: {error}"
        sys.stdout.write(json.dumps({"event": UNSENT, "note": note}) + "\n")
    return let_go(services)


def let_go(services: Services) -> Sequence[str]:
    """What was told meanwhile; what could not be is in the log, and nobody waits for it."""
    told = services.outbox.close()
    for trouble in services.outbox.troubles():
        sys.stdout.write(json.dumps({"event": UNSENT, "note": trouble}) + "\n")
    return told


def say(deployment: Deployment, event: Event, _seen: Snapshot | None) -> None:
    """One line of JSON into the function's log."""
    line = {
        "deployment": deployment.id,
        "at": event.at,
        "event": event.kind,
        "note": event.note,
        "cursor": deployment.cursor,
    }
    sys.stdout.write(json.dumps(line) + "\n")

"""What a signal leaves behind, next to a supervisor that carries on what nobody runs.

    the signal              journal.on_interrupt    the deployment
    Ctrl-C                  pause                   is paused: a person wants it to wait
    SIGTERM, lost terminal  pause                   is free: no person meant that
    each of them            hand-over               is free

On its way back, or at its end, nothing is paused: users are being brought to safety.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from deployer.cli.output import Output
from deployer.cli.stopping import Interrupted
from deployer.engine import audit, control
from deployer.errors import DeployError
from deployer.journal import Ask
from deployer.operations.notifying import UNSENT
from deployer.plan import Deployment, Event
from deployer.wiring.services import Services


def left(
    services: Services, output: Output, deployment: Deployment, heard: Interrupted
) -> Deployment:
    """The record as the signal leaves it, saved if that is anything new; the lease is still ours."""
    person = type(heard) is Interrupted and services.on_interrupt == "pause"
    if not person or Ask.PAUSE not in control.possible(deployment):
        if services.on_interrupt == "hand-over":
            output.note(f"{heard.signal}: left to the supervisor (journal.on_interrupt).")
        return deployment
    now = services.clock.now()
    event = Event(now, "asked", f"{Ask.PAUSE} by {services.caller} ({heard.signal})")
    acted = audit.did(deployment, services.actor, Ask.PAUSE, now, note=heard.signal)
    paused = replace(acted, paused_at=now).noting(event)
    try:
        held = services.journal.save(paused, services.lease())
    except DeployError as error:
        output.note(f"it could not be paused, so a supervisor may carry it on: {error}")
        return deployment
    output.note(f"{heard.signal}: paused. A supervisor judges it, and carries nothing on.")
    return held


def close(services: Services, output: Output) -> Sequence[str]:
    """Give what is on its way to people a moment; what was told, after what could not be was said."""
    told = services.outbox.close()
    for trouble in services.outbox.troubles():
        output.note(f"{UNSENT}: {trouble}")
    return told

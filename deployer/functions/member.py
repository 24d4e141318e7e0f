"""An environment's side of a fleet: one errand for each call (deployer.operations.member)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from deployer.functions.start import services_of, settings_of
from deployer.journal import Lease
from deployer.operations import detached
from deployer.operations.detached import Mandate
from deployer.operations.fleet import Errand
from deployer.operations.member import Side
from deployer.settings.schema import Settings
from deployer.wiring.intents import meant
from deployer.wiring.services import Services


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Do it, and say how it stands.

    Args:
        event: a `fleet.Errand`.

    Returns:
        A `fleet.Sight`.

    Raises:
        DeployError: the environment cannot be reached at all: whoever asks hears silence.
    """
    settings = settings_of()
    answer = side_of(services_of(settings), settings).answer(msgspec.convert(event, Errand))
    found: dict[str, Any] = msgspec.to_builtins(answer)
    return found


def side_of(services: Services, settings: Settings) -> Side:
    """The environment, whose deployments its own state machine carries out."""
    return Side(
        ground=services,
        strategy=settings.environment.strategy,
        alarms=settings.analysis.alarms,
        find_release=services.find_release,
        meant=lambda seen, release, kind: meant(services, settings, seen, release, kind),
        lease=lambda: Lease(detached.NAME, services.clock.now() + detached.LATE_S),
        start=lambda deployment: services.machine.start(Mandate(deployment=deployment)),
        foreseen=services.foreseen,
    )

"""One visit to a fleet, for each call of its state machine (deployer.operations.fleet_round)."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from deployer.errors import CloudUnavailable, LeaseLost, NotFound
from deployer.functions.start import ROOT, SETTINGS
from deployer.operations.fleet_round import Answer, Mandate, answer, delayed
from deployer.operations.notifying import UNSENT
from deployer.settings.reading import load_waves
from deployer.settings.waves import home
from deployer.wiring.formation import Formation, connect


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Carry the fleet on, and say what the state machine is to do next.

    Args:
        event: a `fleet_round.Mandate`, or the answer before, which holds one.

    Returns:
        A `fleet_round.Answer`.

    Raises:
        DeployError: it cannot be carried on like this; the execution fails, and says so.
    """
    mandate = msgspec.convert(event.get("mandate", event), Mandate)
    said = visited(formation_of(os.environ), mandate)
    sys.stdout.write(json.dumps({"fleet": mandate.fleet, "stands": said.stands}) + "\n")
    found: dict[str, Any] = msgspec.to_builtins(said)
    return found


def visited(formation: Formation, mandate: Mandate) -> Answer:
    """A visit, and people are told; what does not answer is asked again later."""
    try:
        found = formation.round().visit(mandate.fleet)
    except (CloudUnavailable, LeaseLost) as error:
        return delayed(mandate, str(error))
    for trouble in formation.tell(found.fleet):
        sys.stdout.write(json.dumps({"event": UNSENT, "note": trouble}) + "\n")
    return answer(mandate, found)


def formation_of(environ: Mapping[str, str]) -> Formation:
    """The fleets of the service whose settings came with the function.

    Raises:
        NotFound, SettingsInvalid: as `load_waves`.
        DeployError: as `formation.connect`.
    """
    waves, environments = load_waves(Path(environ.get(ROOT, ".")) / SETTINGS)
    if waves is None:
        raise NotFound("the settings that came with this function have no [waves]")
    return connect(home(waves, environments), environments, environ)

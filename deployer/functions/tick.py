"""One tick of a detached deployment, for each call of its state machine."""

import random
from collections.abc import Mapping
from typing import Any

import msgspec

from deployer.functions.start import Context, hurried, services_of, settings_of, stay_s
from deployer.functions.supervise import let_go, say
from deployer.operations.detached import read, sooner


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Carry the deployment on, and say what the state machine is to do next.

    Args:
        event: a `detached.Mandate`, or the answer before, which holds one.
        context: Lambda's.

    Returns:
        A `detached.Answer`.

    Raises:
        DeployError: it cannot be carried on like this; the execution fails, and says so.
    """
    services = hurried(services_of(settings_of()), context)
    ticking = services.ticking(services.clock, say, stay_s(context), random.random)
    try:
        answer = ticking.tick(read(event))
    finally:
        done = services.clock.now()
        services.board.close()
        let_go(services)
    found: dict[str, Any] = msgspec.to_builtins(sooner(answer, services.clock.now() - done))
    return found

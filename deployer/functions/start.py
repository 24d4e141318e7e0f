"""What each function in the cloud begins with: the bundled settings, one environment, its services."""

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Protocol

from deployer.aws.session import Aws
from deployer.operations.pages import Within
from deployer.settings.reading import load
from deployer.settings.schema import Settings
from deployer.wiring.endpoint import chosen_clock, clients
from deployer.wiring.services import Services, connect

SETTINGS = "deployer.toml"
ROOT = "LAMBDA_TASK_ROOT"  # Lambda's variable: where the bundle is
GOODBYE_S = 9.0  # of that, after a report: the channels' six seconds, and the answer
LAST_WORDS_S = 20.0  # of the time-out: a call that hangs, the journal's last write, a report


class Context(Protocol):
    """Of Lambda's, what is used."""

    def get_remaining_time_in_millis(self) -> int:
        """Until the function is ended."""
        ...


def settings_of(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings that came with the function, of its environment (DEPLOYER_ENV).

    Raises:
        NotFound, SettingsInvalid: as `load`.
    """
    return load(Path(environ.get(ROOT, ".")) / SETTINGS, environ.get("DEPLOYER_ENV"))


def services_of(settings: Settings, environ: Mapping[str, str] = os.environ) -> Services:
    """Everything over AWS; its owner is named after the function and its log.

    Raises:
        DeployError: as `connect`.
    """
    return connect(settings, environ, clients_of(settings.environment.region))


@cache
def clients_of(region: str) -> Aws:
    """Made once for each process: a warm function's next call finds them ready."""
    return clients(region, chosen_clock(os.environ))


def hurried(services: Services, context: Context) -> Services:
    """The same, whose reports are given up, and said so, before the function is ended."""
    return replace(services, within=before_the_end(context, services.scale))


def before_the_end(context: Context, scale: float) -> Within:
    """Work is begun if there is time left for any, and left behind when that is over.

    scale: how many times faster than the wall's the clock runs.
    """

    def within(work: Callable[[], str]) -> str:
        left_s = context.get_remaining_time_in_millis() / 1000 - GOODBYE_S
        said: list[str] = []
        thread = threading.Thread(target=lambda: said.append(work()), name="report", daemon=True)
        if left_s > 0:
            thread.start()
            thread.join(left_s / scale)
        if said:
            return said[0]
        return (
            "the function that carries it had to end first: `deployer report ID --upload` makes it"
        )

    return within


def stay_s(context: Context) -> float:
    """How long the call may go on and still end by itself, seconds."""
    return context.get_remaining_time_in_millis() / 1000 - LAST_WORDS_S

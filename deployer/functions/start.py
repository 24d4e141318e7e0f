"""What each function in the cloud begins with: the bundled settings, one environment, its services."""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Protocol

from deployer.aws.session import Aws
from deployer.endpoint import chosen_clock, clients
from deployer.settings.reading import load
from deployer.settings.schema import Settings
from deployer.wiring import Services, connect

SETTINGS = "deployer.toml"
ROOT = "LAMBDA_TASK_ROOT"  # Lambda's variable: where the bundle is
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


def stay_s(context: Context) -> float:
    """How long the call may go on and still end by itself, seconds."""
    return context.get_remaining_time_in_millis() / 1000 - LAST_WORDS_S

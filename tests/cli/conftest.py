"""Every test gets a folder of its own, in which deployer.toml lies."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.stage import Stage, stage

Staged = Callable[..., Stage]


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """No colour, no width and no environment of the person who runs the tests."""
    for name in ("DEPLOYER_ENV", "DEPLOYER_CONFIG", "DEPLOYER_CLOCK", "DEPLOYER_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def staged(tmp_path: Path) -> Staged:
    """Builds a stage: `staged(weights=None, behaviours={...})`."""

    def build(**how: Any) -> Stage:
        return stage(tmp_path, **how)

    return build

"""Fleets of any size; the credentials are nobody's."""

import os
from collections.abc import Callable

import pytest

from .fleets import Fleet, fleet

Fleets = Callable[..., Fleet]


@pytest.fixture
def fleets(monkeypatch: pytest.MonkeyPatch) -> Fleets:
    """`fleets(1000)`."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nobody")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    return fleet

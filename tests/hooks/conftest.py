"""Hooks that really run."""

import os
from collections.abc import Iterator

import pytest

from deployer.aws import hook_runs
from deployer.aws.hooks import BackgroundHooks
from deployer.aws.session import Aws

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook_runs, "GRACE_S", 0.5)


@pytest.fixture
def hooks() -> Iterator[BackgroundHooks]:
    environ = {"PATH": os.environ["PATH"], "AWS_SECRET_ACCESS_KEY": SECRET, "OWN": "kept"}
    made = BackgroundHooks(Aws("us-east-1"), "shop", "prod", environ=environ)
    yield made
    made.close()

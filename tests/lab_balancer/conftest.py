"""One real balancer for each module that asks for one."""

from collections.abc import Iterator

import pytest

from tests.lab_balancer.rig import Rig


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    made = Rig(tmp_path_factory.mktemp("lab"))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def clean(request: pytest.FixtureRequest) -> Iterator[None]:
    """Applications are as good as new before each test; what a test makes goes with it."""
    if "rig" not in request.fixturenames:
        yield
        return
    rig: Rig = request.getfixturevalue("rig")
    for app in rig.apps.values():
        app.health = 200
        app.gate.set()
    kept = len(rig.made)
    yield
    rig.undo(kept)

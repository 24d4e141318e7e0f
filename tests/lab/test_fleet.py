"""Three environments in three waves, under load: the second wave fails, and all of it is taken back.

Everything is real but AWS: functions beside each environment under their own roles, a state machine for
each deployment and one for the fleet, instances that serve.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from urllib3 import request

from tests.sources.serving import Served, saying, serving

from .fleets import PLACES, Fleet, Load, fleet_up, load

pytestmark = [pytest.mark.lab, pytest.mark.timeout(420)]
SCALE = 40
RPS = 10


@pytest.fixture(scope="module")
def told_at() -> Iterator[Served]:
    """Whoever is told of the environments, and so of their fleets."""
    with serving(saying("")) as served:
        yield served


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, told_at: Served) -> Iterator[Fleet]:
    """v1 serves everywhere, brought there by a fleet of one wave."""
    with fleet_up(tmp_path_factory.mktemp("fleet"), SCALE, told_at.url) as up:
        for name, *how in (("v1",), ("v2",), ("bad", "--error-rate", "1")):
            packed = up.shell.run("lab", "release", name, *how)
            assert packed.returncode == 0, packed.stderr
        up.spread({"east": {"v2": "bad"}})
        first = up.shell.run("fleet", "v1", "--watch", "--wave", ",".join(PLACES))
        assert first.returncode == 0, first.stdout + first.stderr
        yield up


def phases(document: dict[str, Any]) -> dict[str, str]:
    members = [each for wave in document["waves"] for each in wave["environments"]]
    return {each["environment"]: each["phase"] for each in members}


def test_a_failing_second_wave_stops_the_third_and_takes_the_first_one_back(
    fleet: Fleet, told_at: Served
) -> None:
    users: dict[str, Load] = {}
    with ExitStack() as stack:
        for name in PLACES:
            users[name] = stack.enter_context(load(fleet.topology(name)["url"], RPS))
        done = fleet.shell.run("--output", "json", "fleet", "v2", "--watch", timeout_s=300)
        document = fleet.shell.events("status", "--fleet")[0]
    assert done.returncode == 3, done.stdout + done.stderr
    assert phases(document) == {"box": "returned", "east": "rolled_back", "west": "not_begun"}
    assert document["status"] == "rolled_back"
    assert "east rolled back" in document["reason"]
    for name in PLACES:
        assert users[name].lost == 0, (name, users[name].report)
        assert users[name].report["requests"] > 10 * RPS
        assert users[name].failed("v1") == 0
    assert users["east"].failed("v2") > 0
    assert users["box"].failed("v2") == 0
    assert set(users["west"].report["releases"]) == {"v1"}  # nobody there met it
    assert {"v1", "v2"} <= set(users["box"].report["releases"])

    first = ("first", "v1", "shipped")
    assert told(fleet, "box") == [
        ("rollback", "v1", "shipped"), ("canary", "v2", "shipped"), first,
    ]  # fmt: skip
    assert told(fleet, "east") == [("canary", "v2", "rolled_back"), first]
    assert told(fleet, "west") == [first]
    require_told(told_at, document)
    assert touched(fleet) == {"dynamodb", "lambda", "logs", "ssm"}  # no traffic, no instance


def require_told(served: Served, document: dict[str, Any]) -> None:
    """Each thing once, by whoever knew it: the fleet says nothing of the way back that east told of."""
    heard = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in served.requests]
    assert len({each["id"] for each in heard}) == len(heard)
    ours = [each for each in heard if each["fleet"] and each["fleet"]["id"] == document["fleet"]]
    assert [each["kinds"] for each in ours] == [["start"], ["verdict", "step"], ["end"]]
    assert "east rolled back" in ours[-1]["words"]
    back = [each["environment"] for each in heard if "rollback" in each["kinds"]]
    assert sorted(back) == ["box", "east"]
    audit = document["audit"][0]
    assert (audit["what"], audit["identity"] is None) == ("began", False)


def told(fleet: Fleet, environment: str) -> list[tuple[str, str, str]]:
    """An environment's own history, all of it the fleets'."""
    records = fleet.at(environment).events("history")[:-1]
    assert all(each["by"].startswith("fleet ") for each in records)
    return [(each["strategy"], each["release"], each["status"]) for each in records]


def touched(fleet: Fleet) -> set[str]:
    """Services that the fleet's own role has used."""
    page = request("GET", f"{fleet.state['endpoint']}/_lab/permissions", timeout=10).json()
    (visitor,) = [used for role, used in page.items() if "shop-fleet-Visitor" in role]
    return {each["action"].partition(":")[0] for each in visitor}

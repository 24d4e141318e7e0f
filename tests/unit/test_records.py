"""Records of other versions: earlier ones are carried on, later ones are left alone.

The files in tests/data/records are what an earlier version wrote when it began a deployment, before
there were floors, silence before a slot is emptied, or rows of batches. They are never written anew.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from deployer.errors import PlanInvalid
from deployer.journal import decode, encode
from deployer.plan import Deployment, Status
from tests.sim.play import play

OLD = sorted((Path(__file__).parents[1] / "data" / "records").glob("*.json"))
STICKY_S = {"canary": 300, "blue-green": 300}


def old(path: Path) -> Deployment:
    return decode(path.read_bytes())


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_a_deployment_that_an_earlier_version_began_is_carried_to_its_end(path: Path) -> None:
    sim = play(sticky_s=STICKY_S.get(path.stem))
    now = sim.clock.now()
    runner = sim.runner("x")
    begun = replace(old(path), version=0, started_at=now, entered_at=now)
    ended = runner.run(sim.journal.begin(begun, sim.lease("x")))
    sim.oracle.at_the_end(ended)
    assert (ended.status, ended.first_plan.strategy) == (Status.SHIPPED, path.stem)
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []


WHERE: dict[str, Callable[[Any], Any]] = {
    "deployment": lambda record: record,
    "plan": lambda record: record["plan"],
    "intent": lambda record: record["plan"]["intent"],
    "limits": lambda record: record["plan"]["intent"]["limits"],
    "step": lambda record: record["plan"]["steps"][0],
}


@pytest.mark.parametrize("where", WHERE)
def test_what_a_later_version_has_written_down_is_not_overlooked(where: str) -> None:
    record = json.loads(encode(old(OLD[0])))
    assert decode(json.dumps(record).encode()) == old(OLD[0])
    WHERE[where](record)["owed"] = 1
    with pytest.raises(PlanInvalid, match=r"unknown field `owed`.*use the version that wrote it"):
        decode(json.dumps(record).encode())

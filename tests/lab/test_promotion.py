"""One pipeline through two environments, under load: staging, a person's word, production.

Three executions are one story. The first brings both environments their first release. The second is
approved late: while it waits, the third is tried on staging, so that what production then gets is what
was asked about, and not the newest. The third is rejected.

Nobody else is to deploy: there is no supervisor here, which tests/lab/test_pipeline.py is about.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import amazon
from tests.documents.reading import shown
from tests.downloads import Unreachable

from .fleets import load
from .piping import PAGE, SETTINGS, Owner, pipeline_up, source, types

STAGING, PRODUCTION = "staging", "production"
BEFORE, PLACE, AFTER = SETTINGS.partition("[environments.lab]")
BOTH = (
    BEFORE.replace('["lab"]', f'["{STAGING}", "{PRODUCTION}"]')
    + "".join(
        (PLACE + AFTER).replace("environments.lab", f"environments.{name}")
        for name in (STAGING, PRODUCTION)
    )
    + "\n[runner]\nenabled = false\n"
)
SCALE = "20"
# The CDK takes away the change set that an earlier run may have left, before it looks at a stack at all.
HARMLESS = ("Describe", "Get", "List", "Query", "Batch", "Head", "DeleteChangeSet")

pytestmark = [pytest.mark.lab, pytest.mark.cdk, pytest.mark.long, pytest.mark.timeout(1200)]


@dataclass(frozen=True)
class Seen:
    """An environment at one moment.

    serves, instances: the release that everybody gets; ids by slot.
    deployments: newest first: (strategy, release, status).
    calls:       numbers of all that its own roles have called, and of what others changed of it:
                 its stacks, which the stage before staging looks at, are among that.
    builds:      that have deployed to it.
    """

    serves: str
    instances: dict[str, list[str]]
    deployments: list[tuple[str, str, str]]
    calls: list[int]
    builds: int


def look(owner: Owner, environment: str) -> Seen:
    """How it stands, by its own status and by the lab's log of calls."""
    there = owner.at(environment)
    slots = there.standing()["slots"]
    return Seen(
        there.serving(),
        {slot: sorted(each["id"] for each in row["instances"]) for slot, row in slots.items()},
        [(each["strategy"], each["release"], each["status"]) for each in there.history()],
        [call["number"] for call in owner.pages("calls") if touches(call, environment)],
        len(owner.builds(f"shop-deploy-{environment}")),
    )


def touches(call: dict[str, Any], environment: str) -> bool:
    """By a role of the environment's stacks; or by whomever, a change of what has its name."""
    if call["source"] == "lab" or call["caller"] == "admin":  # the admin is this test, which looks
        return False
    if call["caller"].startswith(f"shop-{environment}-"):
        return True
    changes = not call["action"].startswith(HARMLESS)
    moves = call["service"] in ("elbv2", "autoscaling", "ec2", "dynamodb", "cloudformation")
    return changes and moves and f"shop-{environment}-" in str(call["parameters"])


def upload(owner: Owner, folder: Path) -> None:
    """As the page has it, with the real AWS CLI."""
    (folder / "source.zip").write_bytes(source(owner.settings, 0.0))
    try:
        programs = amazon.installed(folder / "bin")
    except Unreachable as error:
        pytest.skip(f"no real AWS CLI: {error}")
    path = os.pathsep.join((str(programs), owner.shell.variables["PATH"]))
    types(shown(PAGE)[-1], folder, {**owner.shell.variables, "PATH": path})


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Owner]:
    """The first release serves in both environments, by the pipeline's first execution."""
    folders = tmp_path_factory.mktemp("service"), tmp_path_factory.mktemp("lab")
    with pipeline_up(*folders, SCALE, BOTH, PRODUCTION) as made:
        first = made.begins(lambda: upload(made, folders[0]))
        made.approve(first)
        assert made.ended(first) == "Succeeded", made.pages("builds")
        yield made


def test_staging_then_a_persons_word_then_production(owner: Owner) -> None:
    old = look(owner, PRODUCTION)
    assert old.deployments == [("first", old.serves, "shipped")]
    with ExitStack() as stack:
        users = {
            name: stack.enter_context(load(str(owner.at(name).standing()["url"]), rps))
            for name, rps in ((STAGING, 20), (PRODUCTION, 40))
        }
        second = owner.deliver()
        owner.asked(second)
        approved = tried(owner, 2)
        third = owner.deliver()
        owner.until(lambda: is_behind(owner, third), "the third waits behind the second")
        rejected = tried(owner, 3)
        assert owner.status(second) == "InProgress"
        assert look(owner, PRODUCTION) == old

        owner.approve(second)
        assert owner.ended(second) == "Succeeded", owner.pages("builds")
        new = look(owner, PRODUCTION)
        goes_no_further(owner, third, second)
        assert look(owner, PRODUCTION) == new
    assert new.deployments == [("canary", approved, "shipped"), *old.deployments]
    assert (new.serves, new.builds) == (approved, old.builds + 1)
    assert new.calls != old.calls, "what the assertions of silence count is counted"
    assert look(owner, STAGING).serves == rejected
    for name, met in (
        (STAGING, {old.serves, approved, rejected}), (PRODUCTION, {old.serves, approved})
    ):  # fmt: skip
        assert users[name].lost == 0, (name, users[name].report)
        assert users[name].report["requests"] > 500, name
        assert set(users[name].report["releases"]) == met, name


def tried(owner: Owner, times: int) -> str:
    """The release that staging has got by a canary, the last of so many deployments there."""
    staging = look(owner, STAGING)
    assert staging.deployments[0] == ("canary", staging.serves, "shipped")
    assert len(staging.deployments) == len({each[1] for each in staging.deployments}) == times
    return staging.serves


def is_behind(owner: Owner, execution: str) -> bool:
    """It has left staging, and another one is being asked about."""
    assert owner.status(execution) == "InProgress", owner.pages("builds")
    waiting = owner.stage("Approval").get("inboundExecutions", [])
    return execution in [each["pipelineExecutionId"] for each in waiting]


def goes_no_further(owner: Owner, execution: str, before: str) -> None:
    """Rejected, it has failed where it stood; the last stage is as `before` left it, then and later."""
    owner.reject(execution)
    assert owner.ended(execution) == "Failed"
    since = owner.now()
    owner.until(lambda: owner.now() > since + 120.0, "two minutes have passed")
    assert owner.stage("Approval")["latestExecution"] == {
        "pipelineExecutionId": execution, "status": "Failed",
    }  # fmt: skip
    assert owner.action("Approval")["summary"] == "not before the holidays"
    assert owner.stage(f"Deploy-{PRODUCTION}")["latestExecution"] == {
        "pipelineExecutionId": before, "status": "Succeeded",
    }  # fmt: skip
    assert owner.status(execution) == "Failed"

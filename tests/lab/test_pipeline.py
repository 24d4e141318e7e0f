"""A pipeline from the source bucket to production, under load: good, retried, killed, bad, rolled back.

One lab, one story; no user loses a request through the deployer's fault. Each chapter is a fixture
that follows on the one before, so tests may be run in any order, and any of them alone. While one
release bakes, the next one is built and waits for its approval.

Builds are killed at three moments, and each time somebody else carries the deployment on: an attached
build, the retried stage, the supervisor's function. So that it is known who does, the supervisor's
schedule is on in the third case only.
"""

import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import pytest

from .chaos import Load, load
from .piping import Owner, pipeline_up

# What a build says when the deployment gets there.
ATTACHED = r"Attached to canary"
ASKED = r"→ ask \w+ for 2 instances"
HALF = r"✓ route blue 50 % / green 50 %"
WHOLE = r"✓ route blue (0 % / green 100|100 % / green 0) %"
SCALE = "20"  # two minutes, by which the supervisor has taken over, are six seconds

pytestmark = [pytest.mark.lab, pytest.mark.cdk, pytest.mark.timeout(900)]


@dataclass(frozen=True)
class Chapter:
    """What an execution came to, as it was when it had ended.

    status:  the execution's.
    builds:  that deployed for it, oldest first.
    said:    the newest one's log.
    before:  the release that served before it, `serves` the one that serves since.
    newest:  the newest deployment; `tries`: how many of its release there are.
    problem: of the stage's action.
    next:    the execution that waits for its approval by now.
    rescue:  what the runner stack's roles have called since the last build was killed; `died_at`:
             when that was (virtual).
    """

    execution: str
    status: str
    builds: Sequence[dict[str, Any]]
    said: Sequence[str]
    before: str
    serves: str
    newest: dict[str, Any]
    tries: int
    problem: str
    next: str = ""
    rescue: Sequence[dict[str, Any]] = ()
    died_at: float = 0.0


def told(owner: Owner, execution: str, since: int, before: str, following: str = "") -> Chapter:
    """Wait for the execution's end; `since`: how many deploying builds there were before it."""
    status = owner.ended(execution)
    owner.until(lambda: not any(each["pid"] for each in owner.builds()), "its builds end")
    builds, history = owner.builds()[since:], owner.history()
    return Chapter(
        execution, status, builds, owner.log(builds[-1]), before, owner.serving(), history[0],
        [each["release"] for each in history].count(history[0]["release"]),
        owner.action("Deploy-lab").get("errorDetails", {}).get("message", ""), following,
    )  # fmt: skip


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Owner]:
    """A lab with the environment and its pipeline, deployed by the real CDK CLI; no release yet."""
    folders = tmp_path_factory.mktemp("service"), tmp_path_factory.mktemp("lab")
    with pipeline_up(*folders, SCALE) as made:
        made.supervised(on=False)
        yield made


@pytest.fixture(scope="module")
def first(owner: Owner) -> Chapter:
    """The first release."""
    execution = owner.deliver()
    owner.approve(execution)
    owner.until(lambda: bool(owner.builds()), "it is deployed")
    chapter = told(owner, execution, 0, "", owner.deliver())
    assert chapter.status == "Succeeded", owner.pages("builds")
    return chapter


@pytest.fixture(scope="module")
def users(owner: Owner, first: Chapter) -> Iterator[Load]:
    """From the first release on, until the last test has ended."""
    assert first.status == "Succeeded"
    with load(owner.shell, 40) as seen:
        yield seen
    assert seen.report["requests"] > 500
    assert seen.lost == 0, seen.told


@pytest.fixture(scope="module")
def retried(owner: Owner, first: Chapter, users: Load) -> Chapter:
    """Stopped and abandoned in mid-canary: CodeBuild goes on, with all users on the release; then it dies."""
    execution, since = first.next, len(owner.builds())
    owner.approve(execution)
    owner.until(lambda: len(owner.builds()) > since and owner.says(HALF), "it bakes at 50 %")
    owner.pipeline.stop_pipeline_execution(
        pipelineName="shop", pipelineExecutionId=execution, abandon=True, reason="let me look"
    )
    assert owner.ended(execution) == "Stopped"
    owner.retry(execution)
    owner.until(lambda: len(owner.builds()) == since + 2, "the retried build begins")
    owner.until(lambda: owner.says(WHOLE, since), "the abandoned build goes on")
    owner.until(lambda: owner.says(ATTACHED), "the retried build has attached")
    owner.kill(since)
    return told(owner, execution, since, first.serves, owner.deliver())


@pytest.fixture(scope="module")
def killed(owner: Owner, retried: Chapter) -> Chapter:
    """Twice: then the stage is retried, the second time when the supervisor has ended the deployment."""
    execution, since = retried.next, len(owner.builds())
    owner.approve(execution)
    dies(owner, execution, since + 1, ASKED)
    owner.retry(execution)
    following = owner.deliver(error_rate=0.5)
    died_at = dies(owner, execution, since + 2, HALF, supervised=True)
    owner.until(lambda: owner.history()[0]["status"] != "running", "the supervisor has ended it")
    owner.supervised(on=False)
    rescue = [call for call in owner.by_the_runner() if call["at"] >= died_at]
    owner.retry(execution)
    owner.until(lambda: len(owner.builds()) == since + 3, "the last build begins")
    chapter = told(owner, execution, since, retried.serves, following)
    return replace(chapter, rescue=rescue, died_at=died_at)


def dies(
    owner: Owner, execution: str, count: int, moment: str, *, supervised: bool = False
) -> float:
    """The newest of `count` builds is killed when it says so, which ends the execution; when it was."""
    owner.until(lambda: len(owner.builds()) == count, "a build begins")
    owner.until(lambda: owner.says(moment), f"the deployment gets to {moment}")
    owner.supervised(on=supervised)
    died_at = owner.now()
    owner.kill()
    assert owner.ended(execution) == "Failed"
    return died_at


@pytest.fixture(scope="module")
def bad(owner: Owner, killed: Chapter) -> Chapter:
    """Half of what the release answers is an error."""
    since = len(owner.builds())
    owner.approve(killed.next)
    return told(owner, killed.next, since, killed.serves)


@pytest.fixture(scope="module")
def undone(owner: Owner, retried: Chapter, bad: Chapter) -> Chapter:
    """The stage is rolled back to the execution before the one that serves."""
    since = len(owner.builds())
    made = owner.pipeline.rollback_stage(
        pipelineName="shop", stageName="Deploy-lab", targetPipelineExecutionId=retried.execution
    )
    return told(owner, made["pipelineExecutionId"], since, bad.serves)


def test_a_new_object_ends_with_a_canary_promoted_though_its_build_was_abandoned(
    retried: Chapter,
) -> None:
    assert retried.status == "Succeeded"
    assert (retried.newest["status"], retried.newest["strategy"]) == ("shipped", "canary")
    assert retried.serves == retried.newest["release"] != retried.before


def test_a_retry_attaches_while_the_first_build_runs_and_carries_on_when_that_is_killed(
    retried: Chapter,
) -> None:
    assert [each["status"] for each in retried.builds] == ["FAILED", "SUCCEEDED"]
    said = "\n".join(retried.said)
    assert 0 < said.index("Attached to canary") < said.index("Its runner is gone: taking over.")
    assert retried.tries == 1


def test_the_page_and_the_record_are_the_builds_artifact(owner: Owner, undone: Chapter) -> None:
    buckets = [each["Name"] for each in owner.client("s3").list_buckets()["Buckets"]]
    (store,) = [name for name in buckets if "-pipeline-store" in name]
    kept = owner.client("s3").list_objects_v2(Bucket=store, Prefix="shop/Results_la")["Contents"]
    newest = max(kept, key=lambda each: each["LastModified"])
    body = owner.client("s3").get_object(Bucket=store, Key=newest["Key"])["Body"].read()
    with zipfile.ZipFile(BytesIO(body)) as archive:
        record = json.loads(archive.read("report.json"))
        page = archive.read("report.html").decode()
    assert (record["release"], record["status"]) == (undone.serves, "shipped")
    assert f"{undone.serves} shipped in" in page


def test_a_killed_build_is_carried_on_by_the_retried_stage(owner: Owner, killed: Chapter) -> None:
    assert [each["status"] for each in killed.builds] == ["FAILED", "FAILED", "SUCCEEDED"]
    assert "Its runner is gone: taking over." in "\n".join(owner.log(killed.builds[1]))
    assert (killed.newest["status"], killed.tries) == ("shipped", 1)
    assert killed.serves == killed.newest["release"] != killed.before


def test_a_build_killed_in_mid_canary_is_carried_on_by_the_supervisor_within_two_minutes(
    killed: Chapter,
) -> None:
    """It has the rest to itself; the retried stage finds that the release serves everybody."""
    writes = [call for call in killed.rescue if call["action"] == "UpdateItem"]
    assert writes[0]["at"] - killed.died_at <= 120.0
    actions = {call["action"] for call in killed.rescue}
    assert {"ModifyRule", "UpdateAutoScalingGroup"} <= actions, (
        "it moves users, and retires the slot"
    )
    assert [call for call in killed.rescue if "Denied" in call["outcome"]] == []
    assert "serves everybody" in "\n".join(killed.said)
    assert killed.status == "Succeeded"


def test_a_bad_release_goes_back_and_the_builds_last_lines_say_why(bad: Chapter) -> None:
    assert (bad.status, bad.newest["status"]) == ("Failed", "rolled_back")
    assert bad.serves == bad.before
    last = "\n".join(bad.said[-5:])
    assert f"{bad.newest['release']} rolled back after" in last
    assert re.search(r"worse than stable by failures|failed \(.*% is accepted", last), last
    assert f"{bad.before} serves" in last
    assert "exit status 3" in bad.problem


def test_a_stage_that_is_rolled_back_is_a_rollback(retried: Chapter, undone: Chapter) -> None:
    """Its release comes back at once, not by a canary."""
    assert undone.status == "Succeeded"
    assert (undone.newest["strategy"], undone.newest["status"]) == ("rollback", "shipped")
    assert undone.newest["previous"] == undone.before
    assert undone.serves == retried.serves != undone.before


def test_no_build_was_allowed_more_than_its_role_says(owner: Owner, undone: Chapter) -> None:
    """What each role has used: nothing but its own; and nothing was refused."""
    assert undone.status == "Succeeded"
    used = {
        role: {each["action"] for each in every}
        for role, every in owner.pages("permissions").items()
        if role.startswith("shop-pipeline")
    }
    handed = {"s3:GetObject", "s3:PutObject", "logs:CreateLogStream", "logs:PutLogEvents"}
    extra = {
        "-Build": set(),
        "-Publish": {"s3:ListBucket", "ssm:GetParameter"},
        "-Infrastructure": {"sts:AssumeRole"},
        "-Deploylab": {"sts:AssumeRole"},
        "-Starter": {"codepipeline:StartPipelineExecution"},
    }
    for name, more in extra.items():
        (found,) = [each for role, each in used.items() if role.startswith(f"shop-pipeline{name}")]
        assert found <= handed | more, name
        assert more <= found, name
    refused = [
        call
        for call in owner.pages("calls")
        if call["caller"].startswith("shop-pipeline") and "Denied" in call["outcome"]
    ]
    assert refused == []

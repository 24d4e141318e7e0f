"""A pipeline from the source bucket to production, under load: good, retried, killed, bad, rolled back.

One lab, one story; no user loses a request through the deployer's fault.
"""

import json
import subprocess
import zipfile
from collections.abc import Iterator
from functools import partial
from io import BytesIO

import pytest

from deployer.lab import cdk

from .chaos import Load, load
from .conftest import Shell, lab_up, shell_for
from .piping import Owner, home

# What a build says when the deployment gets there.
ASKED = r"→ ask \w+ for 2 instances"
HALF = r"✓ route blue 50 % / green 50 %"
WHOLE = r"✓ route blue (0 % / green 100|100 % / green 0) %"

pytestmark = [pytest.mark.lab, pytest.mark.cdk, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Owner]:
    """A lab with the environment and its pipeline, deployed by the real CDK CLI; no release yet."""
    folder = tmp_path_factory.mktemp("service")
    config = home(folder)
    outside = shell_for(tmp_path_factory.mktemp("lab"))
    outside = Shell({**outside.variables, "DEPLOYER_CONFIG": str(config)})
    with lab_up(outside, "--scale", "20", "--no-stacks") as told:
        for command in (
            ("bootstrap",),
            ("deploy", "--all", "--require-approval", "never", "--concurrency", "1"),
        ):
            done = subprocess.run(
                cdk.command(command), cwd=folder, text=True, check=False, capture_output=True,
                env=cdk.environment(told["endpoint"], base=outside.variables), timeout=120,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr[-3000:]
        admin = {**outside.variables, **outside.json("lab", "env", "--role", "admin")}
        yield Owner(Shell(admin))


@pytest.fixture(scope="module")
def users(owner: Owner) -> Iterator[Load]:
    """From the first release on, until the last test has ended."""
    first = owner.deliver()
    owner.approve(first)
    assert owner.ended(first) == "Succeeded", owner.pages("builds")
    with load(owner.shell, 40) as seen:
        yield seen
    assert seen.report["requests"] > 500
    assert seen.lost == 0, seen.report


def more_than(before: int, owner: Owner) -> bool:
    return len(owner.builds()) > before


def serving(owner: Owner) -> str:
    """The release that everybody gets."""
    found = owner.standing()
    (slot,) = [name for name, share in found["weights"].items() if share == 100]
    (release,) = found["slots"][slot]["releases"]
    return str(release)


def test_a_retry_attaches_while_the_first_build_runs_and_the_canary_is_promoted(
    owner: Owner, users: Load
) -> None:
    """Stopped and abandoned in mid-canary: CodeBuild goes on, and so does the deployment."""
    execution = owner.deliver()
    owner.approve(execution)
    owner.until(lambda: owner.says(HALF), "the canary bakes at 50 %")
    first = owner.running()
    owner.pipeline.stop_pipeline_execution(
        pipelineName="shop", pipelineExecutionId=execution, abandon=True, reason="let me look"
    )
    assert owner.ended(execution) == "Stopped"
    owner.retry(execution)
    owner.until(lambda: len(owner.builds()) == 3, "the retried build begins")
    assert owner.ended(execution) == "Succeeded"
    again = owner.builds()[-1]
    assert "Attached to canary" in "\n".join(owner.log(again))
    owner.until(lambda: not owner.builds()[1]["pid"], "the abandoned build ends")
    told = {each["id"]: each["status"] for each in owner.builds()}
    assert told[first["id"]] == told[again["id"]] == "SUCCEEDED"
    newest, before = owner.history()
    assert (newest["status"], newest["strategy"], before["strategy"]) == (
        "shipped",
        "canary",
        "first",
    )
    assert serving(owner) == newest["release"]
    require_results(owner, execution, newest["release"])


def require_results(owner: Owner, execution: str, release: str) -> None:
    """The page and the record of the deployment are the build's artifact."""
    store = next(
        each["Name"]
        for each in owner.client("s3").list_buckets()["Buckets"]
        if "-pipeline-store" in each["Name"]
    )
    kept = owner.client("s3").list_objects_v2(Bucket=store, Prefix="shop/Results_la")["Contents"]
    newest = max(kept, key=lambda each: each["LastModified"])
    body = owner.client("s3").get_object(Bucket=store, Key=newest["Key"])["Body"].read()
    with zipfile.ZipFile(BytesIO(body)) as archive:
        record = json.loads(archive.read("report.json"))
        page = archive.read("report.html").decode()
    assert (record["release"], record["status"]) == (release, "shipped")
    assert f"{release} shipped in" in page


def test_a_build_killed_at_three_moments_is_carried_on_by_the_retried_stage(
    owner: Owner, users: Load
) -> None:
    execution = owner.deliver()
    owner.approve(execution)
    for moment in (ASKED, HALF, WHOLE):
        owner.until(partial(owner.says, moment), f"the deployment gets to {moment}")
        owner.kill()
        assert owner.ended(execution) == "Failed"
        before = len(owner.builds())
        owner.retry(execution)
        owner.until(partial(more_than, before, owner), "the retried build begins")
    assert owner.ended(execution) == "Succeeded"
    said = "\n".join(owner.log(owner.builds()[-1]))
    assert "Its runner is gone: taking over." in said
    newest = owner.history()[0]
    assert newest["status"] == "shipped"
    assert [each["release"] for each in owner.history()].count(newest["release"]) == 1


def test_a_bad_release_goes_back_and_the_builds_last_lines_say_why(
    owner: Owner, users: Load
) -> None:
    before = serving(owner)
    execution = owner.deliver(error_rate=0.5)
    owner.approve(execution)
    assert owner.ended(execution) == "Failed"
    newest = owner.history()[0]
    assert newest["status"] == "rolled_back"
    assert serving(owner) == before
    last = "\n".join(owner.log(owner.builds()[-1])[-5:])
    assert f"{newest['release']} rolled back after" in last
    assert "failed (" in last
    assert "% is accepted" in last
    assert f"{before} serves" in last
    assert "exit status 3" in owner.action("Deploy-lab")["errorDetails"]["message"]


def test_a_stage_that_is_rolled_back_is_a_rollback(owner: Owner, users: Load) -> None:
    """To the execution before the one that serves: its release comes back at once, not by a canary."""
    good = [each for each in owner.executions() if each["status"] == "Succeeded"]
    target = good[1]["pipelineExecutionId"]
    before = serving(owner)
    made = owner.pipeline.rollback_stage(
        pipelineName="shop", stageName="Deploy-lab", targetPipelineExecutionId=target
    )["pipelineExecutionId"]
    assert owner.ended(made) == "Succeeded"
    newest = owner.history()[0]
    assert (newest["strategy"], newest["status"]) == ("rollback", "shipped")
    assert newest["previous"] == before
    assert serving(owner) == newest["release"] != before


def test_no_build_was_allowed_more_than_its_role_says(owner: Owner, users: Load) -> None:
    """What each role has used: nothing but its own; and nothing was refused."""
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

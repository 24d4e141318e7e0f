"""Builds that run: their role, their inputs and outputs, their log, their end, however it comes."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deployer.lab import actions, inprocess, server
from deployer.lab.context import Context
from deployer.lab.iam import roles
from deployer.lab.pipelines.component import Pipelines
from deployer.process.clock import ScaledClock

pytestmark = pytest.mark.alone
PATIENCE_S = 20.0
STORE, SOURCE = "store", "source"
MAY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
         "Resource": f"arn:aws:s3:::{STORE}/*"},
        {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"},
    ],
}  # fmt: skip
PIPELINE_MAY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:*"], "Resource": "*"},
        {"Effect": "Allow", "Action": ["codebuild:StartBuild", "codebuild:BatchGetBuilds"],
         "Resource": "arn:aws:codebuild:us-east-1:123456789012:project/shop-one"},
    ],
}  # fmt: skip


class World:
    """A lab with nothing but pipelines, ticked by hand."""

    def __init__(self, context: Context, pages: dict[str, Callable[[], Any]]) -> None:
        self.context = context
        self.parts = Pipelines(context, pages, least_s=5.0)
        s3 = self.client("s3")
        for bucket in (STORE, SOURCE):
            s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=SOURCE, VersioningConfiguration={"Status": "Enabled"})
        self.role("pipeline", "codepipeline", PIPELINE_MAY)
        self.role("build", "codebuild", MAY)
        self.role("starter", "events", {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "codepipeline:StartPipelineExecution", "Resource": "*"},
        ]})  # fmt: skip
        self.client("logs").create_log_group(logGroupName="/aws/codebuild/shop-one")

    def client(self, service: str) -> Any:
        return inprocess.client(self.context, service)

    def role(self, name: str, service: str, document: dict[str, Any]) -> str:
        trust = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole",
             "Principal": {"Service": f"{service}.amazonaws.com"}},
        ]}  # fmt: skip
        iam = self.client("iam")
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=json.dumps(document))
        return str(made["Role"]["Arn"])

    def project(
        self, commands: list[str], runtimes: dict[str, str] | None = None, **more: Any
    ) -> None:
        spec = {
            "version": "0.2",
            "env": {"exported-variables": ["SAID"]},
            "phases": {
                **({"install": {"runtime-versions": runtimes}} if runtimes else {}),
                "build": {"commands": commands},
            },
            "artifacts": {"files": ["**/*"], "base-directory": "out"},
        }
        self.client("codebuild").create_project(
            name="shop-one",
            source={"type": "CODEPIPELINE", "buildspec": json.dumps(spec)},
            artifacts={"type": "CODEPIPELINE"},
            environment={
                "type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL",
            },
            serviceRole="arn:aws:iam::123456789012:role/build",
            **more,
        )  # fmt: skip

    def pipeline(self) -> str:
        """Make it; the execution that this begins."""

        def kind(category: str, provider: str) -> dict[str, str]:
            return {"category": category, "owner": "AWS", "provider": provider, "version": "1"}

        self.client("codepipeline").create_pipeline(pipeline={
            "name": "shop", "roleArn": "arn:aws:iam::123456789012:role/pipeline",
            "executionMode": "QUEUED", "pipelineType": "V2",
            "artifactStore": {"type": "S3", "location": STORE},
            "stages": [
                {"name": "Source", "actions": [{
                    "name": "Source", "namespace": "Source", "actionTypeId": kind("Source", "S3"),
                    "outputArtifacts": [{"name": "Source"}],
                    "configuration": {"S3Bucket": SOURCE, "S3ObjectKey": "source.zip",
                                      "PollForSourceChanges": "false"},
                }]},
                {"name": "One", "actions": [{
                    "name": "One", "namespace": "One", "actionTypeId": kind("Build", "CodeBuild"),
                    "inputArtifacts": [{"name": "Source"}], "outputArtifacts": [{"name": "Out"}],
                    "configuration": {"ProjectName": "shop-one", "EnvironmentVariables": json.dumps([
                        {"name": "REVISION", "type": "PLAINTEXT", "value": "#{Source.VersionId}"},
                    ])},
                }]},
                {"name": "Ask", "actions": [{
                    "name": "Ask", "actionTypeId": kind("Approval", "Manual"),
                    "configuration": {"CustomData": "#{One.SAID}"},
                }]},
            ],
        })  # fmt: skip
        found = self.client("codepipeline").list_pipeline_executions(pipelineName="shop")
        return str(found["pipelineExecutionSummaries"][0]["pipelineExecutionId"])

    def deliver(self) -> str:
        body = io.BytesIO()
        with zipfile.ZipFile(body, "w") as archive:
            archive.writestr("hello.txt", "hello")
        put = self.client("s3").put_object(Bucket=SOURCE, Key="source.zip", Body=body.getvalue())
        return str(put["VersionId"])

    def state(self, stage: str) -> dict[str, Any]:
        found = self.client("codepipeline").get_pipeline_state(name="shop")["stageStates"]
        (one,) = [each for each in found if each["stageName"] == stage]
        return dict(one["actionStates"][0].get("latestExecution", {}))

    def status(self, execution: str) -> str:
        found = self.client("codepipeline").get_pipeline_execution(
            pipelineName="shop", pipelineExecutionId=execution
        )
        return str(found["pipelineExecution"]["status"])

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, self.parts.builds.describe()
            now = self.context.clock.now()
            with self.context.lock:
                self.parts.tick(now)
            self.parts.poll(now)
            time.sleep(0.02)

    def build(self) -> dict[str, Any]:
        """The newest, as CodeBuild tells it."""
        codebuild = self.client("codebuild")
        newest = codebuild.list_builds_for_project(projectName="shop-one")["ids"][0]
        (found,) = codebuild.batch_get_builds(ids=[newest])["builds"]
        return dict(found)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    server.reset()
    pages: dict[str, Callable[[], Any]] = {}
    context = Context(
        directory=tmp_path, network=77, endpoint=f"http://localhost:{server.reserve_port()}",
        clock=ScaledClock(time.time(), 60.0),
    )  # fmt: skip
    actions.install(context)
    roles.install(context)
    made = World(context, pages)
    running = server.serve(context, pages)
    yield made
    made.parts.close()
    running.close()
    server.release_ports()


WORK = [
    "mkdir out && cp hello.txt out/",
    'export SAID="$REVISION"',
    "python -c \"import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])\"",
    'echo "$CODEBUILD_INITIATOR ${DEPLOYER_TOOLS} ${HOME##*/} $(ls)"',
]


def test_a_new_object_ends_as_an_artifact_and_an_approval(world: World) -> None:
    world.project(WORK)
    world.pipeline()
    with world.context.lock:
        world.parts.engine.pipelines["shop"].executions.clear()  # the one that creating began
    world.client("s3").put_bucket_notification_configuration(
        Bucket=SOURCE, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    events = world.client("events")
    events.put_rule(Name="arrives", EventPattern=json.dumps({
        "source": ["aws.s3"], "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [SOURCE]}, "object": {"key": ["source.zip"]}},
    }))  # fmt: skip
    events.put_targets(Rule="arrives", Targets=[{
        "Id": "p", "Arn": "arn:aws:codepipeline:us-east-1:123456789012:shop",
        "RoleArn": "arn:aws:iam::123456789012:role/starter",
    }])  # fmt: skip
    world.client("s3").put_object(Bucket=SOURCE, Key="other.zip", Body=b"x")
    version = world.deliver()
    world.until(lambda: "token" in world.state("Ask"))
    (execution,) = world.client("codepipeline").list_pipeline_executions(pipelineName="shop")[
        "pipelineExecutionSummaries"
    ]
    build = world.build()
    assert build["buildStatus"] == "SUCCEEDED"
    assert build["exportedEnvironmentVariables"] == [{"name": "SAID", "value": version}]
    lines = [
        each["message"]
        for each in world.client("logs").get_log_events(
            logGroupName="/aws/codebuild/shop-one", logStreamName=build["logs"]["streamName"]
        )["events"]
    ]
    assert any(":assumed-role/build/AWSCodeBuild-" in line for line in lines)
    assert "codepipeline/shop image home hello.txt out" in " ".join(" ".join(lines).split())
    world.client("codepipeline").put_approval_result(
        pipelineName="shop", stageName="Ask", actionName="Ask", token=world.state("Ask")["token"],
        result={"summary": "no", "status": "Rejected"},
    )  # fmt: skip
    world.until(lambda: world.status(execution["pipelineExecutionId"]) == "Failed")
    kept = world.client("s3").list_objects_v2(Bucket=STORE)["Contents"]
    assert sorted(each["Key"].split("/")[1] for each in kept) == ["Out", "Source"]


def test_a_build_that_fails_says_at_which_command(world: World) -> None:
    world.project(["mkdir out; touch out/x", "exit_with() { return 9; }; exit_with"])
    world.deliver()
    one = world.pipeline()
    world.until(lambda: world.status(one) == "Failed")
    said = world.state("One")["errorDetails"]["message"]
    assert "Build terminated with state: FAILED" in said
    assert "Reason: exit status 9" in said
    assert world.build()["phases"][0]["phaseStatus"] == "FAILED"


def test_a_build_that_is_stopped_hears_of_nothing(world: World, tmp_path: Path) -> None:
    """No signal that could be answered, no later command, nothing that it started is left."""
    left = tmp_path / "left"
    world.project([
        f"trap 'touch {left}' TERM INT EXIT", "sleep 60 & sleep 61", f"touch {left}",
    ])  # fmt: skip
    world.deliver()
    one = world.pipeline()
    world.until(lambda: any(each["pid"] for each in world.parts.builds.describe()))
    world.client("codebuild").stop_build(id=world.build()["id"])
    world.until(lambda: world.status(one) == "Failed")
    assert world.build()["buildStatus"] == "STOPPED"
    assert not left.exists()


def test_a_build_that_takes_too_long_is_killed_like_one_that_is_stopped(
    world: World, tmp_path: Path
) -> None:
    left = tmp_path / "left"
    world.project([
        f"trap 'touch {left}' TERM INT EXIT", "sleep 60 & sleep 61", f"touch {left}",
    ], timeoutInMinutes=5)  # fmt: skip
    world.deliver()
    one = world.pipeline()
    world.until(lambda: world.status(one) == "Failed")
    assert world.build()["buildStatus"] == "TIMED_OUT"
    assert "Build has timed out. (5 minutes)" in world.state("One")["errorDetails"]["message"]
    assert not left.exists()


def test_an_abandoned_build_goes_on_and_the_retry_is_another_one(world: World) -> None:
    world.project(["mkdir out; touch out/x", "sleep 1"])
    world.deliver()
    one = world.pipeline()
    world.until(lambda: any(each["pid"] for each in world.parts.builds.describe()))
    pipeline = world.client("codepipeline")
    pipeline.stop_pipeline_execution(pipelineName="shop", pipelineExecutionId=one, abandon=True)
    assert world.status(one) == "Stopped"
    pipeline.retry_stage_execution(
        pipelineName="shop", stageName="One", pipelineExecutionId=one, retryMode="FAILED_ACTIONS"
    )
    world.until(lambda: "token" in world.state("Ask"))
    world.until(lambda: {b["status"] for b in world.parts.builds.describe()} == {"SUCCEEDED"})
    assert len(world.parts.builds.describe()) == 2


def test_a_pipeline_whose_role_may_not_start_builds_fails_and_says_so(world: World) -> None:
    world.client("iam").put_role_policy(
        RoleName="pipeline", PolicyName="may", PolicyDocument=json.dumps({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
        }),
    )  # fmt: skip
    world.project(["true"])
    world.deliver()
    one = world.pipeline()
    world.until(lambda: world.status(one) == "Failed")
    said = world.state("One")["errorDetails"]["message"]
    assert "is not authorized to perform: codebuild:StartBuild" in said


def test_a_build_whose_role_may_not_write_its_log_fails(world: World) -> None:
    world.client("iam").put_role_policy(
        RoleName="build", PolicyName="may",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": MAY["Statement"][:1]}),
    )  # fmt: skip
    world.project(["true"])
    world.deliver()
    one = world.pipeline()
    world.until(lambda: world.status(one) == "Failed")
    assert "logs:CreateLogStream" in world.state("One")["errorDetails"]["message"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"runtimes": {"python": "3.11"}}, "not supported by this build image: i"),
        ({"cache": {"type": "LOCAL"}}, "a cache"),
        ({"vpcConfig": {"vpcId": "v"}}, "vpcConfig"),
    ],
)
def test_projects_that_would_be_built_otherwise_are_refused(
    world: World, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(Exception, match=said):
        world.project(["true"], **more)

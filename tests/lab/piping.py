"""A pipeline in the lab, as its owner sees it: sources go in, builds run, people approve and retry."""

import io
import json
import os
import re
import signal
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from urllib3 import request

from deployer.lab import cdk
from deployer.process import toolchain
from deployer.process.clock import from_environment
from deployer.topology import stack_name
from tests.documents.reading import shown

from .conftest import ROOT, Shell, lab_up, service_in, shell_for

Json = dict[str, Any]
PATIENCE_S = 300.0  # real, on a machine that has other things to do
RUNNER = stack_name("shop", "lab", "runner")  # its schedule's and its roles' names begin so
# Who runs what docs/pipeline.md begins with; its first two lines, every pipeline of the tests does.
PAGE = "tests/lab/test_promotion.py::test_staging_then_a_persons_word_then_production"
SETTINGS = """
[service]
name = "shop"

[pipeline]
environments = ["lab"]
build = ["mkdir -p dist", "cp examples/app/*.py behaviour.json dist/"]
test = ["python -m py_compile dist/app.py", "rm -r dist/__pycache__"]

[environments.lab]
account = "123456789012"
region = "us-east-1"
zones = ["us-east-1a", "us-east-1b"]
image = "ami-03c3da4cfa8e8943a"
max_instances = 6
protected = false
listener_port = 8080
test_listener_port = 8081

[environments.lab.canary]
weights = [50]
bake = "1m"
final_bake = "1m"
linger = "1m"

[environments.lab.analysis]
min_requests = 10
metrics_delay = "40s"
max_time = "3m"

[environments.lab.probe]
path = "/health"
"""


def source(settings: str, error_rate: float) -> bytes:
    """The zip that a team would deliver: application, settings, CDK app. What differs is how bad it is."""
    behaviour = {"error_rate": error_rate, "latency_ms": 0, "boot_s": 0, "crash_after_s": 0}
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("app.py", "cdk.json"):
            archive.write(ROOT / name, name)
        for path in sorted((ROOT / "examples" / "app").glob("*.py")):
            archive.write(path, f"examples/app/{path.name}")
        archive.writestr("deployer.toml", settings)
        archive.writestr("behaviour.json", json.dumps(behaviour))
    return body.getvalue()


@dataclass(frozen=True)
class Owner:
    """Whoever owns the pipeline `shop` in this lab; `settings`: of every source."""

    shell: Shell
    settings: str = SETTINGS

    def at(self, environment: str) -> "Owner":
        """The same, asking how this environment stands."""
        shell = Shell({**self.shell.variables, "DEPLOYER_ENV": environment})
        return replace(self, shell=shell)

    def client(self, service: str) -> Any:
        make: Any = boto3.client
        return make(
            service,
            endpoint_url=self.shell.variables["AWS_ENDPOINT_URL"],
            region_name="us-east-1",
            aws_access_key_id="lab",
            aws_secret_access_key="lab",
        )

    @cached_property
    def pipeline(self) -> Any:
        return self.client("codepipeline")

    def deliver(self, error_rate: float = 0.0) -> str:
        """A new source arrives; the execution that it starts."""
        stacks = self.client("cloudformation").describe_stacks(StackName="shop-pipeline")
        outputs = {
            each["OutputKey"]: each["OutputValue"] for each in stacks["Stacks"][0]["Outputs"]
        }
        body = source(self.settings, error_rate)
        s3 = self.client("s3")
        return self.begins(
            lambda: s3.put_object(Bucket=outputs["SourceBucket"], Key="source.zip", Body=body)
        )

    def begins(self, upload: Callable[[], object]) -> str:
        """A new source arrives by this; the execution that it starts."""
        before = len(self.executions())
        upload()
        self.until(lambda: len(self.executions()) > before, "an execution begins")
        return str(self.executions()[0]["pipelineExecutionId"])

    def executions(self) -> Sequence[Json]:
        found = self.pipeline.list_pipeline_executions(pipelineName="shop")
        return list(found["pipelineExecutionSummaries"])

    def status(self, execution: str) -> str:
        found = self.pipeline.get_pipeline_execution(
            pipelineName="shop", pipelineExecutionId=execution
        )
        return str(found["pipelineExecution"]["status"])

    def stage(self, name: str) -> Json:
        states = self.pipeline.get_pipeline_state(name="shop")["stageStates"]
        return next(dict(each) for each in states if each["stageName"] == name)

    def action(self, stage: str) -> Json:
        """How its only action stands."""
        return dict(self.stage(stage)["actionStates"][0].get("latestExecution", {}))

    def asked(self, execution: str) -> str:
        """Wait until a person is asked about it; the token of the answer."""

        def waits() -> bool:
            assert self.status(execution) == "InProgress", self.pages("builds")
            latest = self.stage("Approval").get("latestExecution", {})
            return latest.get("pipelineExecutionId") == execution and "token" in self.action(
                "Approval"
            )

        self.until(waits, "approval is waited for")
        return str(self.action("Approval")["token"])

    def answer(self, execution: str, status: str, summary: str) -> None:
        """Approved or Rejected, as soon as it waits for that."""
        self.pipeline.put_approval_result(
            pipelineName="shop", stageName="Approval", actionName="Approve",
            token=self.asked(execution), result={"summary": summary, "status": status},
        )  # fmt: skip

    def approve(self, execution: str) -> None:
        self.answer(execution, "Approved", "looks good")

    def reject(self, execution: str) -> None:
        self.answer(execution, "Rejected", "not before the holidays")

    def retry(self, execution: str) -> None:
        self.pipeline.retry_stage_execution(
            pipelineName="shop", stageName="Deploy-lab", pipelineExecutionId=execution,
            retryMode="FAILED_ACTIONS",
        )  # fmt: skip

    def ended(self, execution: str) -> str:
        """Its status, once it is over."""
        over = ("Succeeded", "Failed", "Stopped")
        self.until(lambda: self.status(execution) in over, "the execution ends")
        return self.status(execution)

    # -- builds

    def pages(self, name: str) -> Any:
        url = f"{self.shell.variables['AWS_ENDPOINT_URL']}/_lab/{name}"
        return request("GET", url, timeout=10).json()

    def builds(self, project: str = "shop-deploy-lab") -> list[Json]:
        return [each for each in self.pages("builds") if each["project"] == project]

    def says(self, pattern: str, which: int = -1) -> bool:
        """Whether a deploying build (the newest) has said so already: cheaper than to ask the CLI."""
        written = self.builds()[which]["log"] if self.builds() else ""
        return bool(written) and re.search(pattern, Path(written).read_text()) is not None

    def supervised(self, *, on: bool) -> None:
        """Whether the supervisor's schedule calls it; it is there either way, as the runner stack has it."""
        scheduler = self.client("scheduler")
        (found,) = scheduler.list_schedules(NamePrefix=RUNNER)["Schedules"]
        given = scheduler.get_schedule(Name=found["Name"], GroupName=found["GroupName"])
        kept = (
            "Name", "GroupName", "ScheduleExpression", "ScheduleExpressionTimezone", "Target",
            "FlexibleTimeWindow",
        )  # fmt: skip
        said = {name: given[name] for name in kept if name in given}
        scheduler.update_schedule(**said, State="ENABLED" if on else "DISABLED")

    def kill(self, which: int = -1) -> None:
        """The container of a deploying build (the newest) is gone: SIGKILL to everything in it."""
        os.killpg(self.builds()[which]["pid"], signal.SIGKILL)

    def by_the_runner(self) -> list[Json]:
        """What the runner stack's roles have called, oldest first."""
        return [each for each in self.pages("calls") if each["caller"].startswith(RUNNER)]

    def now(self) -> float:
        """By the lab's clock."""
        return from_environment(self.shell.variables).now()

    def log(self, build: Json) -> list[str]:
        """As CloudWatch Logs has it."""
        project, _, stream = build["id"].partition(":")
        found = self.client("logs").get_log_events(
            logGroupName=f"/aws/codebuild/{project}", logStreamName=stream, startFromHead=True
        )
        return [each["message"] for each in found["events"]]

    # -- deployments

    def standing(self) -> Json:
        return next(dict(e) for e in self.shell.events("status") if e["event"] == "status")

    def serving(self) -> str:
        """The release that everybody gets."""
        found = self.standing()
        (slot,) = [name for name, share in found["weights"].items() if share == 100]
        (release,) = found["slots"][slot]["releases"]
        return str(release)

    def history(self) -> list[Json]:
        """Newest first."""
        return [dict(e) for e in self.shell.events("history") if e["event"] == "deployment"]

    def until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, f"gave up waiting until {what}"
            time.sleep(0.2)


def types(command: str, folder: Path, variables: Mapping[str, str]) -> None:
    """Run what the page shows, as it stands there."""
    done = subprocess.run(
        ["bash", "-euc", command], cwd=folder, text=True, check=False, capture_output=True,
        env=dict(variables), timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


@contextmanager
def pipeline_up(
    service: Path, lab: Path, scale: str, settings: str = SETTINGS, environment: str = "lab"
) -> Iterator[Owner]:
    """A lab with the environments and their pipeline, deployed by the real CDK CLI; no release yet.

    service, lab: folders for the settings and for the lab.
    environment:  the one that the owner's shell is about.
    """
    config = service_in(service, settings)
    base = shell_for(lab, config)
    outside = Shell({**base.variables, "DEPLOYER_ENV": environment})
    with lab_up(outside, "--scale", scale, "--no-stacks") as facts:
        made = cdk.environment(facts["endpoint"], base=base.variables)
        made["PATH"] = os.pathsep.join((str(toolchain.node().parent), made["PATH"]))
        made["CDK_REQUIRE_APPROVAL"] = "never"  # nobody is there to say yes
        for command in shown(PAGE)[:2]:
            types(command, service, made)
        admin = {**outside.variables, **outside.json("lab", "env", "--role", "admin")}
        yield Owner(Shell(admin), settings)

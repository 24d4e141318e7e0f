"""The lab: every part in one process.

API threads ──▶ gate (lock, audit, faults) ──▶ moto and our replacements ──▶ wake
tick thread ──▶ Auto Scaling, balancer, CloudWatch, events of functions: one transition each, under
                the lock
poll threads ─▶ Envoy's health and counters; processes, downloads: without the lock
stack thread ─▶ CloudFormation operations, one API call at a time
invocations ──▶ functions in processes of their own, each in its caller's thread, without the lock
"""

import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from deployer.errors import DeployError
from deployer.lab import actions, authority, home, inprocess, server, tagging
from deployer.lab.autoscaling.component import Fleet
from deployer.lab.balancer.component import Balancer
from deployer.lab.balancer.tls import Certificates
from deployer.lab.beats import Beats
from deployer.lab.cloudformation import api as cloudformation
from deployer.lab.context import Context
from deployer.lab.functions import api as lambdas
from deployer.lab.iam import roles
from deployer.lab.pipelines.component import Pipelines
from deployer.lab.scheduler.component import Scheduler
from deployer.lab.secured import Secured
from deployer.lab.telemetry.telemetry import Telemetry
from deployer.lab.templates import Asset, StackTemplate
from deployer.lab.workflows.component import Workflows
from deployer.process.clock import ScaledClock

PATIENCE_S = 60.0  # real seconds for one stack

# The CDK's templates ask for the version of its bootstrap stack; without one, `lab up` says so
# under a name of its own, which a later `cdk bootstrap` does not meet.
BOOTSTRAP_PARAMETER = "/deployer-lab/cdk-bootstrap-version"


@dataclass(frozen=True, slots=True)
class Lab:
    """A running lab; close it, or let the process die: nothing survives either."""

    context: Context
    beats: Beats
    resources: ExitStack

    def close(self) -> None:
        """End every thread, process and socket."""
        self.resources.close()

    def client(self, service: str) -> Any:
        """A boto3 client of this lab."""
        return inprocess.client(self.context, service)


def open_lab(directory: Path, scale: float, secured: Secured | None = None) -> Lab:
    """Start everything but the stacks; the folder must have been taken (home.take).

    secured: the network it must have and the certificate it begins with.

    Raises:
        NotPossibleNow: no free loopback network, or not the wanted one.
        DeployError: Envoy did not start.
    """
    with ExitStack() as stack:
        network, guard = home.claim_network(secured.network if secured else None)
        stack.enter_context(guard)
        context = Context(
            directory=directory,
            network=network,
            endpoint=f"http://localhost:{server.reserve_port()}",
            clock=ScaledClock(time.time(), scale),
        )
        server.reset()
        actions.install(context)
        enforced = roles.install(context)
        if secured is not None:
            Certificates(context).place(
                secured.certificate, *authority.issue(directory, secured.domain)
            )
        balancer = stack.enter_context(closing(Balancer(context)))
        fleet = stack.enter_context(closing(Fleet(context)))
        cloudwatch = Telemetry(context, balancer, scaler=fleet.scale, usage=fleet.usage)
        telemetry = stack.enter_context(closing(cloudwatch))
        scheduler = stack.enter_context(closing(Scheduler(context)))
        functions = stack.enter_context(closing(lambdas.install(context, telemetry.store)))
        workflows = stack.enter_context(closing(Workflows(context)))
        tagging.install(context)
        pages: dict[str, Callable[[], Any]] = {
            "instances": fleet.describe,
            "permissions": enforced.report,
            "functions": functions.describe,
        }
        pipelines = stack.enter_context(closing(Pipelines(context, pages)))
        stack.enter_context(closing(cloudformation.install(context)))
        deeds = {"spot": partial(_spot, fleet)}
        stack.enter_context(closing(server.serve(context, pages, deeds)))
        parts = (fleet, balancer, telemetry, scheduler, functions, workflows, pipelines)
        beats = stack.enter_context(closing(Beats(context, parts)))
        beats.start()
        return Lab(context, beats, stack.pop_all())


def _spot(fleet: Fleet, asked: Any) -> Any:
    """`{"instance": ID, "signal": "rebalance" | "interrupt"}` (docs/lab/chaos.md)."""
    if not isinstance(asked, dict) or set(asked) != {"instance", "signal"}:
        raise LookupError("instance and signal must be given, and nothing else")
    fleet.notify_spot(str(asked["instance"]), str(asked["signal"]))
    return asked


def deploy(lab: Lab, stacks: tuple[StackTemplate, ...]) -> None:
    """Create the stacks from their templates, in order.

    Raises:
        DeployError: one failed; carries CloudFormation's reason.
    """
    cloudformation_client = lab.client("cloudformation")
    lab.client("ssm").put_parameter(
        Name=BOOTSTRAP_PARAMETER, Value="30", Type="String", Overwrite=True
    )
    for template in stacks:
        upload(lab, template.assets)
        bootstrap = [{"ParameterKey": "BootstrapVersion", "ParameterValue": BOOTSTRAP_PARAMETER}]
        cloudformation_client.create_stack(
            StackName=template.name,
            TemplateBody=template.body,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
            Parameters=bootstrap if '"BootstrapVersion"' in template.body else [],
            Tags=[{"Key": key, "Value": value} for key, value in template.tags.items()],
        )
        wait_for(cloudformation_client, template.name)


def upload(lab: Lab, assets: tuple[Asset, ...]) -> None:
    """Put assets where the templates expect them: in the bucket of the CDK's bootstrap stack.

    A later `cdk bootstrap` takes that over as it is.
    """
    s3, context = lab.client("s3"), lab.context
    for asset in assets:
        bucket = asset.bucket.replace("${AWS::AccountId}", context.account)
        bucket = bucket.replace("${AWS::Region}", context.region)
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key=asset.key, Body=asset.path.read_bytes())


def wait_for(cloudformation_client: Any, name: str) -> None:
    """Wait until the stack is there.

    Raises:
        DeployError: it failed, or took too long.
    """
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        stack = cloudformation_client.describe_stacks(StackName=name)["Stacks"][0]
        if stack["StackStatus"] == "CREATE_COMPLETE":
            return
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            raise DeployError(
                f"stack {name} is {stack['StackStatus']}: {_reason(cloudformation_client, name)}"
            )
        time.sleep(0.02)
    raise DeployError(f"stack {name} was not created within {PATIENCE_S:g} s")


def _reason(cloudformation_client: Any, name: str) -> str:
    """What failed first, in CloudFormation's words."""
    events = cloudformation_client.describe_stack_events(StackName=name)["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
    if not failed:
        return "no reason given"
    first = failed[-1]  # they are told newest first
    return f"{first['LogicalResourceId']}: {first.get('ResourceStatusReason', 'no reason given')}"

"""`deployer demo`: the whole promise, live, in under three minutes, with the count at the end."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from deployer.cli import lab, lab_reach
from deployer.cli.lab_params import Number
from deployer.cli.lab_process import LabOptions, await_ready, start
from deployer.cli.lab_tables import Ending, demo_table, lost
from deployer.errors import DeployError
from deployer.lab import home

ENVIRONMENT = "lab"
LONGEST_LOAD_S = 240


@dataclass(frozen=True, slots=True)
class Act:
    """One release of the play: how it behaves, and how it must end (exit status)."""

    release: str
    behaviour: tuple[str, ...]
    story: str
    status: int
    outcome: str


ACTS = (
    Act("v1", (), "the first release of an empty environment", 0, "shipped"),
    Act("v2", (), "a good release, by canary", 0, "promoted"),
    Act(
        "v3", ("--error-rate", "0.2"), "a release that fails 20 % of its requests", 3, "rolled back"
    ),
)


@dataclass(slots=True)
class Stage:
    """Where the play runs: its folder, its environment, its console."""

    options: LabOptions
    console: Console
    variables: dict[str, str] = field(default_factory=dict)

    def title(self, text: str) -> None:
        """Say what comes next."""
        self.console.print(f"\n[bold]━━ {text}[/bold]")

    def deployer(self, *arguments: str, quiet: bool = False) -> int:
        """Run our own command line as a user would; `quiet` shows the output only on failure."""
        command = [sys.executable, "-m", "deployer.cli.main", *arguments]
        self.console.print(f"[dim]$ deployer {' '.join(arguments)}[/dim]")
        done = subprocess.run(
            command, env=self.variables, check=False, text=True,
            stdout=subprocess.PIPE if quiet else None,
            stderr=subprocess.STDOUT if quiet else None,
        )  # fmt: skip
        if quiet and done.returncode:
            self.console.print(done.stdout, style="dim", markup=False, highlight=False)
            raise DeployError(f"deployer {' '.join(arguments)} failed: its output is above")
        return done.returncode


@click.command()
@click.option(
    "--rps", type=Number(10, 1000), default=200.0, show_default=True,
    help="Requests a second while v2 and v3 are released.",
)  # fmt: skip
@click.option(
    "--scale", type=Number(1, 60), default=20.0, show_default=True,
    help="How many times faster than the wall's the lab's clock runs.",
)  # fmt: skip
@click.pass_context
def demo(context: click.Context, *, rps: float, scale: float) -> None:
    """Show everything: lab, cdk deploy, a first release, a good canary, a bad one.

    Real HTTP requests flow all the time and every one is counted. Needs no AWS account.

    \b
    Exit status: 0 if every release ended as it should and not one request was
    lost that the deployer could have saved, else 1.
    Example: deployer demo --rps 100
    """  # noqa: D301  \b is for click
    asked = context.find_root().params
    config = Path(asked.get("config") or "deployer.toml")
    output = asked.get("output") or "text"
    folder = config.absolute().parent / ".lab" / "demo"
    stage = Stage(LabOptions(config, ENVIRONMENT, output, folder), Console(stderr=True))
    with the_lab(stage, scale) as state:
        stacks_up(stage)
        stage.variables |= lab.credentials(state, "deployer")
        report, endings = play(stage, state, rps)
        stacks_down(stage, state)
    raise SystemExit(0 if settle(stage, endings, report) else 1)


@contextmanager
def the_lab(stage: Stage, scale: float) -> Iterator[home.State]:
    """A lab that ends with the demo, whatever happens to it."""
    stage.title("A local AWS: moto as the control plane, Envoy as the load balancer")
    process = start(stage.options, scale=scale, no_stacks=True, detach=False)
    try:
        state = await_ready(stage.options, process)
        stage.console.print(f"ready at {state.endpoint}; its clock runs {scale:g} times faster")
        folder = {home.FOLDER_VARIABLE: str(stage.options.directory)}
        kept = {key: value for key, value in os.environ.items() if key not in home.SHADOWING}
        trust = home.trust(stage.options.directory)
        stage.variables = kept | home.environment(state) | trust | folder
        yield state
    finally:
        home.stop(stage.options.directory)


def stacks_up(stage: Stage) -> None:
    """Infrastructure from the real CDK CLI."""
    stage.title("Infrastructure: the real CDK CLI deploys network, control and service")
    cdk(stage, "bootstrap")
    cdk(stage, "deploy", "--all", "--require-approval", "never")
    stage.console.print(
        "from here on the deployer runs under its own role, and the lab enforces it"
    )


def cdk(stage: Stage, *arguments: str) -> None:
    """The CDK CLI, synthesizing into the demo's own folder: two may not share one."""
    root = stage.options.config.absolute().parent  # where the CDK CLI runs
    output = os.path.relpath(stage.options.directory / "cdk.out", root)
    stage.deployer("lab", "cdk", "--", *arguments, "--output", output, quiet=True)


def play(stage: Stage, state: home.State, rps: float) -> tuple[dict[str, Any], list[Ending]]:
    """Ship the three releases, the last two under load; what the client saw, and how each ended."""
    for act in ACTS:
        stage.deployer("lab", "release", act.release, *act.behaviour, quiet=True)
    endings = [ship(stage, ACTS[0])]
    with load(lab_reach.topology(state)["url"], rps, stage.variables) as client:
        endings += [ship(stage, act) for act in ACTS[1:]]
        report = finish(client)
    return report, endings


def ship(stage: Stage, act: Act) -> Ending:
    """One release."""
    stage.title(f"{act.release}: {act.story}")
    began = time.monotonic()
    status = stage.deployer("canary", act.release)
    return Ending(act.release, act.outcome, act.status, status, time.monotonic() - began)


@contextmanager
def load(url: str, rps: float, variables: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """The load client, as a child that stops when its standard input closes."""
    command = [
        sys.executable, "-m", "deployer.lab.load", f"{url}/",
        "--rps", f"{rps:g}", "--duration", str(LONGEST_LOAD_S), "--every", str(LONGEST_LOAD_S),
    ]  # fmt: skip
    with subprocess.Popen(
        command,
        env=dict(variables),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as client:
        yield client


def finish(client: "subprocess.Popen[str]") -> dict[str, Any]:
    """Stop the sending, wait for the last answers, and take the report."""
    said, _ = client.communicate(timeout=60)
    report: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
    if report.get("event") != "report":
        raise DeployError("the load client ended without a report")
    return report


def stacks_down(stage: Stage, state: home.State) -> None:
    """Everything goes: CloudFormation deletes no bucket that holds something."""
    stage.title("Tearing down")
    empty(state, lab_reach.topology(state)["artifact_bucket"])
    cdk(stage, "destroy", "--all", "--force")


def empty(state: home.State, bucket: str) -> None:
    """Delete every version of every object."""
    s3 = lab_reach.client(state, "s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])


def settle(stage: Stage, endings: Sequence[Ending], report: dict[str, Any]) -> bool:
    """Print the table; whether all went as promised."""
    ours = lost(report, [ending.release for ending in endings if ending.expected != 0])
    if stage.options.output == "json":
        click.echo(json.dumps({"lost": ours, "load": report, "releases": [
            {"release": e.release, "status": e.status, "took_s": e.took_s} for e in endings
        ]}))  # fmt: skip
    else:
        Console().print(demo_table(endings, report))
    return not ours and not report["skipped"] and all(e.as_expected for e in endings)

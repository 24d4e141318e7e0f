"""`deployer lab …`: a local AWS with real traffic, and what people do with it."""

import os
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Group

from deployer.cli import lab_certificate
from deployer.cli.lab_params import Manual, Number, Span
from deployer.cli.lab_process import LabOptions, await_ready, foreground, holding_back, start
from deployer.cli.lab_reach import client, topology
from deployer.cli.lab_releases import incident, incident_facts, incident_text, release
from deployer.cli.lab_tables import functions_table, instances_table, load_table
from deployer.durations import spell
from deployer.lab import home
from deployer.settings.reading import load as load_settings
from deployer.topology import stack_name


@click.group(cls=Manual)
@click.pass_context
def lab(context: click.Context) -> None:
    """Run a local AWS with real traffic, and use it.

    moto answers the AWS API, Envoy is the load balancer, each instance is a process
    on its own loopback address. Nothing leaves this machine; nothing survives the lab.

    \b
    deployer lab up --detach          # start it, deploy the stacks
    eval "$(deployer lab env)"        # deployer, aws and boto3 now talk to it,
                                      # with the deployer's permissions
    deployer lab release v1           # pack the example service into S3
    deployer canary v1
    deployer lab load --rps 300 --duration 60s
    deployer lab down
    """  # noqa: D301  \b is for click
    asked = context.find_root().params
    config = Path(asked.get("config") or "deployer.toml")
    context.obj = LabOptions(
        config=config,
        environment=asked.get("env") or "lab",
        output=asked.get("output") or "text",
        directory=home.folder(config, os.environ),
    )


@lab.command()
@click.option("--detach", is_flag=True, help="Return when it is ready; it runs until `lab down`.")
@click.option(
    "--scale", type=Number(1, 60), default=20.0, show_default=True,
    help="How many times faster than the wall's the lab's clock runs.",
)  # fmt: skip
@click.option(
    "--no-stacks",
    is_flag=True,
    help="Deploy nothing; `deployer lab cdk -- bootstrap`, then `... -- deploy --all` will.",
)
@click.pass_obj
def up(options: LabOptions, *, detach: bool, scale: float, no_stacks: bool) -> None:
    """Start the lab and deploy the stacks from their synthesized templates.

    JSON: endpoint, url, test_url, account, region, pid (and origin, scale, config,
    environment). Without --detach it runs in the foreground until Ctrl-C.

    \b
    Exit status: 0 ready; 1 it did not start; 2 refused (settings, or it runs
    already).
    Example: deployer lab up --detach --scale 20
    """  # noqa: D301  \b is for click
    with holding_back() as heard:
        process = start(options, scale=scale, no_stacks=no_stacks, detach=detach)
    state = await_ready(options, process, heard=heard)
    options.say(facts(state), ready_text(state))
    if not detach:
        foreground(process)


def facts(state: home.State) -> dict[str, Any]:
    """The documented JSON keys."""
    return {name: getattr(state, name) for name in state.__struct_fields__}


def ready_text(state: home.State) -> str:
    """For people."""
    return (
        f"The lab is ready (clock × {state.scale:g}, process {state.pid}).\n"
        f"  AWS API        {state.endpoint}\n"
        f"  service        {state.url or 'no stacks yet'}\n"
        f"  test listener  {state.test_url or 'no stacks yet'}\n"
        'Use it:  eval "$(deployer lab env)"'
    )


@lab.command()
@click.option(
    "--role", metavar="ROLE",
    help="Whose credentials: deployer, admin (may do everything), or the name of another role in "
    "the lab. [default: deployer, where the stacks have it]",
)  # fmt: skip
@click.pass_obj
def env(options: LabOptions, *, role: str | None) -> None:
    """Print export lines for this shell.

    Endpoint, credentials, region, clock, DEPLOYER_CONFIG and DEPLOYER_ENV; with
    HTTPS also SSL_CERT_FILE. They hold until `lab down`, those of a role for as long
    as its sessions may last (12 hours for deployer); for AWS itself open another shell.
    The lab enforces what the role's policies in the stacks allow: docs/lab/iam.md.

    \b
    Exit status: 0; 2 if no lab runs, or it has no such role.
    Example: eval "$(deployer lab env)"
    """  # noqa: D301  \b is for click
    state = home.find(options.directory)
    values = home.environment(state, credentials(state, role)) | home.trust(options.directory)
    options.say(values, home.exports(values, options.directory))


def credentials(state: home.State, role: str | None = None) -> dict[str, str]:
    """Of this role; without one the deployer's if it is there, else the administrator's.

    Raises:
        NotFound: there is no such role.
    """
    from deployer.cli import lab_role  # noqa: PLC0415

    service = load_settings(Path(state.config), state.environment).service.name
    stack = stack_name(service, state.environment, "control")
    return lab_role.credentials(lambda name: client(state, name), stack, role)


lab.add_command(release)


@lab.command()
@click.option(
    "--rps", type=Number(1, 2000), default=100.0, show_default=True, help="Requests a second.",
)  # fmt: skip
@click.option(
    "--duration", type=Span(), default="10s", show_default=True,
    help="How long requests are sent, in wall time; an hour at most.",
)  # fmt: skip
@click.pass_obj
def load(options: LabOptions, *, rps: float, duration: float) -> None:
    """Send requests to the service at a constant rate and count what comes back.

    Open loop: requests are sent on schedule whatever the answers do. Failures by
    cause, latency percentiles, per release (the X-Release header). Ctrl-C, or the lab's
    end, stops the sending; the report still comes. JSON keys: see docs/lab/load.md.

    \b
    Exit status: 0, whatever was answered; 2 if no lab runs or it has no stacks.
    Example: deployer lab load --rps 300 --duration 60s
    """  # noqa: D301  \b is for click
    from deployer.lab.load.runner import run  # noqa: PLC0415

    url = topology(home.find(options.directory))["url"] + "/"
    click.echo(
        f"Sending {rps:g} requests a second to {url} for {spell(duration)}.\n"
        "Ctrl-C ends it with the report.",
        err=True,
    )
    trusted = home.authority(options.directory)
    # A load that outlived its lab would meet the next one that has the same addresses.
    report = run(
        url, rps, duration, authority=trusted, interruptible=True,
        wanted=lambda: home.running(options.directory),
    ).as_json()  # fmt: skip
    options.say(report, load_table(report))


lab.add_command(incident)


@lab.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def cdk(options: LabOptions, arguments: tuple[str, ...]) -> None:
    """Run the pinned CDK CLI against the lab: `deployer lab cdk -- deploy --all`.

    \b
    With a lab running, only the lab's own environment is in sight. Without one,
    commands that need no AWS (synth, ls) work for all of them, and any other is
    refused: it never talks to a real account.

    \b
    Exit status: the CDK CLI's; 2 if the command needs a lab and none runs.
    Example: deployer lab cdk -- diff shop-lab-service
    """  # noqa: D301  \b is for click
    from deployer.lab import cdk as pinned  # noqa: PLC0415

    endpoint = ""
    if home.running(options.directory) or pinned.needs_a_lab(arguments):
        state = home.find(options.directory)
        endpoint = state.endpoint
        os.environ.update(DEPLOYER_ENV=state.environment, DEPLOYER_CONFIG=state.config)
    root = options.config.absolute().parent
    raise SystemExit(pinned.run(arguments, endpoint, directory=root).returncode)


@lab.command()
@click.argument("name", required=False)
@click.pass_obj
def certificate(options: LabOptions, *, name: str | None) -> None:
    """Import a new certificate into the lab's ACM, and print the settings that use it.

    NAME is what it is for: [balancer] domain if nothing is said, or else the address of
    the load balancer. The lab's own authority signs it, which `deployer lab env` and
    `deployer lab load` trust.

    \b
    JSON: certificate (its ARN), domain, authority (the file to trust).
    Exit status: 0; 2 if no lab runs, or nothing is there that it could be for.
    Example: deployer lab certificate
    """  # noqa: D301  \b is for click
    state = home.find(options.directory)
    clients = partial(client, state)
    chosen = name or lab_certificate.domain(state, clients)
    told = lab_certificate.imported(options.directory, clients, chosen)
    options.say(told, lab_certificate.as_settings(state.environment, told))


@lab.command()
@click.pass_obj
def status(options: LabOptions) -> None:
    """Show what runs inside: instances, their processes, lifecycle and release; functions; incident.

    \b
    JSON: as `lab up`, and instances, functions, incident (null: none).
    Exit status: 0; 2 if no lab runs.
    Example: deployer lab status
    """  # noqa: D301  \b is for click
    from urllib3 import request  # noqa: PLC0415

    state = home.find(options.directory)
    inside, functions = (
        request("GET", f"{state.endpoint}/_lab/{page}", timeout=10).json()
        for page in ("instances", "functions")
    )
    bad = incident_facts(options.directory)
    document = facts(state) | {"instances": inside, "functions": functions, "incident": bad}
    tables = [instances_table(inside), *([functions_table(functions)] if functions else [])]
    text = [ready_text(state), *([incident_text(bad)] if bad else [])]
    options.say(document, Group(*text, *tables))


@lab.command()
@click.pass_obj
def down(options: LabOptions) -> None:
    """End the lab and everything that it started.

    \b
    JSON: stopped.
    Exit status: 0, also if none was running.
    Example: deployer lab down
    """  # noqa: D301  \b is for click
    stopped = home.stop(options.directory)
    text = "The lab has ended." if stopped else "No lab was running."
    options.say({"stopped": stopped}, text)

"""`deployer lab release` and `deployer lab incident`: what misbehaves on purpose, one release or all."""

from pathlib import Path

import click

from deployer.cli.lab_params import Number, Span
from deployer.cli.lab_process import LabOptions
from deployer.cli.lab_reach import client, topology
from deployer.durations import spell
from deployer.errors import UsageError
from deployer.lab import home

SHARE = Number(0, 1)


@click.command()
@click.argument("name")
@click.option("--error-rate", type=SHARE, default=0.0, show_default=True,
    help="Share of the requests answered with 500: 0.2 is 20 %.",
)  # fmt: skip
@click.option(
    "--latency", type=Span(), default="0s", show_default=True,
    help="Wall time that an answer takes: 50ms.",
)  # fmt: skip
@click.option(
    "--spread", type=Number(0, 3), default=0.0, show_default=True,
    help="How that differs from request to request: the sigma of a log-normal law, 0.5 for instance.",
)  # fmt: skip
@click.option(
    "--boot", type=Span(), default="0s", show_default=True, help="Lab time before it listens: 30s.",
)  # fmt: skip
@click.option(
    "--cold", type=Span(), default="0s", show_default=True,
    help="Lab time for which an instance is cold, from its first request on: 2m.",
)  # fmt: skip
@click.option(
    "--cold-latency", type=Span(), default="0s", show_default=True,
    help="Wall time that a cold instance's answers take longer.",
)  # fmt: skip
@click.option(
    "--cold-error-rate", type=SHARE, default=0.0, show_default=True,
    help="Share of a cold instance's requests answered with 500.",
)  # fmt: skip
@click.option(
    "--crash-after", type=Span(), default="0s", show_default=True, help="Lab time until it exits; 0s: never.",
)  # fmt: skip
@click.option("--replace", is_flag=True, help="Replace a release of this name.")
@click.pass_obj
def release(
    options: LabOptions,
    name: str,
    *,
    error_rate: float,
    latency: float,
    spread: float,
    boot: float,
    cold: float,
    cold_latency: float,
    cold_error_rate: float,
    crash_after: float,
    replace: bool,
) -> None:
    """Pack the example service as release NAME into the lab's S3.

    \b
    JSON: release, uri.
    Exit status: 0; 2 refused: no lab or stacks, a bad name, or one that is taken.
    Example: deployer lab release v3 --error-rate 0.2
    """  # noqa: D301  \b is for click
    from deployer.lab import incident, releases  # noqa: PLC0415

    state = home.find(options.directory)
    published = topology(state)
    behaviour = releases.Behaviour(
        error_rate=error_rate,
        latency_ms=latency * 1000,
        latency_spread=spread,
        boot_s=boot,
        crash_after_s=crash_after,
        cold_s=cold,
        cold_error_rate=cold_error_rate,
        cold_latency_ms=cold_latency * 1000,
        incident_file=str(options.directory / incident.FILE),
    )
    application = Path(state.config).parent / "examples" / "app"
    uri = releases.publish(
        client(state, "s3"),
        published["artifact_bucket"],
        published["service"],
        name,
        releases.pack(application, behaviour.scaled(state.scale)),
        replace=replace,
    )
    options.say({"release": name, "uri": uri}, f"{name} is at {uri}")


@click.command()
@click.option("--error-rate", type=SHARE, default=0.0, show_default=True,
    help="Share of all requests answered with 500, whatever the release.",
)  # fmt: skip
@click.option(
    "--latency", type=Span(), default="0s", show_default=True,
    help="Wall time that all answers take longer: 50ms.",
)  # fmt: skip
@click.option("--end", is_flag=True, help="It is over.")
@click.pass_obj
def incident(options: LabOptions, *, error_rate: float, latency: float, end: bool) -> None:
    """Make every release fail or slow down at once, as when their database does.

    It hits all instances of all releases from the next request on, until --end or the
    end of the lab.

    \b
    JSON: incident (error_rate, latency_ms; null: none).
    Exit status: 0; 2 if no lab runs, or nothing was said that could go wrong.
    Example: deployer lab incident --error-rate 0.05
    """  # noqa: D301  \b is for click
    from deployer.lab import incident as incidents  # noqa: PLC0415

    home.find(options.directory)
    worse = error_rate > 0 or latency > 0
    if end == worse:
        raise UsageError(
            "say what goes wrong (--error-rate, --latency), or that it is over (--end)"
        )
    if end:
        incidents.end(options.directory)
    else:
        incidents.begin(options.directory, incidents.Incident(error_rate, latency * 1000))
    now = incident_facts(options.directory)
    options.say({"incident": now}, incident_text(now))


def incident_facts(directory: Path) -> dict[str, float] | None:
    """What hits every release now, as JSON; None: nothing does."""
    from deployer.lab import incident as incidents  # noqa: PLC0415

    found = incidents.current(directory)
    if found is None:
        return None
    return {"error_rate": found.error_rate, "latency_ms": found.latency_ms}


def incident_text(now: dict[str, float] | None) -> str:
    """The same for people."""
    if now is None:
        return "No incident: each release behaves as it was made."
    failing = f"{now['error_rate'] * 100:g} % of all requests fail"
    slower = f"all answers take {spell(now['latency_ms'] / 1000)} longer"
    parts = [failing] * bool(now["error_rate"]) + [slower] * bool(now["latency_ms"])
    return f"Incident: {' and '.join(parts)}, of whatever release.\n`deployer lab incident --end` ends it."

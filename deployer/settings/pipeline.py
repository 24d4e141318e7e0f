"""[pipeline]: from a change of the source to production. One for the file, not for an environment."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from deployer.process.zones import zone_of
from deployer.settings.kinds import Line, Seconds, Slug, within
from deployer.settings.objection import Objection
from deployer.settings.schema import Settings
from deployer.settings.stacks import YES_OR_NO
from deployer.settings.windows import EXAMPLE, Window

# AWS CodeBuild User Guide, "Quotas": a build may last from 5 minutes to 36 hours.
SHORTEST_S, LONGEST_S = 300.0, 36 * 3600.0
OWN_IMAGES = "aws/codebuild/"
TOOLS_S = 600.0  # for the tools to be installed, and a container to be found
PATIENCE_S = 900.0  # how much longer than its bake an inconclusive verdict is waited for

Lines = Annotated[
    tuple[Line, ...],
    Meta(max_length=20, description='up to 20 shell commands such as ["make test"]'),
]
Ordered = Annotated[
    tuple[Slug, ...],
    Meta(min_length=1, max_length=10, description='environments such as ["staging", "prod"]'),
]
ConnectionOrNone = Annotated[
    str,
    Meta(
        pattern=r"^(arn:aws[a-z-]*:code(star-)?connections:[a-z0-9-]+:\d{12}:connection/[A-Za-z0-9-]+)?$",
        description='the ARN of a CodeConnections connection, or "" for S3',
    ),
]
RepositoryOrNone = Annotated[
    str, Meta(pattern=r"^([^\s/]+(/[^\s/]+)+)?$", description='"owner/name", or ""')
]
Branch = Annotated[str, Meta(pattern=r"^[^\s~^:?*\[\\]+$", description='a branch such as "main"')]
File = Annotated[
    str,
    Meta(
        pattern=r"^(?!/)(?!.*\.\.)[A-Za-z0-9._/-]+$",
        description="a path within the source, such as dist/app",
    ),
]
WindowOrNone = Annotated[str, Meta(description=f'days and whole hours such as "{EXAMPLE}", or ""')]
Timeout = Annotated[
    Seconds, within(0, LONGEST_S, "0s for as long as the plan may take, or from 5m to 36h")
]


class PipelineSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[pipeline]: source, build, test, publication, infrastructure, environments in their order.

    connection:   where the source comes from; empty: from the object `key` of a bucket of its own.
    environments: one after the other; the last one is production.
    tools:        bring `deployer` and the CDK into a build whose image has neither.
    build, test:  make `artifact`, a folder that becomes the release, and judge it.
    approval:     a person says yes before the last environment.
    time_zone:    of the window's hours.
    timeout_s:    of a deploying build; 0: as long as its plan may take.
    python:       which of CodeBuild's own images' Pythons builds use; another image has its own.
    """

    environments: Ordered
    connection: ConnectionOrNone = ""
    repository: RepositoryOrNone = ""
    branch: Branch = "main"
    key: File = "source.zip"
    tools: Lines = (
        "python -m pip install --quiet -r requirements.txt",
        "python -m pip install --quiet --no-deps .",
    )
    build: Lines = ()
    test: Lines = ()
    artifact: File = "dist"
    infrastructure: Annotated[bool, YES_OR_NO] = True
    approval: Annotated[bool, YES_OR_NO] = True
    window: WindowOrNone = ""
    time_zone: Annotated[str, Meta(description="a time zone such as Europe/Berlin")] = "UTC"
    timeout_s: Timeout = field(name="timeout", default=Seconds(0))
    image: Annotated[
        str, Meta(pattern=r"^\S+$", description="a CodeBuild image, or one of a registry")
    ] = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
    python: Annotated[
        str, Meta(pattern=r"^3\.(1[1-9]|[2-9]\d)$", description='a Python such as "3.11" or newer')
    ] = "3.11"
    compute: Annotated[
        Literal["BUILD_GENERAL1_SMALL", "BUILD_GENERAL1_MEDIUM", "BUILD_GENERAL1_LARGE"],
        Meta(description='"BUILD_GENERAL1_SMALL", "..._MEDIUM" or "..._LARGE"'),
    ] = "BUILD_GENERAL1_SMALL"


def runtimes(pipeline: PipelineSettings) -> dict[str, str]:
    """What a build's image is told to activate: CodeBuild's own have a choice, and no others.

    Their default changes when a version's life ends (CodeBuild User Guide, "Available runtimes"), and
    with it would the functions' runtime, which is the Python that synthesizes.
    """
    return {"python": pipeline.python} if pipeline.image.startswith(OWN_IMAGES) else {}


def objections(
    pipeline: PipelineSettings, environments: Mapping[str, Settings]
) -> Iterator[Objection]:
    """What contradicts the environments (all of the file's, by name), or itself."""
    for name in pipeline.environments:
        if name not in environments:
            known = ", ".join(environments)
            yield Objection("pipeline.environments", f"of the file's own: {known}")
            return
        if environments[name].existing is not None:
            yield Objection(
                "pipeline.environments",
                f"without {name}: it has no stack with a deployer's role to assume",
            )
    if len(set(pipeline.environments)) < len(pipeline.environments):
        yield Objection("pipeline.environments", "different ones: each once, in their order")
    if bool(pipeline.connection) is not bool(pipeline.repository):
        yield Objection("pipeline.repository", "given exactly where pipeline.connection is")
    yield from _one_place([environments[name] for name in pipeline.environments])
    yield from _window(pipeline)
    if 0 < pipeline.timeout_s < SHORTEST_S:
        yield Objection("pipeline.timeout", "0s, or from 5m to 36h")
    for name in pipeline.environments:
        if not pipeline.timeout_s and longest_s(environments[name]) > LONGEST_S:
            yield Objection(
                "pipeline.timeout",
                f"given: a deployment to {name} may take longer than a build's 36h, after which "
                "the supervisor carries it on without the pipeline's knowing (or shorten "
                "canary.approve_within, bakes and windows)",
            )


def _one_place(environments: Sequence[Settings]) -> Iterator[Objection]:
    places = {(each.environment.account, each.environment.region) for each in environments}
    if len(places) > 1:
        yield Objection(
            "pipeline.environments", "of one account and Region: others need a pipeline there"
        )


def _window(pipeline: PipelineSettings) -> Iterator[Objection]:
    try:
        if pipeline.window:
            Window.parse(pipeline.window)
    except ValueError as error:
        yield Objection(
            "pipeline.window", f'days and whole hours such as "{EXAMPLE}", or "" ({error})'
        )
    try:
        zone_of(pipeline.time_zone)
    except ValueError:
        yield Objection("pipeline.time_zone", "a time zone such as Europe/Berlin or UTC")


def longest_s(settings: Settings) -> float:
    """How long a deployment with these settings may take, its way back and the tools included.

    Every step's deadline, as if each were used up; a rolling deployment's batches are taken one
    instance at a time, the slowest that there is. People are counted where the settings ask them: one
    who is asked because evidence is suspicious may outlast the build, and the supervisor goes on.
    """
    held_s = settings.canary.approve_within_s if settings.analysis.inconclusive == "hold" else 0.0
    return _longest_s(settings) + held_s


def _longest_s(settings: Settings) -> float:
    canary, probe, provision = settings.canary, settings.probe, settings.provision
    back = provision.deadline_s + canary.route_deadline_s + canary.retire_deadline_s
    begin = provision.deadline_s + probe.deadline_s
    route = canary.route_deadline_s
    if settings.environment.strategy == "rolling":
        batch = provision.deadline_s + settings.rolling.bake_s + PATIENCE_S
        return TOOLS_S + 2 * batch * settings.environment.instances
    if settings.environment.strategy == "blue-green":
        blue_green = settings.blue_green
        judged = blue_green.bake_s + PATIENCE_S + blue_green.window_s
        asked = canary.approve_within_s if blue_green.approve else 0.0
        return TOOLS_S + begin + route + judged + asked + canary.retire_deadline_s + back
    bakes = [canary.bake_s] * len(canary.stops) + [canary.final_bake_s]
    bakes += [canary.group_bake_s] if canary.group else []
    bakes += [canary.held_s] if canary.held else []
    climb = sum(route + bake + PATIENCE_S for bake in bakes) + settings.analysis.max_time_s
    asked = canary.approve_within_s * len(canary.approve)
    return TOOLS_S + begin + climb + asked + canary.linger_s + canary.retire_deadline_s + back


def timeout_minutes(pipeline: PipelineSettings, settings: Settings) -> int:
    """Of the build that deploys to this environment: whole minutes, rounded up."""
    wanted = pipeline.timeout_s or longest_s(settings)
    return -int(-min(max(wanted, SHORTEST_S), LONGEST_S) // 60)

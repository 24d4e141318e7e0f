"""From deployer.toml to an application: five stacks for each environment, four in a VPC that is there."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from aws_cdk import App, Environment, Stack, Tags

from deployer.settings.pipeline import PipelineSettings
from deployer.settings.reading import environments, load, load_pipeline, load_waves
from deployer.settings.schema import Settings
from deployer.settings.waves import home
from deployer.topology import (
    CLASS_TAG,
    ENVIRONMENT_TAG,
    EPHEMERAL,
    EXPIRES_TAG,
    SERVICE_TAG,
    fleet_stack_name,
    pipeline_stack_name,
    stack_name,
    sweep_stack_name,
)
from stacks.control import ControlStack
from stacks.fleet import FleetProps, FleetStack
from stacks.monitoring import MonitoringStack
from stacks.network import NetworkStack
from stacks.pipeline import PipelineStack, Target
from stacks.runner import RunnerProps, RunnerStack
from stacks.service import ServiceStack
from stacks.teardown import TeardownStack

HERE = Path(__file__).parents[1]


class Stacks(NamedTuple):
    """The stacks of one environment.

    network: None in a VPC that is there. runner: None where [runner] says so.
    """

    network: NetworkStack | None
    control: ControlStack
    service: ServiceStack
    monitoring: MonitoringStack
    runner: RunnerStack | None


class Place(NamedTuple):
    """Where environments are; `account` may be empty: that of the credentials in use."""

    account: str
    region: str


def application(outdir: Path | None = None) -> App:
    """An App with the feature flags of cdk.json, whether or not the CDK CLI started it.

    So templates are the same from `cdk synth`, from `python3 app.py` and from a test.
    """
    flags = json.loads((HERE / "cdk.json").read_text())["context"]
    return App(
        context={**flags, "aws:cdk:enable-path-metadata": True},
        analytics_reporting=False,
        outdir=str(outdir) if outdir else None,
    )


def populate(app: App, path: Path, environment: str | None = None) -> dict[str, Stacks]:
    """The stacks of one environment, or of all in the file, by its name.

    An environment on what others made has none of ours.

    Raises:
        NotFound, SettingsInvalid: as `deployer.settings.reading.load`.
    """
    names = environments(path) if environment is None else (environment,)
    chosen = [load(path, name) for name in names]
    ours = [settings for settings in chosen if settings.existing is None]
    made = {settings.environment.name: stacks_of(app, settings, path) for settings in ours}
    mortal = [each for each in ours if each.teardown.ephemeral and each.sweep.enabled]
    for place in {_place(settings): None for settings in mortal}:
        teardown_of(app, path, place)
    pipeline = load_pipeline(path)
    if pipeline is not None and made.keys() >= set(pipeline.environments):
        pipeline_of(app, path, pipeline, made)
    fleet_of(app, path, environment)
    return made


def pipeline_of(
    app: App, path: Path, pipeline: PipelineSettings, made: Mapping[str, Stacks]
) -> PipelineStack:
    """The pipeline through environments whose stacks are in `made`."""
    targets = [
        Target(
            load(path, name),
            made[name].control.deployer.role,
            made[name].control.artifacts,
            tuple(stack.stack_name for stack in made[name] if stack is not None),
        )
        for name in pipeline.environments
    ]
    last = targets[-1].settings
    about = {"env": _props(last)["env"], "termination_protection": last.environment.protected}
    stack = PipelineStack(app, pipeline_stack_name(last.service.name), pipeline, targets, **about)
    Tags.of(stack).add(SERVICE_TAG, last.service.name)
    return stack


def fleet_of(app: App, path: Path, environment: str | None = None) -> FleetStack | None:
    """The stack of the service's fleets, beside those of the first environment that they go through.

    None: the file has no [waves], or `environment` is another one.

    Raises:
        NotFound, SettingsInvalid: as `populate`.
    """
    waves, every = load_waves(path)
    if waves is None or environment not in (None, waves.order[0][0]):
        return None
    ours = {name: each for name, each in every.items() if each.existing is None}
    first = every[waves.order[0][0]]
    service = first.service.name
    made = FleetStack(
        app,
        fleet_stack_name(service),
        FleetProps(service=service, environments=ours, file=path),
        env=Environment(account=first.environment.account or None, region=home(waves, every)),
        termination_protection=any(each.environment.protected for each in ours.values()),
    )
    Tags.of(made).add(SERVICE_TAG, service)
    return made


def teardown_of(app: App, path: Path, place: Place) -> TeardownStack:
    """What tears down the idle ones among all ephemeral environments of the file in this place."""
    every = [load(path, name) for name in environments(path)]
    there = [each for each in every if each.teardown.ephemeral and _place(each) == place]
    names = [each.environment.name for each in there]
    name = sweep_stack_name(there[0].service.name, place.region)
    twice = app.node.try_find_child(name) is not None  # of another account
    stack = TeardownStack(
        app,
        f"{name}-{place.account}" if twice else name,
        there[0],
        names,
        path,
        stack_name=name,
        env=Environment(account=place.account or None, region=place.region),
    )
    Tags.of(stack).add(SERVICE_TAG, there[0].service.name)
    return stack


def _place(settings: Settings) -> Place:
    return Place(settings.environment.account, settings.environment.region)


def stacks_of(app: App, settings: Settings, path: Path) -> Stacks:
    """The stacks of one environment, which only refer to one another.

    path: of the file that the settings are from, for functions to read again.
    """
    own, about = settings.network.vpc == "", _props(settings)
    network = NetworkStack(app, _name(settings, "network"), settings, **about) if own else None
    control = ControlStack(app, _name(settings, "control"), settings, **about)
    service = ServiceStack(
        app,
        _name(settings, "service"),
        settings,
        network,
        control,
        **about,
    )
    monitoring = MonitoringStack(
        app, _name(settings, "monitoring"), service.service, control.topic, **about
    )
    props = RunnerProps(
        settings=settings, file=path, rights=control.deployer.rights, topic=control.topic
    )
    runner = (
        RunnerStack(app, _name(settings, "runner"), service.service, props, **about)
        if settings.runner.enabled
        else None
    )
    made = Stacks(network, control, service, monitoring, runner)
    for stack in made:
        if stack is not None:
            _label(stack, settings)
    return made


def _name(settings: Settings, part: str) -> str:
    return stack_name(settings.service.name, settings.environment.name, part)


def _props(settings: Settings) -> dict[str, Any]:
    environment = settings.environment
    return {
        "env": Environment(account=environment.account or None, region=environment.region),
        "termination_protection": environment.protected,
        # The stack's own tags: whoever may delete it is judged by them.
        "tags": _labels(settings) if settings.teardown.ephemeral else None,
    }


def _label(stack: Stack, settings: Settings) -> None:
    for key, value in _labels(settings).items():
        Tags.of(stack).add(key, value)


def _labels(settings: Settings) -> dict[str, str]:
    whose = {SERVICE_TAG: settings.service.name, ENVIRONMENT_TAG: settings.environment.name}
    if not settings.teardown.ephemeral:
        return whose
    expires = settings.teardown.expires_at
    return {**whose, CLASS_TAG: EPHEMERAL, **({EXPIRES_TAG: expires} if expires else {})}

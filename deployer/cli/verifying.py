"""From settings to findings: the one place where `verify` meets AWS."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from deployer.aws import account, pacing, published
from deployer.aws.environment import AwsCloud
from deployer.aws.session import Aws
from deployer.aws.verify import reading, table, terraform
from deployer.errors import DeployError
from deployer.findings import Finding, unknown
from deployer.ports import Clock
from deployer.settings.schema import Settings
from deployer.sources import verifying
from deployer.sources.measured import measured
from deployer.wiring import endpoint


def found(
    settings: Settings, state: Path | None, environ: Mapping[str, str] = os.environ
) -> tuple[tuple[Finding, ...], float]:
    """All findings, and when they were made (epoch seconds).

    Raises:
        NotFound, SettingsInvalid: as `terraform.load`; nothing is published.
        AccessProblem, CloudUnavailable: as `wiring.connect`.
    """
    document = terraform.load(state) if state else None
    endpoint.require_endpoint(environ)
    clock = endpoint.chosen_clock(environ)
    environment = settings.environment
    aws = Aws(environment.region, pacing.shared(environment.region, clock))
    if settings.existing is None:
        names = account.find(aws, settings.service.name, environment)
    else:
        account.require_account(aws, environment.account)
        names = published.so_far(settings.existing)
    facts = reading.read(aws, settings, names, clock)
    rows = [*table.findings(facts, document), *_sources(aws, settings, names, environ, clock)]
    return tuple(rows), clock.now()


def _sources(
    aws: Aws,
    settings: Settings,
    names: published.Published,
    environ: Mapping[str, str],
    clock: Clock,
) -> Iterator[Finding]:
    """What the metrics that the settings name told of the last minutes."""
    analysis, environment = settings.analysis, settings.environment.name
    if not analysis.metrics or published.lacking(settings):
        return
    cloud = AwsCloud(aws, names, settings.service.name, environment, clock)
    until = clock.now() - analysis.metrics_delay_s
    try:
        cloud.observe()  # which releases the slots have
        _, metrics = measured(aws, names, settings, cloud, environ=environ, clock=clock)
        seen = metrics.traffic(until - reading.LOOK_BACK_S, until)
    except DeployError as error:
        yield unknown("sources", environment, f"not looked at: {error}", "")
        return
    yield from verifying.findings([each.name for each in analysis.metrics], seen)

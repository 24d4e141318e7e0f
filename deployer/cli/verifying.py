"""From settings to findings: the one place where `verify` meets AWS."""

import os
from collections.abc import Mapping
from pathlib import Path

from deployer import wiring
from deployer.aws import pacing, published
from deployer.aws.session import Aws
from deployer.aws.verify import reading, table, terraform
from deployer.findings import Finding
from deployer.settings.schema import Settings


def found(
    settings: Settings, state: Path | None, environ: Mapping[str, str] = os.environ
) -> tuple[tuple[Finding, ...], float]:
    """All findings, and when they were made (epoch seconds).

    Raises:
        NotFound, SettingsInvalid: as `terraform.load`; nothing is published.
        AccessProblem, CloudUnavailable: as `wiring.connect`.
    """
    document = terraform.load(state) if state else None
    wiring.require_endpoint(environ)
    clock = wiring.chosen_clock(environ)
    environment = settings.environment
    aws = Aws(environment.region, pacing.shared(environment.region, clock))
    if settings.existing is None:
        names = wiring.find(aws, settings.service.name, environment)
    else:
        wiring.require_account(aws, environment.account)
        names = published.so_far(settings.existing)
    facts = reading.read(aws, settings, names, clock)
    return tuple(table.findings(facts, document)), clock.now()

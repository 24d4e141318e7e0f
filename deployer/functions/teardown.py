"""The function that tears down idle environments: one sweep for each call of its schedules."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from deployer.errors import Locked
from deployer.functions.start import ROOT, SETTINGS, Context, clients_of, services_of
from deployer.operations.idle.documents import report_document, row_document
from deployer.wiring.sweeping import settings_of, sweep_of

NAMES = "DEPLOYER_ENVIRONMENTS"  # the ephemeral ones of this account and Region, by comma
REGION = "AWS_REGION"


def handler(_event: object, _context: Context) -> dict[str, Any]:
    """Look for idle environments, and do what is due; the first runs only tell.

    Returns:
        The report (docs/teardown.md). A sweep that another one keeps waiting has nothing to tell.

    Raises:
        DeployError: the reading was not complete, or nobody could be told: nothing was torn down.
    """
    path = Path(os.environ.get(ROOT, ".")) / SETTINGS
    known = settings_of(path, os.environ[REGION], os.environ[NAMES].split(","))
    sweep = sweep_of(known, clients_of(os.environ[REGION]), services_of)
    try:
        report = sweep.scheduled(next(iter(known.values())).sweep.dry_runs)
    except Locked as busy:
        return {"busy": str(busy)}
    for row in report.rows:
        sys.stdout.write(json.dumps(row_document(row)) + "\n")
    return report_document(report)

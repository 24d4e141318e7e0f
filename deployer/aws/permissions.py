"""What a role that runs the deployer must be allowed, gathered from the adapters.

Each adapter declares its needs beside its code; the contract tests compare them with the calls that
are really made. The stacks turn them into policies.
"""

from deployer.aws import (
    alarms,
    alb,
    artifacts,
    asg,
    cloudwatch,
    hook_runs,
    launch_templates,
    preflight,
    published,
    session,
    table,
    targets,
)
from deployer.aws.needs import Need, Resource

NEEDS: frozenset[Need] = frozenset(
    need
    for adapter in (
        alarms,
        alb,
        artifacts,
        asg,
        cloudwatch,
        hook_runs,
        launch_templates,
        preflight,
        published,
        session,
        table,
        targets,
    )
    for need in adapter.NEEDS
)
# What only looks: enough for `status`, `history` and `--dry-run`.
READS: frozenset[Need] = frozenset(
    need
    for need in NEEDS
    if need.action.partition(":")[2].startswith(("Describe", "Get", "List", "Query"))
)


def actions(on: Resource) -> tuple[str, ...]:
    """The actions needed on one kind of resource, sorted."""
    return tuple(sorted(need.action for need in NEEDS if need.on is on))

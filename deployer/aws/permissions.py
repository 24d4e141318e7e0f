"""What a role that runs the deployer must be allowed, gathered from the adapters.

Each adapter declares its needs beside its code. The stacks turn them into the deployer's role, the
lab enforces that role, and tests compare the three: declared = called = granted (docs/lab/iam.md).
`sts:GetCallerIdentity` is not among them: nobody needs a permission for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from deployer.aws import (
    alarms,
    alb,
    artifacts,
    asg,
    board,
    cloudwatch,
    cohort_rule,
    fleet_published,
    fleets,
    hook_runs,
    launch_templates,
    machines,
    members,
    notify,
    page_rule,
    pages,
    preflight,
    published,
    secrets,
    stacks,
    state_machine,
    table,
    targets,
)
from deployer.aws.needs import Need, Resource
from deployer.aws.sweeping import book, notices, scan, settled, telling, traffic

NEEDS: frozenset[Need] = frozenset(
    need
    for adapter in (
        alarms,
        alb,
        artifacts,
        asg,
        board,
        cloudwatch,
        cohort_rule,
        hook_runs,
        launch_templates,
        page_rule,
        pages,
        preflight,
        published,
        table,
        targets,
    )
    for need in adapter.NEEDS
)
# Whoever carries deployments tells the environment's topic of them, too.
SUPERVISES: frozenset[Need] = NEEDS | frozenset(notify.NEEDS)
# And the channels of [notify], where it has some.
TELLS: frozenset[Need] = frozenset((*notify.CHANNELS_NEEDS, *secrets.NEEDS))
# What deleting an environment takes besides: no deployment needs it, and its role does not have it.
DELETION: frozenset[Need] = frozenset(stacks.NEEDS)
# Who begins deployments: they may be detached, where there is a state machine for that.
BEGINS: frozenset[Need] = NEEDS | frozenset(state_machine.NEEDS)
# Fleets: who visits them, and who begins them, looks at them and steers them.
VISITS_FLEETS: frozenset[Need] = frozenset(
    need for adapter in (fleet_published, fleets, members) for need in adapter.NEEDS
)
COMMANDS_FLEETS: frozenset[Need] = VISITS_FLEETS | frozenset(machines.NEEDS)
# Of the sweeps, which find idle environments, and of what they begin in them.
SWEEPS: frozenset[Need] = (
    NEEDS
    | DELETION
    | frozenset(
        need
        for adapter in (book, notices, scan, settled, telling, traffic)
        for need in adapter.NEEDS
    )
)
# What only looks: enough for `status`, `history` and `--dry-run`.
READS: frozenset[Need] = frozenset(
    need
    for need in NEEDS
    if need.action.partition(":")[2].startswith(("Describe", "Get", "List", "Query"))
)

# Why a grant has to end in `*`: each is as narrow as the API allows.
WIDE: Mapping[Resource, str] = {
    Resource.ANY: "These actions only read, and AWS lets none of them be granted on less.",
    Resource.ALARMS: "DescribeAlarms is authorized on all alarms, whichever names are asked for.",
    Resource.ARTIFACTS: "Releases come and go; all of them are below this prefix, the service's own.",
    Resource.COHORT_RULE: "A rule's id is not known beforehand; the tags say which is a user group's.",
    Resource.GROUP: "The middle of a group's ARN is an id that CloudFormation does not tell; the "
    "name at its end is exact.",
    Resource.NEW_RULE: "A rule has no id before it is made; only CreateRule may tag, on this listener.",
    Resource.OWN_METRICS: "PutMetricData knows no resource: a condition holds it to the deployer's own "
    "namespace.",
    Resource.PAGE_RULE: "A rule's id is not known beforehand; the tags say which is the page.",
    Resource.SECRETS: "A secret's ARN ends in six letters that Secrets Manager chooses; its name is exact.",
    Resource.REPORTS: "One page for each deployment, all of them below this prefix, the environment's own.",
    Resource.RULE: "A rule's id is not known beforehand; the tags say which are the deployer's.",
    Resource.STACKS: "A stack's ARN ends in an id that is new each time it is made; its name is exact.",
}


class Place(NamedTuple):
    """Where one kind of resource is: its ARNs, and IAM conditions that narrow them further."""

    arns: Sequence[str]
    condition: Mapping[str, Mapping[str, Any]] = {}


def actions(on: Resource, needs: Iterable[Need] = NEEDS) -> tuple[str, ...]:
    """The actions needed on one kind of resource, sorted."""
    return tuple(sorted(need.action for need in needs if need.on is on))


def statements(
    places: Mapping[Resource, Place], needs: Iterable[Need] = NEEDS
) -> list[dict[str, Any]]:
    """IAM statements that allow the needs on these places, one for each kind of resource.

    A kind whose place has no ARN (no hook is a function, say) is left out.
    """
    return [
        {
            "Sid": on.name.replace("_", " ").title().replace(" ", ""),
            "Effect": "Allow",
            "Action": list(actions(on, needs)),
            "Resource": list(place.arns),
            **({"Condition": place.condition} if place.condition else {}),
        }
        for on, place in places.items()
        if place.arns and actions(on, needs)
    ]

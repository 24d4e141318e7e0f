"""What an adapter needs to be allowed: an IAM action on a kind of resource. Pure data."""

from enum import StrEnum
from typing import NamedTuple


class Resource(StrEnum):
    """What an action is granted on; `ANY`: the action knows no finer resource.

    A test holds that against AWS's own list (tests/synth/test_least_privilege.py).
    """

    ANY = "*"
    TOPOLOGY = "topology parameter"
    LISTENER = "production listener"
    RULE = "the deployer's rules"
    COHORT_RULE = "a user group's rule"
    PAGE_RULE = "the page of a sleeping environment"
    NEW_RULE = "a rule while it is made"
    ALARMS = "alarms"
    OWN_METRICS = "metrics of the deployer's own namespace"
    GROUP = "Auto Scaling groups"
    TEMPLATE = "launch templates"
    JOURNAL = "journal table"
    ARTIFACTS = "artifacts in the bucket"
    BUCKET = "artifact bucket"
    REPORTS = "reports of deployments"
    STACKS = "the environment's stacks"
    FUNCTION = "hook functions"
    DETACHED = "state machine of detached deployments"
    FLEETS = "the service's book of fleets"
    MEMBERS = "functions beside the environments of a fleet"
    FLEET = "the published identifiers of a service's fleet"
    MACHINE = "the fleet's state machine"
    TOPIC = "topic for reports"
    TOPICS = "further topics that are told"
    BUS = "event buses that are told"
    SECRETS = "secrets that channels need"
    PARAMETERS = "parameters that hold what channels need"
    SWEEPS = "the sweeps' table"
    REMINDER = "one-shot schedules of the sweeps' group"
    SCHEDULE_ROLE = "role of the sweeps' schedules"


class Need(NamedTuple):
    """`action` as IAM spells it: `elasticloadbalancing:ModifyRule`."""

    action: str
    on: Resource

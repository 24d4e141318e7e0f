"""Names that the stacks write and the CLI reads: each is spelled here and nowhere else."""

import hashlib
from enum import StrEnum
from typing import Final

# Instance tags, written into each slot's launch-template version by the deployer and read by the
# bootstrap script through instance metadata (which allows `:` but no `/` in a key).
RELEASE_TAG: Final = "deployer:release"
ARTIFACT_TAG: Final = "deployer:artifact"

# Output of the control stack: ARN of the role that the deployer runs under.
DEPLOYER_ROLE_OUTPUT: Final = "DeployerRole"

# Tags on the stacks' resources.
SERVICE_TAG: Final = "deployer:service"
ENVIRONMENT_TAG: Final = "deployer:environment"
SLOT_TAG: Final = "deployer:slot"
# Only what carries this may be torn down by a schedule; a moment as deployer.toml writes it.
CLASS_TAG: Final = "deployer:env-class"
EPHEMERAL: Final = "ephemeral"
EXPIRES_TAG: Final = "deployer:expires-at"

# Request header that pins a request on the test listener to a slot; value `blue` or `green`.
# The two rules behind it also keep both target groups referenced, hence health-checked, for ever
# (aws-facts 1.2: a target group that no rule references is never checked).
SLOT_HEADER: Final = "X-Deployer-Slot"

LONGEST_TARGET_GROUP_NAME: Final = 32
LONGEST_FUNCTION_NAME: Final = 64

# Response header in which an application may name the release that answered.
RELEASE_HEADER: Final = "X-Release"

# The production rule: made and kept by the deployer, unknown to CloudFormation. The listener's
# own default action stays a fixed 503. Priority is low (a high number), so that a team's own
# rules win.
PRODUCTION_RULE_PRIORITY: Final = 49_000
PRODUCTION_RULE_PATH: Final = "/*"

# The rule of a user group that sees a release before anybody else: it comes before the production
# rule, and is made and deleted by the deployer. No rule of others may have this priority.
COHORT_RULE_PRIORITY: Final = 48_000
COHORT_TAG: Final = "deployer:cohort"

# The rule that answers everybody while the environment sleeps: before both others, made and deleted
# by the deployer. No rule of others may have this priority either.
PAGE_RULE_PRIORITY: Final = 47_000
PAGE_TAG: Final = "deployer:page"
PAGE: Final = "asleep"

# Launch-template versions whose description starts with this were made by the deployer, all
# others by the stack.
VERSION_MARK: Final = "deployer:"


# Metrics that the deployer publishes, by {Service, Environment}; the weight also by Slot.
METRICS_NAMESPACE: Final = "Deployer"
WEIGHT_METRIC: Final = "Weight"


class Mark(StrEnum):
    """What becomes of a deployment: the names of the metrics that are 1 in its minute."""

    BEGUN = "Begun"
    PROMOTED = "Promoted"
    ROLLED_BACK = "RolledBack"
    HALTED = "Halted"


def metric_dimensions(service: str, environment: str, slot: str | None = None) -> dict[str, str]:
    """Dimensions of a metric that the deployer publishes."""
    where = {"Service": service, "Environment": environment}
    return where if slot is None else {**where, "Slot": slot}


def alarm_name(service: str, environment: str, *parts: str) -> str:
    """Name of an alarm, for people and for [analysis] alarms: `shop-prod-blue-errors`."""
    return "-".join((service, environment, *parts)).lower()


def target_group_name(service: str, environment: str, slot: str) -> str:
    """Name of a slot's target group: 32 characters at most, so that a long one ends in a digest."""
    whole = f"{service}-{environment}-{slot}"
    if len(whole) <= LONGEST_TARGET_GROUP_NAME:
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
    kept = LONGEST_TARGET_GROUP_NAME - len(digest) - len(slot) - 2
    return f"{whole[:kept].rstrip('-')}-{digest}-{slot}"


def topology_parameter(service: str, environment: str) -> str:
    """SSM parameter in which the service stack publishes what the CLI must know (JSON)."""
    return f"/deployer/{service}/{environment}/topology"


# The stacks of an environment that a deployment must not meet in mid-update.
PARTS: Final = ("network", "service", "control")


def output_log(service: str, environment: str) -> str:
    """Log group of what the application writes, where the CloudWatch agent runs."""
    return f"/deployer/{service}/{environment}/output"


def function_log(service: str, environment: str, function: str) -> str:
    """Log group of a function in the cloud; `function`: its module in deployer.functions."""
    return f"/deployer/{service}/{environment}/{function}"


# Variable that names the topic to which halted deployments are reported (its ARN).
REPORTS_VARIABLE: Final = "DEPLOYER_REPORTS"
# Variable in which a pipeline's build finds the execution that it is part of.
EXECUTION_VARIABLE: Final = "DEPLOYER_PIPELINE_EXECUTION"


def stack_name(service: str, environment: str, part: str) -> str:
    """Name of a CloudFormation stack; `part` is `network`, `service`, `control`, ..."""
    return f"{service}-{environment}-{part}"


def machine_name(service: str, environment: str) -> str:
    """Name of the state machine that carries an environment's detached deployments."""
    return function_name(service, environment, "deployments")


def sweep_parameter(service: str) -> str:
    """SSM parameter in which the teardown stack publishes what sweeps must know (JSON)."""
    return f"/deployer/{service}/sweep"


def sweep_stack_name(service: str, region: str) -> str:
    """Name of the stack that tears down idle environments, one for each Region."""
    return f"{service}-{region}-teardown"


def fleet_parameter(service: str) -> str:
    """SSM parameter in which the fleet's stack publishes what the CLI must know (JSON)."""
    return f"/deployer/{service}/fleet"


def fleet_stack_name(service: str) -> str:
    """Name of the stack that carries a service's fleets; no environment's begins so and ends there."""
    return f"{service}-fleet"


def fleet_machine_name(service: str) -> str:
    """Name of the state machine that carries a service's fleets."""
    return function_name(service, "fleet")


def fleet_visit_log(service: str) -> str:
    """Log group of the function that visits them."""
    return f"/deployer/{service}/fleet/visit"


def member_function(service: str, environment: str) -> str:
    """Name of the function that answers for an environment in a fleet."""
    return function_name(service, environment, "member")


def function_name(service: str, *rest: str) -> str:
    """Name of a function: 64 characters at most, so that a long one ends in a digest."""
    whole = "-".join((service, *rest))
    if len(whole) <= LONGEST_FUNCTION_NAME:
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
    return f"{whole[: LONGEST_FUNCTION_NAME - 9].rstrip('-')}-{digest}"


def pipeline_stack_name(service: str) -> str:
    """Name of the stack of a service's pipeline, which leads through several environments."""
    return f"{service}-pipeline"

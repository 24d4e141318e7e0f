"""Everything that can go wrong, as one tree; each class knows its exit status.

DeployError                     1  unexpected
├── UsageError                  2  the caller can mend it; nothing was changed
│   ├── SettingsInvalid            deployer.toml: names the key, the value, what is allowed
│   ├── PlanInvalid                the request makes no plan (weights not rising, ...)
│   ├── NotFound                   release, environment, stack or deployment does not exist
│   ├── NotPossibleNow             the command makes no sense in this state; says what does
│   └── AccessProblem              no credentials, wrong region, permission missing
│       └── NoCredentials          there are none, they have expired, or AWS does not know them
├── StepFailed                  3  the deployment cannot go on and goes back
│   ├── ProbeFailed                smoke requests to the candidate failed
│   ├── VerdictFailed              analysis judged the candidate bad
│   ├── CandidateUnhealthy         its instances failed to start, or stopped being healthy
│   ├── DeadlineExpired            the goal was not reached in time
│   ├── ChangeRefused              AWS refused a change for good
│   ├── HookFailed                 a hook of the service's owners failed
│   └── Aborted                    a person said so
├── Halted                      4  no safe move is left; names the next command
│   ├── WeightsMoved               somebody else moved traffic
│   └── UnsafeAction               the change would leave users without capacity
├── Locked                      5  another deployment runs in this environment
│   └── LeaseLost                  another runner took this deployment over
└── CloudUnavailable            1  throttled, timed out or failing: worth another try
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class DeployError(Exception):
    """A sentence for a person: what happened, where, and what to do next."""

    exit_code: ClassVar[int] = 1


class UsageError(DeployError):
    """The caller can mend it; nothing was changed."""

    exit_code = 2


class SettingsInvalid(UsageError):
    """deployer.toml is wrong: key, value, and what is allowed."""


class PlanInvalid(UsageError):
    """The request makes no plan."""


class NotFound(UsageError):
    """A release, environment, stack or deployment does not exist."""


class NotPossibleNow(UsageError):
    """The command makes no sense in this state."""


class AccessProblem(UsageError):
    """No credentials, wrong region, or a missing permission."""


class NoCredentials(AccessProblem):
    """There are no credentials, they have expired, or AWS does not know them: nobody may act."""


class StepFailed(DeployError):
    """The deployment cannot go on and goes back; `evidence`: the numbers behind it, if any."""

    exit_code = 3

    def __init__(self, words: str = "", evidence: Mapping[str, Any] | None = None) -> None:
        super().__init__(words)
        self.evidence = evidence or {}


class ProbeFailed(StepFailed):
    """Smoke requests to the candidate failed."""


class VerdictFailed(StepFailed):
    """Analysis judged the candidate bad."""


class CandidateUnhealthy(StepFailed):
    """Instances failed to start, or stopped being healthy."""


class DeadlineExpired(StepFailed):
    """A step's goal was not reached in time."""


class ChangeRefused(StepFailed):
    """AWS refused a change, and repeating it would not help."""


class HookFailed(StepFailed):
    """A hook failed, or did not end in time."""


class Aborted(StepFailed):
    """A person asked for the way back."""


class Halted(DeployError):
    """No safe move is left; a person must look."""

    exit_code = 4


class WeightsMoved(Halted):
    """The live weights are not those that this deployment wrote."""


class UnsafeAction(Halted):
    """The change would leave users without capacity."""


class Locked(DeployError):
    """Another deployment holds the environment."""

    exit_code = 5


class LeaseLost(Locked):
    """Another runner took this deployment over."""


class CloudUnavailable(DeployError):
    """AWS throttled, timed out or failed: worth another try until the step's deadline."""

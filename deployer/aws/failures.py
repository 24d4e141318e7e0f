"""botocore's errors become ours: by type and code, in one line for a person.

Throttling, 5xx and lost connections are worth another try (aws-facts 4.2); credentials and
permissions are the caller's to mend; what AWS refuses for good ends the change.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError

from deployer.errors import (
    AccessProblem,
    ChangeRefused,
    CloudUnavailable,
    DeployError,
    NoCredentials,
    NotFound,
)

# Refusals for being asked too often, by their code (aws-facts 4.2, 4.1).
THROTTLED = frozenset(
    {
        "EC2ThrottledException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
# Refusals that pass by themselves, beyond HTTP 429 and 5xx.
PASSING = THROTTLED | {
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestTimeout",
    "RequestTimeoutException",
    "ResourceContention",
    "ScalingActivityInProgress",
    "TransactionConflictException",
    "TransactionInProgressException",
}
FORBIDDEN = frozenset(
    {
        "403",
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "Forbidden",
        "UnauthorizedOperation",
    }
)
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
# S3's answer to HEAD has no words: of an expired token only the status is left, as the code.
BAD_HEAD = "400"
UNKNOWN_CALLER = frozenset(
    {
        "AuthFailure",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_NO_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.TokenRetrievalError,
    boto.SSOError,
    boto.NoAuthTokenError,
    boto.ProfileNotFound,
)
_UNREACHED = (boto.HTTPClientError, boto.ConnectionError, boto.IncompleteReadError)


@contextmanager
def asking(action: str, subject: str) -> Iterator[None]:
    """Around a call whose refusal is no failed step: every read, and the journal's writes.

    `action` as IAM spells it, `subject` is what it is asked of.

    Raises:
        CloudUnavailable, AccessProblem, NotFound; DeployError for any other refusal.
    """
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise of(error, action, subject, changes=False) from error
    except Exception as error:
        raise_if_garbled(error, action, subject)
        raise


@contextmanager
def changing(action: str, subject: str) -> Iterator[None]:
    """Around a call that changes the environment.

    Raises:
        CloudUnavailable: no answer; the change may or may not have taken effect.
        AccessProblem, ChangeRefused: nothing was changed.
    """
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise of(error, action, subject, changes=True) from error
    except Exception as error:
        raise_if_garbled(error, action, subject)
        raise


def raise_if_garbled(error: Exception, action: str, subject: str) -> None:
    """An answer that is none of AWS's, such as a proxy's page: the call may have taken effect.

    Raises:
        CloudUnavailable: it is that; botocore's class for it is no BotoCoreError.
    """
    from botocore.parsers import ResponseParserError  # noqa: PLC0415  0.2 s, loaded if it is raised

    if isinstance(error, ResponseParserError):
        raise CloudUnavailable(
            f"{action} on {subject}: the answer cannot be read (a proxy's?): {_line(error)}"
        ) from error


def code_of(error: DeployError) -> str:
    """AWS's code behind an error that one of the two above has translated; empty if it had none."""
    original = error.__cause__
    return original.response["Error"]["Code"] if isinstance(original, ClientError) else ""


def reasons_of(error: DeployError) -> frozenset[str]:
    """The codes for which the items of a DynamoDB transaction were refused."""
    original = error.__cause__
    if not isinstance(original, ClientError):
        return frozenset()
    reasons = cast("dict[str, Any]", original.response).get("CancellationReasons", ())
    return frozenset(reason.get("Code", "None") for reason in reasons) - {"None"}


def of(
    error: BotoCoreError | ClientError, action: str, subject: str, *, changes: bool
) -> DeployError:
    """The error of ours that says the same."""
    if isinstance(error, ClientError):
        return _of_answer(error, action, subject, changes=changes)
    if isinstance(error, _NO_CREDENTIALS):
        return NoCredentials(
            f"no usable AWS credentials ({_line(error)}): set AWS_PROFILE or AWS_ACCESS_KEY_ID, "
            'or run `aws configure`; for the lab: eval "$(deployer lab env)"'
        )
    if isinstance(error, boto.NoRegionError | boto.InvalidRegionError):
        return AccessProblem(
            f"no usable AWS Region ({_line(error)}): set `region` of the environment in "
            "deployer.toml"
        )
    if isinstance(error, boto.EndpointConnectionError):
        return CloudUnavailable(f"{action}: {_unreachable(str(error.kwargs.get('endpoint_url')))}")
    if isinstance(error, _UNREACHED):
        return CloudUnavailable(f"{action} on {subject} got no answer: {_line(error)}")
    return (ChangeRefused if changes else DeployError)(f"{action} on {subject}: {_line(error)}")


def _of_answer(error: ClientError, action: str, subject: str, *, changes: bool) -> DeployError:
    code = error.response["Error"]["Code"]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    said = _line(error.response["Error"].get("Message") or code)
    if code in PASSING or status >= 500 or status == 429:
        return CloudUnavailable(f"{action} on {subject}: {code}: {said}")
    about_caller = _of_caller(code, action, subject, said)
    if about_caller is not None:
        return about_caller
    if changes:
        return ChangeRefused(f"{action} on {subject} was refused: {code}: {said}")
    kind = NotFound if "NotFound" in code or code.startswith("NoSuch") else DeployError
    return kind(f"{action} on {subject}: {code}: {said}")


def _of_caller(code: str, action: str, subject: str, said: str) -> AccessProblem | None:
    """A refusal that has its reason in who asks."""
    if code in FORBIDDEN:
        return AccessProblem(
            f"{action} is not allowed on {subject} ({said}): allow it to the role that runs deployer"
        )
    if code in EXPIRED:
        return NoCredentials(
            f"the AWS credentials have expired ({action}): renew them, then run the command again "
            "(`deployer resume` if a deployment was running)"
        )
    if code == BAD_HEAD:
        return NoCredentials(
            f"AWS does not accept the credentials ({action} on {subject}; it does not say why, they "
            "may have expired): renew them, then run the command again"
        )
    if code in UNKNOWN_CALLER:
        return NoCredentials(
            f"AWS does not accept the credentials ({action}: {said}): check AWS_PROFILE and the "
            "keys, and that the Region is enabled in the account"
        )
    return None


def _unreachable(url: str) -> str:
    """What to look at depends on whose endpoint it is: a lab has another port each time."""
    if "amazonaws.com" in url:
        look = "is the environment's `region` in deployer.toml right, is there a network?"
    else:
        look = (
            "AWS_ENDPOINT_URL leads there and not to AWS; if it was a lab's, run "
            '`deployer lab up --detach` and eval "$(deployer lab env)"'
        )
    return f"{url} cannot be reached: {look}"


def _line(error: object) -> str:
    """AWS's words in one line of bearable length (EC2 adds an encoded essay)."""
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else text[:297] + "..."

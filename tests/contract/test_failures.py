"""Each error of botocore's, as a person and the engine meet it."""

from typing import Any

import botocore.exceptions as boto
import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from deployer.aws.failures import asking, changing, code_of, reasons_of
from deployer.errors import (
    AccessProblem,
    ChangeRefused,
    CloudUnavailable,
    DeployError,
    NoCredentials,
    NotFound,
)

ACTION, SUBJECT = "elasticloadbalancing:ModifyRule", "the rule"
URL = "https://elasticloadbalancing.us-east-9.amazonaws.com"


def refused(code: str, status: int = 400, message: str = "so says AWS") -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "ModifyRule")


def told(error: Exception, *, changes: bool) -> DeployError:
    with pytest.raises(DeployError) as caught, (changing if changes else asking)(ACTION, SUBJECT):
        raise error
    assert caught.value.__cause__ is error
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("changes", [True, False])
@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (refused("Throttling"), CloudUnavailable, "Throttling"),
        (refused("ThrottlingException"), CloudUnavailable, ACTION),
        (refused("RequestLimitExceeded", 503), CloudUnavailable, "so says AWS"),
        (refused("SomethingNew", 500), CloudUnavailable, "SomethingNew"),
        (refused("SomethingNew", 429), CloudUnavailable, "SomethingNew"),
        (refused("ScalingActivityInProgress"), CloudUnavailable, "ScalingActivityInProgress"),
        (refused("ResourceContention", 500), CloudUnavailable, "ResourceContention"),
        (refused("TransactionConflictException"), CloudUnavailable, "Conflict"),
        (refused("AccessDenied", 403), AccessProblem, f"{ACTION} is not allowed on {SUBJECT}"),
        (refused("AccessDeniedException"), AccessProblem, "allow it to the role"),
        (refused("UnauthorizedOperation", 403), AccessProblem, ACTION),
        (refused("403", 403), AccessProblem, ACTION),
        (refused("ExpiredToken", 403), NoCredentials, "expired"),
        (refused("ExpiredTokenException"), NoCredentials, "renew them"),
        (refused("400", 400, "Bad Request"), NoCredentials, "they may have expired"),
        (refused("InvalidClientTokenId", 403), NoCredentials, "does not accept the credentials"),
        (refused("UnrecognizedClientException"), NoCredentials, "the Region is enabled"),
        (refused("SignatureDoesNotMatch", 403), NoCredentials, "check AWS_PROFILE"),
        (boto.NoCredentialsError(), NoCredentials, "no usable AWS credentials"),
        (
            boto.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
            NoCredentials,
            "AWS_SECRET_ACCESS_KEY",
        ),
        (boto.ProfileNotFound(profile="nope"), NoCredentials, "nope"),
        (boto.TokenRetrievalError(provider="sso", error_msg="gone"), NoCredentials, "gone"),
        (boto.UnauthorizedSSOTokenError(), NoCredentials, "SSO"),
        (boto.NoRegionError(), AccessProblem, "`region`"),
        (boto.EndpointConnectionError(endpoint_url=URL), CloudUnavailable, URL),
        (boto.ConnectTimeoutError(endpoint_url=URL), CloudUnavailable, "no answer"),
        (boto.ReadTimeoutError(endpoint_url=URL), CloudUnavailable, "no answer"),
        (boto.ConnectionClosedError(endpoint_url=URL), CloudUnavailable, "no answer"),
        (boto.SSLError(endpoint_url=URL, error=OSError("bad")), CloudUnavailable, "bad"),
        (boto.IncompleteReadError(actual_bytes=1, expected_bytes=2), CloudUnavailable, "1"),
    ],
)
def test_the_same_for_reads_and_changes(
    error: Exception, kind: type[DeployError], says: str, changes: bool
) -> None:
    found = told(error, changes=changes)
    assert type(found) is kind
    assert says in str(found)


@pytest.mark.parametrize(
    ("url", "look"),
    [
        ("https://ssm.us-east-9.amazonaws.com/", "`region` in deployer.toml"),
        ("https://ssm.cn-north-9.amazonaws.com.cn/", "`region` in deployer.toml"),
        ("http://localhost:45465/", "AWS_ENDPOINT_URL leads there"),
    ],
)
def test_an_endpoint_that_cannot_be_reached_says_where_to_look(url: str, look: str) -> None:
    error = boto.EndpointConnectionError(endpoint_url=url)
    assert look in str(told(error, changes=False))


@pytest.mark.parametrize(
    ("code", "reading", "change"),
    [
        ("ListenerNotFound", NotFound, ChangeRefused),
        ("ResourceNotFoundException", NotFound, ChangeRefused),
        ("NoSuchBucket", NotFound, ChangeRefused),
        ("ValidationError", DeployError, ChangeRefused),
        ("NotImplemented", DeployError, ChangeRefused),
    ],
)
def test_other_refusals_differ(
    code: str, reading: type[DeployError], change: type[DeployError]
) -> None:
    assert type(told(refused(code), changes=False)) is reading
    found = told(refused(code), changes=True)
    assert type(found) is change
    assert "so says AWS" in str(found)


def test_a_parameter_that_botocore_refuses_is_no_outage() -> None:
    error = boto.ParamValidationError(report="Invalid length")
    assert type(told(error, changes=True)) is ChangeRefused
    assert type(told(error, changes=False)) is DeployError


def test_long_and_broken_messages_become_one_bearable_line() -> None:
    found = told(refused("UnauthorizedOperation", 403, "no\nway " + "x" * 5000), changes=True)
    assert len(str(found)) < 500
    assert "no way" in str(found)


def test_an_answer_without_a_message_shows_the_code() -> None:
    found = told(refused("Odd", 400, ""), changes=True)
    assert "Odd: Odd" in str(found)


def test_other_errors_pass_untouched() -> None:
    with pytest.raises(ZeroDivisionError), asking(ACTION, SUBJECT):
        raise ZeroDivisionError


def test_codes_and_reasons_can_be_asked_for() -> None:
    response: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": ""},
        "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}],
    }
    found = told(ClientError(response, "TransactWriteItems"), changes=False)
    assert code_of(found) == "TransactionCanceledException"
    assert reasons_of(found) == {"TransactionConflict"}
    assert code_of(DeployError()) == ""
    assert reasons_of(told(boto.NoRegionError(), changes=False)) == frozenset()


@pytest.mark.parametrize("changes", [True, False])
def test_an_answer_that_is_not_of_aws_is_worth_another_try(*, changes: bool) -> None:
    """Even for a change: it may have taken effect, so it was not refused."""
    error = told(ResponseParserError("invalid XML received:\n<html>"), changes=changes)
    assert isinstance(error, CloudUnavailable)
    assert f"{ACTION} on {SUBJECT}: the answer cannot be read" in str(error)


@pytest.mark.parametrize("around", [asking, changing])
def test_a_mistake_of_ours_is_not_dressed_up(around: Any) -> None:
    with pytest.raises(ZeroDivisionError), around("elbv2:ModifyRule", "the rule"):
        raise ZeroDivisionError

"""Lambda functions, through botocore and a stub of the service."""

import base64
import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from deployer.aws import hook_runs
from deployer.aws.hooks import BackgroundHooks
from deployer.aws.session import Aws
from deployer.hooks import HookAction, HookReport
from tests.hooks.runs import KEY, ended, hook

ACTION = HookAction(function="smoke-test")


class StubbedAws:
    """An Aws whose client of Lambda is stubbed."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.patience: list[float] = []

    def functions(self, patience_s: float) -> Any:
        self.patience.append(patience_s)
        return self.client


@pytest.fixture
def client() -> Any:
    return boto3.session.Session("key", "secret", region_name="us-east-1").client(
        "lambda", config=Config(retries={"total_max_attempts": 1})
    )


@pytest.fixture
def stub(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture
def functions(client: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[BackgroundHooks]:
    monkeypatch.setattr(hook_runs, "THROTTLED_S", 0.01)
    made = BackgroundHooks(StubbedAws(client), "shop", "prod")  # type: ignore[arg-type]
    yield made
    made.close()


def answer(payload: bytes, log: bytes = b"", **more: str) -> dict[str, Any]:
    return {
        "StatusCode": 200,
        "Payload": StreamingBody(io.BytesIO(payload), len(payload)),
        "LogResult": base64.b64encode(log).decode(),
        **more,
    }


def test_an_answer_without_an_error_is_success(functions: BackgroundHooks, stub: Stubber) -> None:
    stub.add_response("invoke", answer(b'"fine"', b"START\nEND\n"), {
        "FunctionName": "smoke-test", "InvocationType": "RequestResponse", "LogType": "Tail",
        "Payload": json.dumps({
            "service": "shop", "environment": "prod", "deployment": "20270115-080017-6489",
            "release": "v2", "previous": "v1", "slot": "green", "hook": "before_traffic",
            "key": KEY,
        }).encode(),
    })  # fmt: skip
    functions.begin(hook(ACTION))
    assert ended(functions) == HookReport("succeeded", "", 'START\nEND\n"fine"')


def test_a_function_error_is_a_failure(functions: BackgroundHooks, stub: Stubber) -> None:
    payload = b'{"errorMessage": "no orders", "errorType": "AssertionError"}'
    stub.add_response("invoke", answer(payload, FunctionError="Unhandled"))
    functions.begin(hook(ACTION))
    assert ended(functions) == HookReport(
        "failed", "the function failed (Unhandled)", payload.decode()
    )


@pytest.mark.parametrize(
    ("code", "status", "says"),
    [
        ("ResourceNotFoundException", 404, "lambda:InvokeFunction on smoke-test was refused"),
        ("AccessDeniedException", 403, "lambda:InvokeFunction is not allowed on smoke-test"),
        ("ExpiredTokenException", 403, "the AWS credentials have expired"),
        ("InvalidParameterValueException", 400, "lambda:InvokeFunction on smoke-test was refused"),
    ],
)
def test_a_refusal_is_a_failure(
    functions: BackgroundHooks, stub: Stubber, code: str, status: int, says: str
) -> None:
    stub.add_client_error("invoke", code, "no", status)
    functions.begin(hook(ACTION))
    report = ended(functions)
    assert report.state == "failed"
    assert report.reason.startswith(says)


def test_throttling_is_waited_for(functions: BackgroundHooks, stub: Stubber) -> None:
    for code, status in [("TooManyRequestsException", 429), ("ServiceException", 500)]:
        stub.add_client_error("invoke", code, "later", status)
    stub.add_response("invoke", answer(b"1"))
    functions.begin(hook(ACTION))
    assert ended(functions).state == "succeeded"


def test_throttling_until_the_deadline_is_a_failure(
    functions: BackgroundHooks, stub: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook_runs, "THROTTLED_S", 600.0)  # longer than there is time
    stub.add_client_error("invoke", "TooManyRequestsException", "later", 429)
    functions.begin(hook(ACTION))
    report = ended(functions)
    assert report.reason.startswith("killed at its deadline: lambda:InvokeFunction")


def test_a_lost_answer_is_a_failure_and_not_repeated(
    functions: BackgroundHooks, client: Any
) -> None:
    asked = []

    def lose(**_: object) -> None:
        asked.append(1)
        raise ReadTimeoutError(endpoint_url="https://lambda")

    client.meta.events.register("before-send.lambda.Invoke", lose)
    functions.begin(hook(ACTION))
    assert ended(functions).reason.startswith("lambda:InvokeFunction on smoke-test got no answer")
    assert asked == [1]


def test_ending_stops_the_wait(
    functions: BackgroundHooks, stub: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook_runs, "THROTTLED_S", 600.0)
    stub.add_client_error("invoke", "TooManyRequestsException", "later", 429)
    functions.begin(hook(ACTION, limit_s=6000.0))
    functions.end()
    assert ended(functions).reason == "ended before it had finished"


def test_the_client_waits_for_the_deadline_and_asks_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    config = Aws("us-east-1").functions(300.0).meta.config
    assert config.read_timeout == 300.0
    assert config.retries["total_max_attempts"] == 1
    assert config.connect_timeout == 3


def test_what_no_client_can_be_made_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    hooks = BackgroundHooks(Aws("us-east-1"), "shop", "prod")
    hooks.begin(hook(ACTION))
    assert "no-such-profile" in ended(hooks).reason
    hooks.close()

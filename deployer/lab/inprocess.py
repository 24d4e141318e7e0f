"""boto3 clients for the lab's own parts: requests run in the caller's thread, without a socket.

Never over TCP: a part may hold the lab's lock, and the server's thread would wait for it for ever.
"""

from collections.abc import Mapping
from functools import lru_cache
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from werkzeug.test import EnvironBuilder

from deployer.lab import actions
from deployer.lab.context import Context
from deployer.lab.gate import INSIDE, Gate

_CONFIG = Config(
    retries={"max_attempts": 0},
    parameter_validation=True,
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
    s3={"addressing_style": "path"},
)


class _Raw(BytesIO):
    """What botocore reads a body from."""

    def stream(self, **_options: object) -> list[bytes]:
        return [self.read()]


@lru_cache(maxsize=1)
def _session() -> Any:
    return boto3.session.Session(
        aws_access_key_id="lab",
        aws_secret_access_key="lab",  # noqa: S106  no secret: the lab checks no signature
        region_name="us-east-1",
    )


def client(context: Context, service: str) -> Any:
    """A boto3 client of `context`'s lab; cheap to call again for the same service.

    Raises:
        RuntimeError: `context` is not the one that `actions.install` was given last.
    """
    return _client(actions.gate(context), service)


def client_of(context: Context, service: str, key: str, secret: str, token: str) -> Any:
    """The same with other credentials than the administrator's; a new one each time."""
    credentials = {
        "aws_access_key_id": key,
        "aws_secret_access_key": secret,
        "aws_session_token": token,
    }
    return _made(actions.gate(context), service, credentials)


@lru_cache(maxsize=64)
def _client(gate: Gate, service: str) -> Any:
    return _made(gate, service, {})


def _made(gate: Gate, service: str, credentials: Mapping[str, str]) -> Any:
    made = _session().client(
        service,
        region_name=gate.context.region,
        endpoint_url=gate.context.endpoint,
        config=_CONFIG,
        **credentials,
    )

    def send(request: Any, **_options: object) -> AWSResponse:
        answer = gate.answer(_environ(request))
        headers: Any = dict(answer.headers)
        return AWSResponse(request.url, answer.status, headers, _Raw(answer.body))

    made.meta.events.register("before-send", send)
    return made


def _environ(request: Any) -> dict[str, Any]:
    parts = urlsplit(request.url)
    body = request.body or b""
    if hasattr(body, "read"):
        body = body.read()
    headers = [
        (name, value.decode() if isinstance(value, bytes) else str(value))
        for name, value in request.headers.items()
    ]
    made = EnvironBuilder(
        method=request.method,
        path=parts.path,
        base_url=f"{parts.scheme}://{parts.netloc}",
        query_string=parts.query,
        headers=headers,
        data=body.encode() if isinstance(body, str) else bytes(body),
    ).get_environ()
    return {**made, "RAW_URI": request.url, INSIDE: True}

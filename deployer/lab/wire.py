"""AWS's wire formats, both ways, from botocore's own service models through moto's codecs.

A request is identified (service, action, region), its parameters parsed; a result or an error is
serialized. Protocols: query, ec2, json, rest-json, rest-xml. Another one is refused by name.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from botocore.parsers import create_parser
from botocore.utils import parse_timestamp
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request
from moto.core.routing import NotFound, get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model

# Names in SigV4 scopes that are not boto3's name of the service.
SIGNED_AS = {
    "monitoring": "cloudwatch",
    "elasticloadbalancing": "elbv2",
    "states": "stepfunctions",
    "tagging": "resourcegroupstaggingapi",
}
CLASSIC_ELB = "2012-06-01"


class Refused(Exception):
    """An AWS error: `code` and `message` as the service would answer, `status` over HTTP."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code, message, status)
        self.code, self.message, self.status = code, message, status

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response, whole."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is for: boto3's service name, the API action (may be empty), the region."""

    service: str
    action: str
    region: str


def identify(request: Any, default_region: str) -> Target:
    """Read service and region from the signature, the action as the protocol says it."""
    scope = _scope(request)
    service = SIGNED_AS.get(scope[1], scope[1]) if scope else _unsigned(request)
    region = scope[0] if scope else default_region
    if service == "elbv2" and request.values.get("Version") == CLASSIC_ELB:
        service = "elb"
    return Target(service, _action(request, service), region)


def _scope(request: Any) -> tuple[str, str] | None:
    """(region, signing name) from the Authorization header or a presigned URL."""
    parts = _signer(request).split("/")
    return (parts[-3], parts[-2]) if len(parts) >= 5 else None


def _signer(request: Any) -> str:
    """`KEY/DATE/REGION/SERVICE/aws4_request`; "" for an unsigned request."""
    text = request.headers.get("Authorization", "")
    if "Credential=" in text:
        return str(text.split("Credential=", 1)[1].split(",", 1)[0])
    return str(request.args.get("X-Amz-Credential", ""))


def credential(request: Any) -> tuple[str, str]:
    """(access key, session token) with which a request is signed; "" for what it does not have."""
    token = request.headers.get("X-Amz-Security-Token") or request.args.get("X-Amz-Security-Token")
    return _signer(request).split("/")[0], str(token or "")


def _unsigned(request: Any) -> str:
    """Unsigned calls are those of STS's federation, or plain HTTP on a bucket."""
    return "sts" if request.values.get("Action", "").startswith("AssumeRoleWith") else "s3"


def _action(request: Any, service: str) -> str:
    target = request.headers.get("X-Amz-Target")
    if target:
        return str(target).rsplit(".", 1)[-1]
    if request.values.get("Action"):
        return str(request.values["Action"])
    return _routed(request, service)[0]


def _routed(request: Any, service: str) -> tuple[str, dict[str, Any]]:
    """(action, URI parameters) of a REST request; an action of "" if the model has no such path."""
    try:
        operation, parameters = get_service_router(service).match(request)
    except (NotFound, NotImplementedError, LookupError, ValueError):
        return "", {}
    return str(operation.name), dict(parameters)


@cache
def operation(service: str, action: str) -> Any:
    """The action's model from botocore of the action, in moto's subclass; None if there is no such thing."""
    try:
        return get_service_model(service).operation_model(action)
    except Exception:  # noqa: BLE001  botocore and its loader each have errors of their own here
        return None


def protocol(request: Any, service: str) -> str:
    """The wire protocol that this request speaks.

    Raises:
        Refused: one that is not spoken here (CBOR).
    """
    declared = str(get_service_model(service).metadata.get("protocol", ""))
    kind = (request.content_type or "").split(";")[0]
    if "cbor" in kind or request.headers.get("Smithy-Protocol"):
        raise Refused("NotImplemented", f"the lab does not speak the CBOR protocol ({service})")
    if declared not in PROTOCOL_PARSERS:  # several: the content type tells which
        return "json" if "x-amz-json" in kind else "query"
    return declared


def parameters(request: Any, target: Target) -> dict[str, Any]:
    """The action's parameters, as boto3 takes them (timestamps aware, blobs as bytes)."""
    parser = PROTOCOL_PARSERS[protocol(request, target.service)](
        operation(target.service, target.action), timestamp_parser=_moment
    )
    parsed = parser.parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": request.get_data(),
            "url_path": request.path,
            "url_params": _routed(request, target.service)[1],
        }
    )
    return dict(parsed or {})


def _moment(value: Any) -> datetime:
    return parse_timestamp(value).astimezone(UTC)


def result(request: Any, target: Target, value: Mapping[str, Any] | None) -> Answer:
    """Serialize what an action returned.

    Raises:
        ValueError: a key that the action's output does not have (it would vanish silently).
    """
    model = operation(target.service, target.action)
    if model.output_shape is not None:
        check(value or {}, model.output_shape, target.action)
    serializer = get_serializer_class(target.service, protocol(request, target.service))
    answer = serializer(operation_model=model).serialize(dict(value or {}))
    body = answer["body"]
    return Answer(
        _status(model.output_shape, value or {}) or int(answer["status_code"]),
        tuple((str(key), str(text)) for key, text in answer["headers"].items()),
        body if isinstance(body, bytes) else (body or "").encode(),
    )


def _status(shape: Any, value: Mapping[str, Any]) -> int:
    """The HTTP status, where it is a part of the result (lambda:Invoke); else 0."""
    members = shape.members.items() if shape is not None else ()
    named = (name for name, one in members if one.serialization.get("location") == "statusCode")
    return next((int(value[name]) for name in named if name in value), 0)


def check(value: Any, shape: Any, where: str) -> None:
    """Every key of `value` exists in botocore's output shape, all the way down."""
    if value is None:
        return
    if shape.type_name == "structure" and isinstance(value, Mapping):
        unknown = [key for key in value if key not in shape.members]
        if unknown and not getattr(shape, "is_document_type", False):
            raise ValueError(f"{where} has no {', '.join(map(str, unknown))}")
        for key, item in value.items():
            check(item, shape.members[key], f"{where}.{key}")
    elif shape.type_name == "list":
        for item in value:
            check(item, shape.member, f"{where}[]")
    elif shape.type_name == "map":
        for item in value.values():
            check(item, shape.value, f"{where}{{}}")


def failure(request: Any, service: str, error: Refused) -> Answer:
    """Serialize an error as the service's protocol says it."""
    try:
        kind = protocol(request, service)
    except Exception:  # noqa: BLE001  an unknown service or protocol: JSON says it well enough
        kind = "json"
    if request.method == "HEAD":  # its answer has no words: only the status tells
        return Answer(error.status, (), b"")
    code, message = error.code, error.message
    if request.method == "HEAD":  # the status is all that can be said
        return Answer(error.status, (("Content-Type", "text/xml"),), b"")
    if kind in ("json", "rest-json"):
        body = json.dumps({"__type": code, "message": message, "Message": message})
        headers = (("Content-Type", "application/x-amz-json-1.0"), ("X-Amzn-ErrorType", code))
        return Answer(error.status, headers, body.encode())
    detail = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    body = {
        "query": f"<ErrorResponse><Error><Type>Sender</Type>{detail}</Error>"
        "<RequestId>lab</RequestId></ErrorResponse>",
        "ec2": f"<Response><Errors><Error>{detail}</Error></Errors>"
        "<RequestID>lab</RequestID></Response>",
        "rest-xml": f"<Error>{detail}<RequestId>lab</RequestId></Error>",
    }[kind]
    return Answer(error.status, (("Content-Type", "text/xml"),), body.encode())


def understand(request: Any, target: Target, answer: Answer) -> dict[str, Any]:
    """Parse an answer as boto3 would.

    Raises:
        Refused: the answer is an error.
    """
    parser = create_parser(protocol(request, target.service))
    raw = {
        "status_code": answer.status,
        "headers": {key.lower(): value for key, value in answer.headers},
        "body": answer.body,
    }
    parsed = parser.parse(raw, operation(target.service, target.action).output_shape)
    if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
        error = parsed.get("Error", {})
        raise Refused(
            str(error.get("Code", "Unknown")), str(error.get("Message", "")), answer.status
        )
    parsed.pop("ResponseMetadata", None)
    return dict(parsed)


def outcome(answer: Answer) -> str:
    """`ok`, or the error's code, read from the serialized answer (for the log)."""
    if answer.status < HTTPStatus.BAD_REQUEST:
        return "ok"
    text = answer.body[:4000].decode(errors="replace")
    if "<Code>" in text:
        return text.split("<Code>", 1)[1].split("</Code>", 1)[0]
    try:
        return str(json.loads(text)["__type"]).rsplit("#", 1)[-1]
    except (ValueError, KeyError, TypeError):
        return str(answer.status)


def replay(environ: Mapping[str, Any]) -> Any:
    """A request object over a WSGI environment whose body is in memory."""
    return Request(dict(environ))


def query(text: str) -> dict[str, str]:
    """A URL's query string, last value of each key."""
    return {key: values[-1] for key, values in parse_qs(text).items()}

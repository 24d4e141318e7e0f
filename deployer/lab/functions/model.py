"""A function as the lab keeps it: what may be said of one, and how the API tells it. Pure.

Source: Lambda API Reference, "CreateFunction" and "FunctionConfiguration"; Developer Guide, "Lambda
quotas" and "Using Lambda environment variables". What is not simulated is refused by name.
"""

import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deployer.lab.wire import Refused

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
LONGEST_S = 900
LARGEST_ENVIRONMENT = 4096  # bytes, of all variables together
MOST_RETRIES = 2
OLDEST_EVENT_S = 6 * 3600
# What the lab would have to pretend.
NOT_SIMULATED = (
    *("VpcConfig", "Layers", "FileSystemConfigs", "ImageConfig", "SnapStart", "KMSKeyArn"),
    *("CodeSigningConfigArn", "RuntimeManagementConfig", "CapacityProviderConfig", "DurableConfig"),
)
# Variables that only Lambda itself sets.
RESERVED = (
    *("_HANDLER", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_ACCESS_KEY"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API"),
    *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "LAMBDA_TASK_ROOT"),
    *("AWS_LAMBDA_FUNCTION_VERSION", "LAMBDA_RUNTIME_DIR", "AWS_LAMBDA_LOG_GROUP_NAME"),
    *("AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_INITIALIZATION_TYPE"),
)


@dataclass(frozen=True, slots=True)
class Code:
    """Unpacked code; `sha256` of the zip, in base64 as the API tells it, `size` in bytes."""

    folder: Path
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Asynchronous:
    """What becomes of an event whose invocation fails.

    retries:    after the first attempt.
    oldest_s:   no attempt when it is older.
    on_failure: ARN of a queue or topic that is told; "": none.
    """

    retries: int = MOST_RETRIES
    oldest_s: int = OLDEST_EVENT_S
    on_failure: str = ""


@dataclass(frozen=True, slots=True)
class Function:
    """One function.

    timeout_s: in the lab's time.
    reserved:  how many invocations at once; None: as many as the account.
    policy:    statements of its resource policy, by their ids.
    revision:  raised by each change of code or configuration: sandboxes of an older one end.
    """

    name: str
    arn: str
    role: str
    handler: str
    code: Code
    modified_at: float
    description: str = ""
    timeout_s: int = 3
    memory_mb: int = 128
    variables: Mapping[str, str] = field(default_factory=dict)
    log_group: str = ""
    dead_letters: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    reserved: int | None = None
    asynchronous: Asynchronous = Asynchronous()
    policy: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    revision: int = 1


def configured(params: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a Function that these parameters of Create or UpdateFunctionConfiguration set.

    Raises:
        Refused: invalid, or something that the lab does not simulate.
    """
    _refuse_the_rest(params)
    found: dict[str, Any] = {}
    for name, key in {
        "role": "Role",
        "handler": "Handler",
        "description": "Description",
        "timeout_s": "Timeout",
        "memory_mb": "MemorySize",
    }.items():
        if key in params:
            found[name] = params[key]
    if "Environment" in params:
        found["variables"] = _variables(params["Environment"].get("Variables") or {})
    if "LoggingConfig" in params:
        found["log_group"] = _log_group(params["LoggingConfig"])
    if "DeadLetterConfig" in params:
        found["dead_letters"] = params["DeadLetterConfig"].get("TargetArn", "")
        require_destination(found["dead_letters"])
    if not 1 <= found.get("timeout_s", 3) <= LONGEST_S:
        raise invalid(f"Timeout must be between 1 and {LONGEST_S} seconds")
    if not 128 <= found.get("memory_mb", 128) <= 10_240:
        raise invalid("MemorySize must be between 128 and 10240 MB")
    return found


def invalid(message: str) -> Refused:
    """As Lambda refuses a parameter."""
    return Refused("InvalidParameterValueException", message)


def unsimulated(what: str) -> Refused:
    """As the lab refuses what it does not do."""
    return Refused("NotImplemented", f"the lab does not simulate {what} of Lambda functions")


def _refuse_the_rest(params: Mapping[str, Any]) -> None:
    present = [name for name in NOT_SIMULATED if params.get(name)]
    if present:
        raise unsimulated(", ".join(present))
    if params.get("PackageType", "Zip") != "Zip":
        raise unsimulated("container images")
    if params.get("Publish"):
        raise unsimulated("versions")
    if params.get("TracingConfig", {}).get("Mode", "PassThrough") != "PassThrough":
        raise unsimulated("X-Ray traces")
    if params.get("EphemeralStorage", {}).get("Size", 512) != 512:
        raise unsimulated("another size of /tmp than 512 MB")
    if params.get("Runtime", RUNTIME) != RUNTIME:
        raise unsimulated(f"{params['Runtime']} (this lab runs on {RUNTIME})")
    if params.get("Architectures", [ARCHITECTURE]) != [ARCHITECTURE]:
        raise unsimulated(f"{params['Architectures']} (this machine is {ARCHITECTURE})")


def _variables(given: Mapping[str, str]) -> dict[str, str]:
    reserved = sorted(set(given) & set(RESERVED))
    if reserved:
        raise invalid(f"Reserved keys used in this request: {', '.join(reserved)}")
    if sum(len(name) + len(value) for name, value in given.items()) > LARGEST_ENVIRONMENT:
        raise invalid(f"Environment variables are longer than {LARGEST_ENVIRONMENT} bytes")
    return {name: str(value) for name, value in given.items()}


def _log_group(given: Mapping[str, Any]) -> str:
    if given.get("LogFormat", "Text") != "Text":
        raise unsimulated("logs in JSON")
    return str(given.get("LogGroup", ""))


def require_destination(arn: str) -> None:
    """A queue or a topic of the lab, or nothing.

    Raises:
        Refused: something else.
    """
    if arn and arn.split(":")[2:3] not in (["sqs"], ["sns"]):
        raise unsimulated(f"the destination {arn}")


def log_group_of(function: Function) -> str:
    """Where its output goes."""
    return function.log_group or f"/aws/lambda/{function.name}"


def told(function: Function) -> dict[str, Any]:
    """FunctionConfiguration."""
    return {
        "FunctionName": function.name,
        "FunctionArn": function.arn,
        "Runtime": RUNTIME,
        "Role": function.role,
        "Handler": function.handler,
        "CodeSize": function.code.size,
        "CodeSha256": function.code.sha256,
        "Description": function.description,
        "Timeout": function.timeout_s,
        "MemorySize": function.memory_mb,
        "LastModified": datetime.fromtimestamp(function.modified_at, UTC).isoformat(),
        "Version": "$LATEST",
        "Environment": {"Variables": dict(function.variables)},
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": f"{function.revision}",
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": [ARCHITECTURE],
        "EphemeralStorage": {"Size": 512},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": log_group_of(function)},
        **(
            {"DeadLetterConfig": {"TargetArn": function.dead_letters}}
            if function.dead_letters
            else {}
        ),
    }

"""One invocation: a process begun with the function's own environment and role, used, observed."""

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

from deployer.lab.context import Context
from deployer.lab.functions import code, session
from deployer.lab.functions.model import RUNTIME, Function, log_group_of
from deployer.lab.functions.sandbox import LEAST_S, Outcome, Sandbox
from deployer.lab.iam.sessions import Session
from deployer.process.clock import VARIABLE

_OURS = ("Sandbox.", "Runtime.")  # errors that the function could not write itself


@dataclass(eq=False, slots=True)
class Warm:
    """A process and what it was begun for.

    stream:   its log stream.
    used_at:  when it was last busy, in the lab's time.
    first:    it has not been used yet.
    logs:     a client that its stream was made with.
    """

    function: Function
    sandbox: Sandbox
    session: Session | None
    stream: str
    used_at: float
    first: bool = True
    duration_ms: float = 0.0
    logs: Any = None

    def fits(self, function: Function) -> bool:
        """Whether it may serve the function as it is now."""
        same = function.revision == self.function.revision
        return same and self.sandbox.alive and not session.ending(self.session)


def begin(context: Context, function: Function) -> Warm:
    """A new process, under a new session of the function's role.

    Raises:
        Refused: Lambda may not assume the role.
    """
    now = context.clock.now()
    began = session.begin(context, function.role, function.name)
    stream = f"{datetime.fromtimestamp(now, UTC):%Y/%m/%d}/[$LATEST]{token_hex(16)}"
    environ = {
        **function.variables,
        **_lambdas(context, function, stream),
        **_labs(context),
        **session.variables(began),
    }
    paths = (function.code.folder, code.runtime(context))
    sandbox = Sandbox(function.code.folder, function.handler, paths, environ)
    return Warm(function, sandbox, began, stream, now)


def _lambdas(context: Context, function: Function, stream: str) -> dict[str, str]:
    """What Lambda sets (Developer Guide, "Defined runtime environment variables")."""
    return {
        "_HANDLER": function.handler,
        "AWS_REGION": context.region,
        "AWS_DEFAULT_REGION": context.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{RUNTIME}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group_of(function),
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "LAMBDA_TASK_ROOT": str(function.code.folder),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
    }


def _labs(context: Context) -> dict[str, str]:
    """What leads to the lab instead of AWS."""
    return {
        "AWS_ENDPOINT_URL": context.endpoint,
        "AWS_ENDPOINT_URL_S3": context.endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        VARIABLE: str(context.clock),
    }


def invoke(context: Context, warm: Warm, payload: bytes, request_id: str) -> Outcome:
    """Run it once with this event; its process may be gone afterwards."""
    function, sandbox = warm.function, warm.sandbox
    limit_s = max(LEAST_S, context.clock.real(function.timeout_s))
    since = 0 if warm.first else sandbox.size()
    began = time.monotonic()
    failed = sandbox.begin() if warm.first else None
    warm.first = False
    if failed is None:
        request = {
            "payload": payload.decode() or "null",
            "request_id": request_id,
            "name": function.name,
            "arn": function.arn,
            "log_group": log_group_of(function),
            "log_stream": warm.stream,
            "memory_mb": function.memory_mb,
            "real_s": limit_s,
            "scale": context.clock.scale,
        }
        word = sandbox.run(request, limit_s, function.timeout_s)
    else:
        word = {"error": {**failed, "requestId": request_id}}
        sandbox.close()
    warm.duration_ms = (time.monotonic() - began) * 1000 * context.clock.scale
    log = _framed(warm, request_id, sandbox.written(since), word)
    if "error" in word:
        return Outcome(json.dumps(word["error"]).encode(), "Unhandled", log)
    return Outcome(str(word["payload"]).encode(), "", log)


def _framed(warm: Warm, request_id: str, written: bytes, word: Mapping[str, Any]) -> bytes:
    """What the function wrote between the lines that Lambda writes."""
    error = word.get("error", {})
    cut = f"{error['errorMessage']}\n" if error.get("errorType", "").startswith(_OURS) else ""
    duration = f"Duration: {warm.duration_ms:.2f} ms\tMemory Size: {warm.function.memory_mb} MB"
    before = f"START RequestId: {request_id} Version: $LATEST\n"
    after = f"{cut}END RequestId: {request_id}\nREPORT RequestId: {request_id}\t{duration}\n"
    gap = b"" if not written or written.endswith(b"\n") else b"\n"
    return before.encode() + written + gap + after.encode()

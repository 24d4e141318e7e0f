"""A function's process: what Lambda's Python runtime is to a warm container. Standard library only.

Run as `python -I -S -u worker.py SOCKET HANDLER PATH...`: it sees the standard library, the function's
own folder and what Lambda's runtime brings along (PATH..., first found wins), and nothing of the
environment that the lab runs in. It connects to the abstract socket, says whether the handler could be
loaded, and answers one line of JSON with another until the connection ends.

Errors have the shapes of the Lambda Developer Guide, "Lambda function errors in Python".
"""

import importlib
import json
import socket
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

Handler = Callable[[Any, Any], Any]


class LambdaContext:
    """What a handler is given as its second argument; `facts` as the sandbox sends them."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.aws_request_id: str = facts["request_id"]
        self.function_name: str = facts["name"]
        self.function_version = "$LATEST"
        self.invoked_function_arn: str = facts["arn"]
        self.log_group_name: str = facts["log_group"]
        self.log_stream_name: str = facts["log_stream"]
        self.memory_limit_in_mb = str(facts["memory_mb"])
        self.identity = None
        self.client_context = None
        self._ends_at: float = time.monotonic() + facts["real_s"]
        self._scale: float = facts["scale"]

    def get_remaining_time_in_millis(self) -> int:
        """Until the time-out, in the lab's time."""
        return max(0, int((self._ends_at - time.monotonic()) * self._scale * 1000))


def load(name: str) -> Handler:
    """The handler `package.module.function`.

    Raises:
        LookupError: there is no such function; (error type, message).
    """
    module_name, _, function = name.rpartition(".")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except Exception as error:
        traceback.print_exc()
        kind = "ImportModuleError" if isinstance(error, ImportError) else type(error).__name__
        why = f"Unable to import module '{module_name}': {error}"
        raise LookupError(f"Runtime.{kind}", why) from error
    try:
        handler: Handler = getattr(module, function)
    except AttributeError as error:
        why = f"Handler '{function}' missing on module '{module_name}'"
        raise LookupError("Runtime.HandlerNotFound", why) from error
    return handler


def answer(handler: Handler, request: dict[str, Any]) -> dict[str, Any]:
    """Call the handler once: `{"payload": TEXT}`, or `{"error": {...}}`."""
    try:
        returned = handler(json.loads(request["payload"]), LambdaContext(request))
    except Exception as error:  # noqa: BLE001  whatever a function raises is its answer
        traceback.print_exc()
        return {
            "error": {
                "errorMessage": str(error),
                "errorType": type(error).__name__,
                "requestId": request["request_id"],
                "stackTrace": traceback.format_tb(error.__traceback__),
            }
        }
    try:
        return {"payload": json.dumps(returned)}
    except (TypeError, ValueError) as error:
        why = f"Unable to marshal response: {error}"
        marshal = {"errorMessage": why, "errorType": "Runtime.MarshalError"}
        return {"error": {**marshal, "requestId": request["request_id"], "stackTrace": []}}


def serve(connection: socket.socket, handler_name: str) -> None:
    """Answer until the other side hangs up; a handler that cannot be loaded ends it at once."""
    with connection, connection.makefile("rwb") as stream:

        def say(word: dict[str, Any]) -> None:
            sys.stdout.flush()
            stream.write(json.dumps(word).encode() + b"\n")
            stream.flush()

        try:
            handler = load(handler_name)
        except LookupError as problem:
            kind, why = problem.args
            say({"error": {"errorMessage": why, "errorType": kind, "stackTrace": []}})
            return
        say({"ready": True})
        for line in stream:
            say(answer(handler, json.loads(line)))


def main(argv: list[str]) -> None:
    """Connect first: whoever waits for us should not wait for imports alone."""
    name, handler, *paths = argv
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect("\0" + name)
    sys.path[:0] = paths
    serve(connection, handler)


if __name__ == "__main__":
    main(sys.argv[1:])

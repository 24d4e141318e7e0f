"""As much of the `aws` command as the guide and `deployer verify` use, over boto3: a test puts it on PATH.

An unknown service, operation or option is an error, as with the real one: botocore's models know them.
The command is a few lines of shell that ask the test's own process, where boto3 is imported already.
"""

import json
import re
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jmespath  # type: ignore[import-untyped]
from botocore import xform_name
from botocore.model import ListShape, Shape, StructureShape

Clients = Callable[[str], Any]


def shorthand(text: str) -> Any:
    """`Key=a,Value=b`, or JSON."""
    if text[:1] in "[{":
        return json.loads(text)
    if not re.match(r"\w+=", text):
        return text
    return dict(pair.split("=", 1) for pair in text.split(","))


def converted(shape: Shape, words: list[str]) -> Any:
    """The words after an option as the API wants them."""
    if isinstance(shape, ListShape):
        first = shorthand(words[0])
        if isinstance(first, list):
            return first
        return [converted(shape.member, [word]) for word in words]
    if isinstance(shape, StructureShape):
        given = shorthand(words[0])
        return {
            key: converted(shape.members[key], [value]) if isinstance(value, str) else value
            for key, value in given.items()
        }
    if shape.type_name == "boolean":
        return words[0] == "true"
    return int(words[0]) if shape.type_name in ("integer", "long") else words[0]


def call(arguments: list[str], clients: Clients) -> str:
    """`elbv2 create-rule --priority 1 ...`: what the command prints."""
    service, operation, *rest = arguments
    client = clients(service)
    names = {xform_name(name, "-"): name for name in client.meta.service_model.operation_names}
    model = client.meta.service_model.operation_model(names[operation])
    options: dict[str, list[str]] = {}
    for word in rest:
        if word.startswith("--"):
            words = options.setdefault(word[2:], [])
        else:
            words.append(word)
    query, output = options.pop("query", [""])[0], options.pop("output", ["json"])[0]
    members = {xform_name(name, "-"): name for name in model.input_shape.members}
    parameters: dict[str, Any] = {}
    for name, words in options.items():
        negated = name.startswith("no-") and name not in members
        member = members[name.removeprefix("no-") if negated else name]
        shape = model.input_shape.members[member]
        flag = [str(not negated).lower()]
        parameters[member] = converted(shape, words or flag)
    answer = getattr(client, xform_name(names[operation]))(**parameters)
    answer.pop("ResponseMetadata", None)
    told = jmespath.search(query, answer) if query else answer
    return str(told) if output == "text" else json.dumps(told, default=str)


COMMAND = """#!/bin/bash
exec 3<>/dev/tcp/127.0.0.1/{port}
printf '%s\\0' "$#" "$@" >&3
IFS= read -r status <&3
[ "$status" = ok ] && exec cat <&3
cat <&3 >&2
exit 255
"""


class Asked(socketserver.StreamRequestHandler):
    """One command: its number of arguments, and each of them, ended by NUL."""

    def handle(self) -> None:
        server: Any = self.server
        arguments = [self._word() for _ in range(int(self._word()))]
        try:
            said = "ok\n" + call(arguments, server.clients)
        except Exception as error:  # noqa: BLE001  whatever it is, the command has failed
            said = f"failed\naws {arguments}: {error!r}"
        self.wfile.write(said.encode() + b"\n")

    def _word(self) -> str:
        return b"".join(iter(lambda: self.rfile.read(1), b"\0")).decode()


@contextmanager
def installed(folder: Path, clients: Clients) -> Iterator[Path]:
    """A folder with the command `aws` in it, for as long as the context lasts."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Asked) as server:
        server.clients = clients  # type: ignore[attr-defined]
        folder.mkdir()
        command = folder / "aws"
        command.write_text(COMMAND.replace("{port}", str(server.server_address[1])))
        command.chmod(0o755)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder
        server.shutdown()

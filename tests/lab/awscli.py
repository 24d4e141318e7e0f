"""As much of the `aws` command as the guide and `deployer verify` use, over boto3: a test puts it on PATH.

An unknown service, operation or option is an error, as with the real one: botocore's models know them.
"""

import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import boto3
import jmespath  # type: ignore[import-untyped]
from botocore import xform_name
from botocore.model import ListShape, Shape, StructureShape

ALIASES = {"elbv2": "elbv2"}


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


def call(arguments: list[str]) -> str:
    """`elbv2 create-rule --priority 1 ...`: what the command prints."""
    service, operation, *rest = arguments
    make: Any = boto3.client
    client = make(service)
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


def install(folder: Path) -> Path:
    """The folder with the command `aws` in it."""
    folder.mkdir(exist_ok=True)
    command = folder / "aws"
    command.write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(__file__)} "$@"\n'
    )
    command.chmod(0o755)
    return folder


if __name__ == "__main__":
    print(call(sys.argv[1:]))  # noqa: T201  # its output

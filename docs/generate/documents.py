"""docs/json.md: every event of `--output json` with its keys, from the types that tests hold it to."""

import json
import re
from collections.abc import Iterator
from inspect import cleandoc, get_annotations
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import fields

from deployer.render.schema import WholeRecord
from deployer.render.schema_events import EVENTS, SAYS
from docs.generate.markdown import cell, table

SAMPLES = Path(__file__).parents[2] / "tests" / "data" / "json"
LEAD = """# What `--output json` says

One object per line on stdout; the last is a `result`. Times are RFC 3339 in UTC, durations (`_s`) are
seconds, weights are percents. Keys keep their meaning and their type; new keys and new events may come, so
programs ignore what they do not know. What lies deeper in them: [cli.md](cli.md#json). Each event has a
recorded sample; tests hold what is said today to the same types, and to every key of the samples.
`deployer lab ...` and `deployer demo` say one object of their own, which is no event and after which no
`result` comes: its keys are in their `--help`."""
_KEY = re.compile(r"^(\w+): +(.*)$")


def page() -> str:
    """All of it."""
    kinds: dict[type[Struct], list[str]] = {}
    for event, kind in EVENTS.items():
        kinds.setdefault(kind, []).append(event)
    kinds[WholeRecord] = ["deployment"]
    sections = (_section(kind, events) for kind, events in kinds.items())
    return "\n\n".join([LEAD, _commands(), *sections])


def _commands() -> str:
    """Which command says which events; those that say the same are one row."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for command, events in SAYS.items():
        alike.setdefault(events, []).append(f"`{command}`")
    rows = [
        (", ".join(commands), ", ".join(f"`{each}`" for each in events) or "nothing else")
        for events, commands in alike.items()
    ]
    return "\n\n".join(
        ["## Which command says what", table(("command", "events before its `result`"), rows)]
    )


def _section(kind: type[Struct], events: list[str]) -> str:
    doc = " ".join(cleandoc(kind.__doc__ or "").split("\n\n", 1)[0].split())
    whole = ", of `show`" if kind is WholeRecord else ""
    parts = [f"## {', '.join(f'`{each}`' for each in events)}{whole}", doc]
    rows = [(f"`{name}`", f"`{of}`", cell(words)) for name, of, words in keys(kind)]
    parts.append(table(("key", "type", "meaning"), rows))
    sample = SAMPLES / f"{events[0]}{'-whole' if whole else ''}.json"
    if sample.exists() and kind is not WholeRecord:
        shown = json.dumps(json.loads(sample.read_text()), ensure_ascii=False)
        parts.append(f"```json\n{shown}\n```")
    return "\n\n".join(parts)


def keys(kind: type[Struct]) -> Iterator[tuple[str, str, str]]:
    """Name, type and meaning of each key.

    Raises:
        LookupError: a key that the docstring does not explain, or the other way round.
    """
    words = {k: v for base in reversed(kind.__mro__) for k, v in _words(base)}
    types: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        types |= get_annotations(base)
    names = [field.encode_name for field in fields(kind)]
    if set(names) - set(words):
        raise LookupError(f"{kind.__name__}: say what {sorted(set(names) - set(words))} means")
    for name in sorted(names, key=list(words).index):
        yield name, _spelled(types[name]), words[name]


def _words(kind: type) -> Iterator[tuple[str, str]]:
    for line in cleandoc(kind.__dict__.get("__doc__") or "").splitlines():
        if found := _KEY.match(line):
            yield found[1], found[2]


def _spelled(of: Any) -> str:
    """A type as JSON has it."""
    text = (
        getattr(of, "__name__", "")
        if isinstance(of, type) and not hasattr(of, "__args__")
        else str(of)
    )
    for old, new in (
        ("dict[str, typing.Any]", "object"), ("None", "null"), ("str", "string"), ("bool", "boolean"),
        ("int", "number"), ("float", "number"), ("NoneType", "null"), ("|", "or"),
    ):  # fmt: skip
        text = text.replace(old, new)
    text = re.sub(r"deployer\.render\.schema\.(\w+)", "object", text)
    text = re.sub(r"dict\[string, (\w+)\]", r"object of \1", text)
    return re.sub(r"list\[(\w+)\]", r"list of \1", text)

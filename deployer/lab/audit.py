"""The log of every API call: in memory for tests, as JSON lines for people.

Calls of the lab's own parts are logged when they change something; their reads (several a second)
are not. Secrets and bulk are cut out of the parameters.
"""

import json
import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

KEPT = 20_000  # calls in memory
MOST_BYTES = 64 << 20  # of the file; then a new one is begun, and the one before it is kept
TEXT = 200  # characters of one value
ITEMS = 20  # of one list
_SECRET = re.compile(r"(?i)password|secret|^value$|token$|^body$|userdata|plaintext|templatebody")


@dataclass(frozen=True, slots=True)
class Entry:
    """One call. `at` in virtual epoch seconds; `outcome` is `ok`, AWS's error code, or `not received`.

    source: `lab` for the lab's own parts, else the caller's user agent.
    fault:  the injected fault that this call met, if any.
    caller: `admin`, or the name of the role that called; "" where no permissions are enforced.
    """

    number: int
    at: float
    service: str
    action: str
    parameters: Mapping[str, Any]
    outcome: str
    source: str
    fault: str | None = None
    caller: str = ""


class Audit:
    """Append-only; the caller holds the lab's lock."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "audit.jsonl"
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._count = 0
        directory.mkdir(parents=True, exist_ok=True)

    def record(
        self,
        *,
        at: float,
        service: str,
        action: str,
        parameters: Mapping[str, Any],
        outcome: str,
        source: str,
        fault: str | None = None,
        caller: str = "",
    ) -> None:
        self._count += 1
        told = redact(parameters)
        entry = Entry(self._count, at, service, action, told, outcome, source, fault, caller)
        self._entries.append(entry)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(entry), default=str) + "\n")
            full = file.tell() >= MOST_BYTES
        if full:
            self.path.replace(self.path.with_name("audit.before.jsonl"))

    def calls(
        self, service: str = "*", action: str = "*", *, since: int = 0, external: bool = False
    ) -> Sequence[Entry]:
        """Calls in order, by pattern (`*`, `Describe*`), numbered above `since`.

        external: only those that came from outside the lab.
        """
        return [
            entry
            for entry in self._entries
            if entry.number > since
            and fnmatchcase(entry.service, service)
            and fnmatchcase(entry.action, action)
            and not (external and entry.source == "lab")
        ]


def redact(value: Any, key: str = "") -> Any:
    """`value` without secrets, and short: long texts and lists are cut."""
    if key and _SECRET.search(key) and isinstance(value, (str, bytes)):
        return f"({len(value)} characters)"
    if isinstance(value, Mapping):
        return {str(name): redact(item, str(name)) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        cut = [redact(item, key) for item in value[:ITEMS]]
        return cut if len(value) <= ITEMS else [*cut, f"(and {len(value) - ITEMS} more)"]
    if isinstance(value, bytes):
        return f"({len(value)} bytes)"
    if isinstance(value, str) and len(value) > TEXT:
        return value[:TEXT] + "…"
    return value

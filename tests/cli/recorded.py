"""What `--output json` was when programs were written for it, and what holds today's to it.

A test that runs a command hands over what it said: `hold("publish", documents)`. Where an event has no
sample yet, `RECORD_JSON=1 pytest FILE` records it. What is recorded stays.
"""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from deployer.render.schema import WholeRecord
from deployer.render.schema_events import EVENTS, SAYS

SAMPLES = Path(__file__).parents[1] / "data" / "json"
WHOLE = "deployment-whole"
KINDS: dict[str, type[Struct]] = {**EVENTS, WHOLE: WholeRecord}
Json = dict[str, Any]


def hold(command: str, documents: Iterable[Json]) -> None:
    """Each is one that the command may say, of its type, and has at least the keys of its sample."""
    for each in documents:
        name = name_of(each)
        assert each["event"] in (*SAYS[command], "result"), f"write {each['event']} of {command}"
        hold_one(each)
        if os.environ.get("RECORD_JSON"):
            record(each)
        assert sample(name).exists(), f"no sample of {name} yet: RECORD_JSON=1 records it"
        before = json.loads(sample(name).read_text(encoding="utf-8"))
        assert set(before) <= set(each), f"{name} has lost {set(before) - set(each)}"


def still_said(name: str, documents: Iterable[Json]) -> None:
    """Whatever its sample says, however deep, one of them says too: nothing was renamed or left out."""
    before = json.loads(sample(name).read_text(encoding="utf-8"))
    now = {path for each in documents for path in paths(each)}
    gone = set(paths(before)) - now
    assert not gone, f"{name}: nothing says {sorted(gone)} any more"


def paths(value: object, at: str = "") -> Iterator[str]:
    """Every key of it: `waves[].environments[].phase`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{at}{key}"
            yield from paths(inner, f"{at}{key}.")
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, f"{at.removesuffix('.')}[].")


def hold_one(document: Json) -> None:
    """It has its type's keys, of their types, and no other."""
    if document.get("status") == "unreadable":
        return
    kind = KINDS[name_of(document)]
    msgspec.convert(document, kind)
    named = {field.encode_name for field in msgspec.structs.fields(kind)}
    more = set(document) - named
    assert not more, f"{document['event']}: write {more} in deployer/render/schema*.py"


def name_of(document: Json) -> str:
    """Of its sample: a whole record has one of its own."""
    return WHOLE if "way_back" in document else str(document["event"])


def sample(name: str) -> Path:
    return SAMPLES / f"{name}.json"


def record(document: Json) -> bool:
    """Write down what is new in it: all of it, or its new keys; whether anything was."""
    file = sample(name_of(document))
    before: Json = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if set(document) <= set(before):
        return False
    after = {key: before.get(key, value) for key, value in document.items()} | before
    file.write_text(json.dumps(after, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return True

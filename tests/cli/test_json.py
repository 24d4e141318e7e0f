"""`--output json` is what the types say, and what it was when programs were written for it."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deployer.render.schema import WholeRecord
from deployer.render.schema_events import EVENTS
from docs.generate.documents import keys
from tests.cli.samples import RECORDED, said

WHOLE = "deployment-whole"
KINDS: dict[str, type[msgspec.Struct]] = {**EVENTS, WHOLE: WholeRecord}
FILES = sorted(RECORDED.glob("*.json"))


@cache
def documents() -> tuple[dict[str, Any], ...]:
    return tuple(said())


def newest(event: str) -> list[dict[str, Any]]:
    return [each for each in documents() if each["event"] == event]


def test_every_document_is_as_its_type_says() -> None:
    for each in documents():
        if each.get("status") != "unreadable":
            msgspec.convert(each, KINDS[each["event"]])


def test_no_key_is_said_that_the_types_do_not_name() -> None:
    for each in documents():
        named = {field.encode_name for field in msgspec.structs.fields(KINDS[each["event"]])}
        assert set(each) <= named, (
            f"{each['event']}: write {set(each) - named} in deployer/render/schema"
        )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_was_recorded_is_still_said(file: Path) -> None:
    """Its keys and their types: none may go, or become another; new ones may come."""
    before = json.loads(file.read_text(encoding="utf-8"))
    msgspec.convert(before, KINDS[file.stem])
    now = newest(file.stem)
    assert now, f"nothing says {file.stem} any more"
    for each in now:
        assert set(before) <= set(each), file.stem


@pytest.mark.parametrize("broken", ["deployment", "weights", "steps"])
def test_a_key_that_is_gone_or_of_another_type_is_found(broken: str) -> None:
    change = next(each for each in newest("change"))
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**change, broken: []}, KINDS["change"])
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({k: v for k, v in change.items() if k != broken}, KINDS["change"])


def test_a_sample_is_recorded_of_what_commands_say_every_day() -> None:
    daily = {
        "plan", "objection", "waiting", "change", "step_done", "retreat", "halted", "restored", "asked",
        "status", "unseen", "deployment", WHOLE, "visit", "settle", "finding", "result",
    }  # fmt: skip
    assert daily <= {file.stem for file in FILES}


@pytest.mark.parametrize("kind", set(KINDS.values()), ids=lambda kind: kind.__name__)
def test_every_key_is_explained(kind: type[msgspec.Struct]) -> None:
    assert all(words for _, _, words in keys(kind))

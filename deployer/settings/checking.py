"""One table of the file to its struct, or one line for a person. Pure.

msgspec finds what is wrong; the sentence that says what is allowed comes from the schema.
"""

import math
import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Annotated, Any, TypeVar, get_args, get_origin

from msgspec import Meta, Struct, ValidationError, convert
from msgspec.structs import FieldInfo, fields

from deployer.durations import spell
from deployer.errors import SettingsInvalid
from deployer.settings.kinds import (
    AUTO,
    GROUP,
    VEILED,
    Climb,
    Portion,
    PortionOrNone,
    Seconds,
    SecondsOrAuto,
    Share,
    ShareOrAuto,
    Stop,
    decode,
)

Table = Mapping[str, Any]
T = TypeVar("T", bound=Struct)
_NOTHING: Table = MappingProxyType({})
_AT = re.compile(r" - at `\$\.([^.\[`]+)")
_OF_LIST = re.compile(r"(\w+)\[(\d+)\]\.(\w+)")
_MISSING = re.compile(r"missing required field `([^`]+)`")
_SECRET = re.compile(r"(?<=://)[^/\s]*(?=@)|(?<=\?).+")  # of an address: user and password, a query


def struct(kind: type[T], table: Table, where: str, given: Table = _NOTHING) -> T:
    """`table` as a `kind`; `where` begins every complaint: `deployer.toml: canary`.

    `given` are fields that the file does not set, such as the name of the section.

    Raises:
        SettingsInvalid: an unknown key, a missing one, or a value that is not allowed.
    """
    known = {f.encode_name: f for f in fields(kind) if f.encode_name not in given}
    for key, raw in table.items():
        reject_unknown(key, known, where)
        _each_table(known[key], raw, f"{where}.{key}")
    try:
        value = convert({**table, **given}, kind, dec_hook=decode)
    except ValidationError as error:
        raise SettingsInvalid(_complaint(str(error), table, known, where)) from None
    for key, field in known.items():
        if key in table:
            _within_bounds(getattr(value, field.name), field, f"{where}.{key}", table[key])
    return value


def _each_table(field: FieldInfo, raw: Any, where: str) -> None:
    """Each of a list of tables by itself, as the kind that it says it is."""
    kinds = _tagged(field.type)
    if not kinds or not isinstance(raw, list | tuple):
        return
    for n, table in enumerate(raw):
        if not isinstance(table, Mapping):
            raise SettingsInvalid(f"{where}[{n}] = {spelled(table)}: must be a table")
        tag_field = str(next(iter(kinds.values())).__struct_config__.tag_field)
        known = " or ".join(f'"{tag}"' for tag in kinds)
        tag = table.get(tag_field)
        if tag is None:
            raise SettingsInvalid(f"{where}[{n}].{tag_field} is missing: write {known}")
        if not isinstance(tag, str) or tag not in kinds:
            raise SettingsInvalid(f"{where}[{n}].{tag_field} = {spelled(tag)}: must be {known}")
        own = {key: value for key, value in table.items() if key != tag_field}
        struct(kinds[tag], own, f"{where}[{n}]")


def _tagged(kind: Any) -> dict[Any, type[Struct]]:
    """The tables that a list may have, by what tells them apart; empty: it is no list of tables."""
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    each = get_args(kind)[0] if get_origin(kind) is tuple else None
    kinds = [one for one in get_args(each) if isinstance(one, type) and issubclass(one, Struct)]
    return {one.__struct_config__.tag: one for one in kinds}


def reject_unknown(key: str, known: Collection[str], where: str) -> None:
    """Nothing if `key` is known.

    Raises:
        SettingsInvalid: it is not; names the nearest one that is, or all of them.
    """
    if key in known:
        return
    near = get_close_matches(key, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
    raise SettingsInvalid(f"{joined(where, key)} is not a setting; {hint}")


def joined(where: str, key: str) -> str:
    """`deployer.toml:` + `canary` -> `deployer.toml: canary`; below a section, with a dot."""
    return f"{where} {key}" if where.endswith(":") else f"{where}.{key}"


def allowed(field: FieldInfo) -> str:
    """The sentence that says what a field may be."""
    return next((meta.description or "" for meta in _metas(field)), "")


def spelled(value: Any) -> str:
    """A value as TOML writes it, short enough for one line; without what may be secret in an address."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        shown = _SECRET.sub("***", value) if "://" in value else value
        text = '"' + shown.replace("\n", "\\n") + '"'
    elif isinstance(value, list | tuple):
        text = f"[{', '.join(map(spelled, value))}]"
    elif isinstance(value, dict):
        text = f"{{{', '.join(f'{key} = {spelled(each)}' for key, each in value.items())}}}"
    else:
        text = str(value)
    return text if len(text) <= 80 else text[:77] + "..."


def written(section: Struct, key: str) -> str:
    """The value of `key` as the file would have it: 90.0 seconds are `"1m30s"`.

    key: also `metrics[0].name`, of the first of a list of tables.
    """
    if found := _OF_LIST.fullmatch(key):
        return written(getattr(section, found[1])[int(found[2])], found[3])
    name = next(field.name for field in fields(section) if field.encode_name == key)
    return spelled(as_written(getattr(section, name)))


def as_written(value: Any) -> Any:
    """A value as TOML would hold it: 90.0 seconds are `"1m30s"`, 50 per mille are 5."""
    if isinstance(value, Seconds):
        return spell(value)
    if isinstance(value, Stop) and not value:
        return GROUP
    if isinstance(value, Share | Stop):
        return float(f"{value / 10:g}") if value % 10 else value // 10
    if isinstance(value, Portion | PortionOrNone | ShareOrAuto) and value.isdecimal():
        return int(value)
    if isinstance(value, Climb) and not value:
        return AUTO
    return _each(value)


def _each(value: Any) -> Any:
    if isinstance(value, Struct):
        value = _table(value)
    if isinstance(value, dict):
        return {key: as_written(each) for key, each in value.items()}
    return [as_written(each) for each in value] if isinstance(value, tuple) else value


def _table(value: Struct) -> dict[str, Any]:
    config = value.__struct_config__
    tag = {config.tag_field: config.tag} if config.tag_field else {}
    own = {field.encode_name: getattr(value, field.name) for field in fields(value)}
    return {**tag, **own}


def _complaint(message: str, table: Table, known: Mapping[str, FieldInfo], where: str) -> str:
    missing = _MISSING.search(message)
    if missing:
        return f"{where}.{missing[1]} is missing: write {allowed(known[missing[1]])}"
    at = _AT.search(message)
    if at is None or at[1] not in known:
        return f"{where}: {message}"
    must = allowed(known[at[1]]) or message[: at.start()].replace("`", "")
    veiled = any((meta.extra or {}).get(VEILED) for meta in _metas(known[at[1]]))
    value = "***" if veiled else spelled(table[at[1]])
    return f"{where}.{at[1]} = {value}: must be {must}"


def _within_bounds(value: Any, field: FieldInfo, where: str, raw: Any) -> None:
    bounds = next((meta.extra for meta in _metas(field) if "low" in (meta.extra or {})), None)
    if bounds is None:
        return
    if isinstance(value, ShareOrAuto | SecondsOrAuto):
        if value in bounds["words"]:
            return
        value = math.nan if value.given is None else value.given
    values = value if isinstance(value, tuple) else (value,)
    fit = all(bounds["low"] <= each <= bounds["high"] for each in values)
    if not fit or (bounds["whole"] and value % bounds["whole"]):
        raise SettingsInvalid(f"{where} = {spelled(raw)}: must be {allowed(field)}")


def _metas(field: FieldInfo) -> tuple[Meta, ...]:
    return tuple(m for m in getattr(field.type, "__metadata__", ()) if isinstance(m, Meta))

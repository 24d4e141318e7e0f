"""The reference of deployer.toml: words from deployer.example.toml, bounds and defaults from the schema.

An example that names a key which the schema does not know (or in a section that nothing reads) stops
the generator: a page must not explain what is refused.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from deployer.settings.checking import allowed, as_written, spelled
from deployer.settings.existing import ExistingSettings
from deployer.settings.pipeline import PipelineSettings
from deployer.settings.schema import EnvironmentSettings, Settings
from deployer.settings.waves import WavesSettings
from docs.generate.example import Entry, Section, sections
from docs.generate.markdown import anchor, cell, code, linked, table


class Told(NamedTuple):
    """What the schema says of a key: a sentence, and the default as the file would have it."""

    allowed: str
    default: str


EXAMPLE = Path(__file__).parents[2] / "deployer.example.toml"
# Sections that are not one of an environment's settings.
_APART: Mapping[str, type[Struct]] = {
    "environments.prod": EnvironmentSettings,
    "environments.prod.existing": ExistingSettings,
    "waves": WavesSettings,
    "pipeline": PipelineSettings,
}
# What is said of one environment alone, as an example of any section; and tables with free keys.
_FREE = ("environments.prod.canary", "analysis.metrics.series")
_TABLES = ("series",)  # that have a section of their own
_PLAIN: Mapping[Any, str] = {bool: "true or false"}
_INTRO = """\
Every key of `deployer.toml`. [deployer.example.toml](../../deployer.example.toml) is the same as one
file to copy from. Durations are written `"90s"`, `"10m"`, `"1h30m"`; shares are percents: `5`, `0.1`,
`"25%"`. A key that is not known, and a value that is not allowed, are refused with a sentence that says
what is. Where a default says *required*, there is none."""


def page(example: Path = EXAMPLE) -> str:
    """The whole page.

    Raises:
        LookupError: the example names what the schema does not know.
    """
    found = sections(example.read_text(encoding="utf-8"))
    contents = "\n".join(f"- [`{each.title}`](#{anchor(each.title)})" for each in found)
    return "\n\n".join(("# Reference: settings", _INTRO, contents, *map(_section, found)))


def _section(section: Section) -> str:
    known = _known(section)
    parts = [linked(section.lead), f"## `{section.title}`", linked(section.text)]
    rows = [row for entry in section.entries for row in _rows(section, entry, known)]
    rows += [_unsaid(key, told) for key, told in _beside(section, known)]
    if rows:
        parts.append(table(("key", "meaning", "allowed", "default"), rows))
    return "\n\n".join(part for part in parts if part)


def _rows(
    section: Section, entry: Entry, known: Mapping[str, Told] | None
) -> Iterator[tuple[str, str, str, str]]:
    """Of keys that share a comment the first one has it."""
    for n, (key, value) in enumerate(entry.values):
        told = Told("", value) if known is None else known.get(key)
        if told is None:
            raise LookupError(f"deployer.example.toml: [{section.name}] {key} is not a setting")
        default = code(cell(told.default)) or "*required*"
        yield code(key), "" if n else linked(cell(entry.text)), cell(told.allowed), default


def _beside(section: Section, known: Mapping[str, Told] | None) -> Iterator[tuple[str, Told]]:
    """What a table may say besides, as tables of its name before it do: no example repeats it."""
    if section.many and known is not None:
        shown = {key for entry in section.entries for key, _ in entry.values}
        yield from ((key, told) for key, told in known.items() if key not in {*shown, *_TABLES})


def _unsaid(key: str, told: Told) -> tuple[str, str, str, str]:
    default = code(cell(told.default)) or "*required*"
    return code(key), "*as above*", cell(told.allowed), default


def _known(section: Section) -> Mapping[str, Told] | None:
    """What the schema says of a section's keys; None: they are free."""
    if section.name in _FREE:
        return None
    kinds = [_APART.get(section.name, Settings)]
    for part in () if section.name in _APART else section.name.split("."):
        types = [f.type for kind in kinds for f in fields(kind) if f.encode_name == part]
        kinds = [struct for each in types for struct in _structs(each)]
        if not kinds:
            raise LookupError(f"deployer.example.toml: nothing reads [{section.name}]")
    return {key: told for kind in kinds if _meant(section, kind) for key, told in _fields(kind)}


def _meant(section: Section, kind: type[Struct]) -> bool:
    """Whether a table is of this kind, by the key that tells kinds apart."""
    tag = kind.__struct_config__.tag_field
    given = {key: value for entry in section.entries for key, value in entry.values}
    return tag is None or given.get(tag) == spelled(kind.__struct_config__.tag)


def _fields(kind: type[Struct]) -> Iterator[tuple[str, Told]]:
    """By their names in the file; of a kind of table also what tells it from others (`source`)."""
    if tag := kind.__struct_config__.tag_field:
        yield tag, Told("", spelled(kind.__struct_config__.tag))
    for field in fields(kind):
        default = field.default
        if field.default_factory is not NODEFAULT:
            default = field.default_factory()
        required = default is NODEFAULT
        shown = "" if required else spelled(as_written(default))
        yield field.encode_name, Told(allowed(field) or _PLAIN.get(field.type, ""), shown)


def _structs(kind: Any) -> Iterator[type[Struct]]:
    """The tables in a type: itself, those of a union, those that a list may have."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        yield kind
    elif get_origin(kind) is Annotated:
        yield from _structs(get_args(kind)[0])
    else:
        for each in get_args(kind):
            yield from _structs(each)

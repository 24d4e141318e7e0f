"""Settings into a file that people have written: their comments, order and spacing stay.

By tomlkit, which edits TOML as text is edited (decision 26). What comes out is read again before anybody
writes it: it says what it said, and what was asked for, or nothing is written.
"""

import tomllib
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from deployer.errors import SettingsInvalid
from deployer.settings.checking import spelled, struct, written
from deployer.settings.reading import TUNABLE
from deployer.settings.schema import Settings

OWN = "environment"  # begins the keys of [environments.NAME] itself
MARK = "\ufeff"


def as_now(settings: Settings, key: str) -> str:
    """The value of a dotted key as the file would have it: `canary.bake` -> `"10m"`."""
    section, _, name = key.partition(".")
    return _short(written(getattr(settings, section), name))


def as_meant(key: str, value: Any) -> str:
    """A value that somebody wants there, spelled likewise."""
    section, _, name = key.partition(".")
    if section == OWN:
        return spelled(_plain(value))
    return _short(written(struct(TUNABLE[section], {name: _plain(value)}, section), name))


def _short(spelling: str) -> str:
    """A whole number without its fraction: people write 100, which is read as 100.0."""
    whole = spelling.removesuffix(".0")
    return whole if whole.isdecimal() else spelling


def edited(text: str, environment: str, values: Mapping[str, Any]) -> str:
    """The file's text with `values` in the environment's own sections.

    Args:
        text:        of the file, which can be read.
        environment: its name in it.
        values:      by dotted key: {"environment.strategy": "canary", "canary.bake": "5m"}.

    Raises:
        SettingsInvalid: the text is laid out in a way that cannot be edited; says what to write by hand.
    """
    import tomlkit  # noqa: PLC0415  only who writes needs it
    from tomlkit.exceptions import TOMLKitError  # noqa: PLC0415
    from tomlkit.items import InlineTable  # noqa: PLC0415

    mark, ending = MARK if text.startswith(MARK) else "", "\r\n" if "\r\n" in text else "\n"
    plain = text.removeprefix(MARK).replace("\r\n", "\n")
    before = tomllib.loads(plain)
    wanted = deepcopy(before)
    _put(wanted["environments"][environment], values, dict)
    try:
        document = tomlkit.parse(plain)
        own = document["environments"][environment]
        _put(own, values, tomlkit.inline_table if isinstance(own, InlineTable) else tomlkit.table)
        made = tomlkit.dumps(document)
        fits = tomllib.loads(made) == wanted
    except (TOMLKitError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError):
        fits = False
    if not fits:
        rows = "; ".join(f"{key} = {spelled(_plain(value))}" for key, value in values.items())
        raise SettingsInvalid(
            f"the settings of {environment} are laid out in a way that cannot be edited: nothing is "
            f"written. By hand: {rows}"
        )
    return mark + made.replace("\n", ending)


def _put(own: Any, values: Mapping[str, Any], empty: Any) -> None:
    for key, value in values.items():
        section, _, name = key.partition(".")
        if section != OWN and section not in own:
            own[section] = empty()
        (own if section == OWN else own[section])[name] = _plain(value)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value

"""Durations and shares as people write them: `90s`, `10m`, `2h`; `5`, `0.1`, `25%`."""

import re

UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%?", re.ASCII)


def seconds(text: str) -> float:
    """`"90s"` -> 90.0; compounds such as `"1h30m"` add up.

    Raises:
        ValueError: not a duration; says how one is written.
    """
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration: write 90s, 10m, 2h or 1h30m")
    return sum(float(number) * UNITS_S[unit] for number, unit in parts)


def spell(duration_s: float) -> str:
    """The shortest way a person would write it: 600.0 -> `"10m"`, 90.0 -> `"1m30s"`."""
    if duration_s < 1:
        return f"{round(duration_s * 1000)}ms" if duration_s > 0 else "0s"
    left, parts = round(duration_s), []
    for unit in ("d", "h", "m", "s"):
        count, left = divmod(left, int(UNITS_S[unit]))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def per_mille(text: str) -> int:
    """A share in percent, as typed, to per mille: `"5"` -> 50, `"0.1"` -> 1, `"25%"` -> 250.

    Raises:
        ValueError: not a share, outside 0..100, or finer than 0.1 % (an ALB can do no finer).
    """
    match = _SHARE.fullmatch(text.strip())
    value = float(match[1]) * 10 if match else -1.0
    if not 0 <= value <= 1000 or abs(value - round(value)) > 1e-9:
        raise ValueError(f"{text!r} is not a share: write percent from 0 to 100, 0.1 at the finest")
    return round(value)


def percent(share: int) -> str:
    """Per mille as percent for people: 50 -> `"5 %"`, 1 -> `"0.1 %"`."""
    return f"{share / 10:g} %"

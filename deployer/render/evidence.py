"""What was known of a release minute by minute, for people and for programs. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from deployer.analysis.counts import Counts
from deployer.analysis.ratio import RATIOS, Interval
from deployer.analysis.replay.trail import Look
from deployer.analysis.verdict import Finding
from deployer.model import WHOLE
from deployer.render.plan import UNBROKEN
from deployer.render.words import count, iso, one_line, time_of_day

if TYPE_CHECKING:
    from rich.text import Text

    from deployer.render.documents import Document

HEAD = (
    "min",
    "time",
    "share",
    "candidate",
    "stable",
    "ratio",
    "against",
    "all",
    "for",
    "cost",
    "100 %",
)
ALL = HEAD.index("all")
SPARE = ("100 %", "cost", "for", "ratio", "min")  # the least important first
LARGE, ENDLESS = 1e4, 1e10
THOUSAND, MILLION = (1e3, "k"), (1e6, "M")
SHOWN = 40  # minutes on a page; a file has all
LEGEND = (  # one line: the terminal breaks it where it must
    "against: evidence that it is worse, of this metric; all: of all metrics together; for: that it is "
    "not harmful; cost: bad requests beyond what stable would have had, so far; 100 %: had the release "
    "had all of the traffic"
)


def evidence_text(
    looks: Sequence[Look], most: int | None = SHOWN, width: int = UNBROKEN
) -> Text | None:
    """A table for each metric: the newest `most` minutes; None: all of them. None without any minute."""
    from rich.text import Text  # noqa: PLC0415  the functions in the cloud have no console

    if not looks:
        return None
    shown = looks if most is None else looks[-most:]
    left_out = len(looks) - len(shown)
    lines = [Text(f"Evidence, {count(len(looks), 'minute')}:", "bold")]
    if left_out:
        lines.append(
            Text(
                f"  the first {left_out} are in `deployer report --html FILE` and `--json FILE`",
                "dim",
            )
        )
    for nth, one in enumerate(looks[-1].findings):
        lines.append(Text(f"  {one_line(one.metric)}: {_thresholds(one, looks[-1])}"))
        lines += _table(shown, nth, left_out, width)
    lines.append(Text(f"  {LEGEND}", "dim"))
    return Text("\n").join(lines)


def _thresholds(one: Finding, look: Look) -> str:
    alone = len(look.findings) == 1
    both = "" if alone else f" alone, at {look.threshold:.0f} with all"
    return f"condemned at {one.threshold:.0f}{both}; called good at {one.safe_threshold:.0f}"


def _table(looks: Sequence[Look], nth: int, left_out: int, width: int) -> Iterator[Text]:
    """Of one metric; where there is no other, what all of them say is left out.

    Where there is not room for all of it, the columns that say least are left out too.
    """
    from rich.text import Text  # noqa: PLC0415  as above

    rows = [HEAD, *(_cells(look, nth, left_out + n) for n, look in enumerate(looks, 1))]
    if len(looks[-1].findings) == 1:
        rows = [_without(row, ALL) for row in rows]
    for name in SPARE:
        if sum(_widths(rows)) + 2 * len(rows[0]) <= width:
            break
        if name in rows[0]:
            at = rows[0].index(name)
            rows = [_without(row, at) for row in rows]
    widths = _widths(rows)
    yield Text(f"  {_padded(rows[0], widths)}", "dim")
    for look, row in zip(looks, rows[1:], strict=True):
        line = Text(f"  {_padded(row, widths)}", "red" if look.condemned else "")
        said = remark(look)
        yield line.append(f"  {said}", "yellow") if said else line


def _without(row: Sequence[str], at: int) -> tuple[str, ...]:
    return (*row[:at], *row[at + 1 :])


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def _cells(look: Look, nth: int, number: int) -> tuple[str, ...]:
    one = look.findings[nth]
    own, other = look.counts(one.metric)
    return (
        str(number), time_of_day(look.start)[:5], share(look.share), bad_of(own), bad_of(other),
        ratio(one.ratio), figure(one.against), figure(look.against), figure(one.safe),
        amount(one.cost), amount(one.cost_whole),
    )  # fmt: skip


def _padded(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))


def share(per_mille: int | None) -> str:
    """`5 %`, or that it changed."""
    return "moved" if per_mille is None else f"{per_mille / 10:g} %"


def bad_of(counts: Counts) -> str:
    """`3 of 1,200`; `?` for what was published and cannot be."""
    both = _both(counts)
    return "?" if both is None else f"{both[0]:,.0f} of {both[1]:,.0f}"


def ratio(interval: Interval) -> str:
    """`3.7x (1.6–7.3)`, or a dash while nothing is known of it."""
    if interval.best is None:
        return "–"
    low, high = (
        figure(interval.low),
        "any" if interval.high >= RATIOS[-1] else figure(interval.high),
    )
    over = "over " if interval.best >= RATIOS[-1] else ""
    return f"{over}{figure(interval.best)}x ({low}–{high})"


def figure(value: float) -> str:
    """A ratio or evidence: two figures, or whole; `13k`, `443k` where more says no more."""
    if value >= LARGE:
        size, unit = MILLION if value >= LARGE * 1e3 else THOUSAND
        return f"{value / size:,.0f}{unit}" if value < ENDLESS else "huge"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2g}" if value >= 0.01 else "0"


def amount(bad: float) -> str:
    """Bad requests, whole; never `-0`."""
    return f"{round(bad):,}"


def remark(look: Look) -> str:
    """What is special about a minute, in words; empty: nothing."""
    if look.opened:
        return f"{look.opened} requests to instances of which none was healthy"
    return one_line(look.trouble)


def evidence_document(looks: Sequence[Look]) -> Document | None:
    """The same for programs: keys as in a bake's `detail` (docs/cli.md)."""
    if not looks:
        return None
    return {
        "threshold": _figure(looks[-1].threshold),
        "minutes": [
            {
                "at": iso(look.start), "share": None if look.share is None else look.share * 100 / WHOLE,
                "against": _figure(look.against), "condemned": look.condemned,
                "trouble": remark(look) or None,
                "metrics": {
                    one.metric: _metric(one, *look.counts(one.metric)) for one in look.findings
                },
            }
            for look in looks
        ],
    }  # fmt: skip


def _metric(one: Finding, own: Counts, other: Counts) -> Document:
    return {
        "candidate": _both(own), "stable": _both(other),
        "ratio": None if one.ratio.best is None else _figure(one.ratio.best),
        "ratio_interval": [_figure(one.ratio.low), _figure(one.ratio.high)],
        "against": _figure(one.against), "for": _figure(one.safe),
        "for_threshold": _figure(one.safe_threshold), "cost": round(one.cost, 1),
        "cost_at_all_traffic": round(one.cost_whole, 1),
    }  # fmt: skip


def _both(counts: Counts) -> tuple[float, float] | None:
    """Bad and all requests; None: what was published cannot be."""
    known = math.isfinite(counts.requests) and math.isfinite(counts.bad)
    return (counts.bad, counts.requests) if known else None


def _figure(value: float) -> float:
    return float(f"{value:.4g}")

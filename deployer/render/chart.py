"""The evidence over time as a picture in a page: SVG, without a library. Pure."""

import math
from collections.abc import Iterator, Sequence
from html import escape

from deployer.analysis.replay.trail import Look
from deployer.model import WHOLE
from deployer.render.evidence import share
from deployer.render.words import time_of_day

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 920, 300, 60, 60, 30, 40
LEAST = 0.1  # evidence at the foot of the picture: ten to one for the release
CANDIDATE, THRESHOLD, SHARE = "#b3261e", "#777777", "#cfe3f5"
BEYOND = 100  # times the threshold is the top: evidence of a billion would press all before it flat
TICKS = 8


def evidence_chart(looks: Sequence[Look]) -> str:
    """Evidence against the release, its threshold, and the share that the candidate had; or nothing."""
    if not looks:
        return ""
    most = BEYOND * looks[-1].threshold
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" font-family="sans-serif" font-size="11">'
        ),
        *_shares(looks),
        *_axis(most),
        *_times(looks),
        _line(looks, most),
        _threshold(looks[-1].threshold, most),
        f'<text x="{LEFT}" y="{TOP - 12}" fill="{CANDIDATE}">evidence against the release</text>',
        (
            f'<text x="{WIDTH - RIGHT}" y="{TOP - 12}" text-anchor="end" fill="#4a86c5">'
            "share of the traffic</text>"
        ),
        "</svg>",
    ]
    return "\n".join(parts)


def _across(place: float, looks: Sequence[Look]) -> float:
    """Minutes from the first one, to pixels."""
    return LEFT + (WIDTH - LEFT - RIGHT) * place / len(looks)


def _up(value: float, most: float) -> float:
    """Evidence, on a logarithmic axis, to pixels."""
    part = math.log(max(value, LEAST) / LEAST) / math.log(most / LEAST)
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(part, 1.0)


def _shares(looks: Sequence[Look]) -> Iterator[str]:
    foot, height = HEIGHT - BOTTOM, HEIGHT - TOP - BOTTOM
    wide = (WIDTH - LEFT - RIGHT) / len(looks)
    for n, look in enumerate(looks):
        tall = height * (look.share or 0) / WHOLE
        yield (
            f'<rect x="{_across(n, looks):.1f}" y="{foot - tall:.1f}" width="{wide:.2f}" '
            f'height="{tall:.1f}" fill="{SHARE}"><title>{escape(share(look.share))}</title></rect>'
        )
    for percent in (0, 50, 100):
        yield (
            f'<text x="{WIDTH - RIGHT + 6}" y="{foot - height * percent / 100 + 4:.1f}" '
            f'fill="#4a86c5">{percent} %</text>'
        )


def _axis(most: float) -> Iterator[str]:
    power = LEAST
    while power <= most:
        y = _up(power, most)
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e5e5e5"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_told(power)}</text>'
        power = float(f"{power * 10:.3g}")


def _told(power: float) -> str:
    return f"{power:,.0f}" if power >= 1 else f"{power:g}"


def _times(looks: Sequence[Look]) -> Iterator[str]:
    for n in range(0, len(looks), max(1, math.ceil(len(looks) / TICKS))):
        yield (
            f'<text x="{_across(n, looks):.1f}" y="{HEIGHT - BOTTOM + 16}">'
            f"{time_of_day(looks[n].start)[:5]}</text>"
        )


def _line(looks: Sequence[Look], most: float) -> str:
    """Each minute's evidence stands at its end: then it is known."""
    points = " ".join(
        f"{_across(n + 1, looks):.1f},{_up(look.against, most):.1f}" for n, look in enumerate(looks)
    )
    start = f"{_across(0, looks):.1f},{_up(1.0, most):.1f}"
    return (
        f'<polyline points="{start} {points}" fill="none" stroke="{CANDIDATE}" stroke-width="2"/>'
    )


def _threshold(value: float, most: float) -> str:
    y = _up(value, most)
    return (
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{THRESHOLD}" '
        f'stroke-dasharray="5 4"/><text x="{LEFT + 6}" y="{y - 5:.1f}" fill="{THRESHOLD}">sent back at '
        f"{value:.0f}</text>"
    )

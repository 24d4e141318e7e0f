"""Harm against false aborts, every policy a dot: SVG, without a library."""

import math
from collections.abc import Mapping
from html import escape

from benchmarks.analysis.report import Summary

WIDTH, HEIGHT, MARGIN = 860, 520, 70
FALSE = (0.0002, 1.0)  # the axes' ends; zero false aborts is drawn at the left
HARM = (10.0, 20000.0)
COLOURS = {
    "ours": "#0a7d33", "CodeDeploy": "#b3541e", "Flagger": "#3b6fb6", "Argo": "#c2417c",
    "Kayenta": "#7a4fb0", "z-test": "#777777",
}  # fmt: skip

LEFT = ("CodeDeploy", "Flagger", "Kayenta", "z-test")  # their names stand left of their dots


def svg(summaries: Mapping[str, Summary], named: Mapping[str, object]) -> str:
    """The picture; those in `named` are large and bear their names."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        *axes(),
    ]
    for name, one in sorted(summaries.items(), key=lambda item: item[0] in named):
        x, y = across(one.false), up(one.harm)
        colour = next(c for word, c in COLOURS.items() if name.startswith(word))
        large = name in named
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{6 if large else 3}" fill="{colour}" '
            f'fill-opacity="{1 if large else 0.35}"><title>{escape(name)}</title></circle>'
        )
        if large:
            end = name.startswith(LEFT)
            parts.append(
                f'<text x="{x + (-9 if end else 9):.1f}" y="{y + 4:.1f}" '
                f'text-anchor="{"end" if end else "start"}" fill="{colour}">{escape(name)}</text>'
            )
    return "\n".join((*parts, "</svg>\n"))


def axes() -> list[str]:
    """Both logarithmic, with lines at the powers of ten."""
    parts = []
    for value in (0.001, 0.01, 0.1, 1.0):
        x = across(value)
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{MARGIN}" y2="{HEIGHT - MARGIN}" stroke="#ddd"/>'
        )
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - MARGIN + 18}" text-anchor="middle">{value:.1%}</text>'
        )
    for value in (10, 100, 1000, 10000):
        y = up(value)
        parts.append(
            f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        )
        parts.append(f'<text x="{MARGIN - 8}" y="{y + 4:.1f}" text-anchor="end">{value}</text>')
    parts.append(f'<text x="{MARGIN}" y="{HEIGHT - MARGIN + 18}" text-anchor="middle">0</text>')
    parts.append(
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 18}" text-anchor="middle">good releases sent back (mean over scenarios)</text>'
    )
    parts.append(
        f'<text x="{MARGIN}" y="{MARGIN - 24}">bad requests until a bad release is back (geometric mean); small dots: tuned settings</text>'
    )
    return parts


def across(false: float) -> float:
    return MARGIN + (WIDTH - 2 * MARGIN) * place(false, *FALSE)


def up(harm: float) -> float:
    return HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * place(harm, *HARM)


def place(value: float, low: float, high: float) -> float:
    """0..1 on a logarithmic axis."""
    kept = min(max(value, low), high)
    return math.log(kept / low) / math.log(high / low)

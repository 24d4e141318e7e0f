"""Numbers as people read them: three digits that mean something, and never an exponent."""

import math

ENDLESS = 1e9


def figure(value: float) -> str:
    """`0.0321`, `1.06`, `38.9`, `1,060`, `over a billion`: three digits, or the whole ones."""
    if not math.isfinite(value):
        return "any" if value > 0 else "?"
    if value > ENDLESS:
        return "over a billion"
    if value >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    return "0" if abs(value) < 0.0005 else f"{value:.3g}"


def rate(share: float) -> str:
    """A share, 0..1, in percent: `0.412 %`, `12.4 %`, `100 %`."""
    return f"{figure(100 * share)} %"

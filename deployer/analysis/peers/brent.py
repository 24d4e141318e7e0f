"""Brent's root finder, step for step as R's `zeroin` does it: Kayenta's figures depend on where it stops.

Brent, Algorithms for Minimization without Derivatives (1973), chapter 4; netlib zeroin.c.
"""

import sys
from collections.abc import Callable

STEPS = 1000


def root(f: Callable[[float], float], low: float, high: float, tol: float) -> float:
    """Where `f` is zero between `low` and `high`, of which it has opposite signs, within `tol`."""
    a, b, c = low, high, low
    fa, fb = f(low), f(high)
    fc = fa
    if fa == 0:
        return a
    for _ in range(STEPS):
        if fb == 0:
            return b
        before = b - a
        if abs(fc) < abs(fb):
            a, b, c = b, c, b
            fa, fb, fc = fb, fc, fb
        least = 2 * sys.float_info.epsilon * abs(b) + tol / 2
        step = (c - b) / 2
        if abs(step) <= least or fb == 0:
            return b
        if abs(before) >= least and abs(fa) > abs(fb):
            step = interpolated(step, before, least, (a, b, c), (fa, fb, fc))
        if abs(step) < least:
            step = least if step > 0 else -least
        a, fa = b, fb
        b += step
        fb = f(b)
        if (fb > 0 and fc > 0) or (fb < 0 and fc < 0):
            c, fc = a, fa
    return b


Three = tuple[float, float, float]


def interpolated(step: float, before: float, least: float, at: Three, value: Three) -> float:
    """The secant's or the inverse parabola's step, if it stays well inside; else `step`."""
    (a, b, c), (fa, fb, fc) = at, value
    span = c - b
    if a == c:
        t1 = fb / fa
        p, q = span * t1, 1 - t1
    else:
        q, t1, t2 = fa / fc, fb / fc, fb / fa
        p = t2 * (span * q * (q - t1) - (b - a) * (t1 - 1))
        q = (q - 1) * (t1 - 1) * (t2 - 1)
    if p > 0:
        q = -q
    else:
        p = -p
    inside = p < 0.75 * span * q - abs(least * q) / 2 and p < abs(before * q / 2)
    return p / q if inside else step

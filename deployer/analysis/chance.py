"""Draws that take exactly one uniform number each: so two policies that draw the same see the same."""

import math
from statistics import NormalDist

NORMAL = NormalDist()
MANY = 30.0  # expected events from which the normal approximation serves


def bell(u: float) -> float:
    """A standard normal number out of a uniform one."""
    return NORMAL.inv_cdf(min(max(u, 1e-12), 1 - 1e-12))


def poisson(u: float, mean: float) -> int:
    """A Poisson number: by inversion, or rounded from the normal where it is large."""
    if mean <= 0:
        return 0
    if mean > MANY:
        return max(0, round(mean + math.sqrt(mean) * bell(u)))
    k, chance = 0, math.exp(-mean)
    below = chance
    while u > below and k < 10 * MANY:
        k += 1
        chance *= mean / k
        below += chance
    return k


def binomial(u: float, n: int, p: float) -> int:
    """A binomial number, likewise; nearly certain events are counted by what is missing."""
    if n <= 0 or p <= 0:
        return 0
    if p >= 1:
        return n
    if p > 0.5:
        return n - binomial(1 - u, n, 1 - p)
    if n * p > MANY:
        return min(n, max(0, round(n * p + math.sqrt(n * p * (1 - p)) * bell(u))))
    k, chance = 0, math.exp(n * math.log1p(-p))
    below = chance
    while u > below and k < n:
        chance *= (n - k) / (k + 1) * p / (1 - p)
        k += 1
        below += chance
    return k

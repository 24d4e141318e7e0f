"""How safe advice is: several scales, on each of which more is safer."""

from deployer.durations import seconds
from deployer.operations.advice.advise import Advice

CANARY, BLUE_GREEN, ROLLING = "canary", "blue-green", "rolling"
RAMP_MOST = 10  # percent: no ramp begins with more


def safety(advice: Advice) -> dict[str, float]:
    """Scales: who meets the release first, how long it is watched, how long one change goes back."""
    return {
        "spared": 100 - first_users(advice),
        "watched": watched_s(advice),
        "warm": warm_s(advice),
        "undecided": undecided(advice),
        "harm": -harm(advice),
        "asked": asked(advice),
        "capacity": 0 if advice.settings.get("rolling.max_unavailable") else 1,
    }


def first_users(advice: Advice) -> float:
    """Percent of the users who meet a bad release first, at most."""
    if advice.strategy == CANARY:
        weights = advice.settings["canary.weights"]
        return weights[0] if isinstance(weights, tuple) else RAMP_MOST
    if advice.strategy == BLUE_GREEN:
        return 100
    surge = str(advice.settings["rolling.surge"])
    return float(surge.rstrip("%")) if surge.endswith("%") else 50  # one of two instances


def of(advice: Advice, key: str) -> float:
    return seconds(str(advice.settings[key]))


def warm_s(advice: Advice) -> float:
    """Seconds at full load in which one change brings everybody back."""
    if advice.strategy == CANARY:
        return of(advice, "canary.final_bake") + of(advice, "canary.linger")
    if advice.strategy == BLUE_GREEN:
        return of(advice, "blue_green.bake") + of(advice, "blue_green.window")
    return 0


def watched_s(advice: Advice) -> float:
    """Seconds in which it is judged, at most."""
    if advice.strategy != CANARY:
        return warm_s(advice) or of(advice, "rolling.bake")
    held = advice.settings["canary.hold_back_for"]
    shares = advice.settings["canary.weights"]
    baked = len(shares) * of(advice, "canary.bake") if isinstance(shares, tuple) else 0
    return (
        max(baked, of(advice, "analysis.max_time"))
        + of(advice, "canary.final_bake")
        + (600 if held == "auto" else of(advice, "canary.hold_back_for"))
    )


def undecided(advice: Advice) -> int:
    """What becomes of a release that nobody could call good: on, a person, back."""
    means = advice.settings["analysis.inconclusive"]
    if means == "auto":
        means = "promote" if advice.strategy == CANARY else "abort"
    # Where a few requests would send back every release, whoever asks a person is no less safe.
    return {"promote": 0, "hold": 1, "abort": 1}[str(means)]


def harm(advice: Advice) -> float:
    """Bad requests that a next share may cost."""
    return float(str(advice.settings.get("analysis.harm_budget", 1e9)))


def asked(advice: Advice) -> bool:
    """A person is asked."""
    keys = ("canary.approve", "blue_green.approve", "rolling.until")
    return any(advice.settings.get(key) for key in keys)

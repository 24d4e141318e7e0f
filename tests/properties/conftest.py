"""Hypothesis: few examples at a desk, many in CI; derandomized, so that a failure comes back."""

import os

from hypothesis import HealthCheck, settings

COMMON = {
    "deadline": None,
    "derandomize": True,
    "print_blob": True,
    "suppress_health_check": [HealthCheck.too_slow],
}
settings.register_profile("desk", max_examples=50, **COMMON)  # type: ignore[arg-type]
settings.register_profile("ci", max_examples=300, **COMMON)  # type: ignore[arg-type]
settings.register_profile(
    "hunt", max_examples=4000, derandomize=False, deadline=None, print_blob=True
)
settings.load_profile(
    os.environ.get("PROFILE") or "ci" if os.environ.get("CI") == "true" else "desk"
)

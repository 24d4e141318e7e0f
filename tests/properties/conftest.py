"""Hypothesis: few examples at a desk, more in CI, and many for a hunt (HYPOTHESIS_PROFILE=hunt).

Derandomized, so that a failure comes back; the hunt is not, and prints what reproduces it.
"""

import os

from hypothesis import settings

settings.register_profile("desk", max_examples=50, deadline=None, derandomize=True, print_blob=True)
settings.register_profile("ci", settings.get_profile("desk"), max_examples=200)
settings.register_profile(
    "hunt", settings.get_profile("desk"), max_examples=4000, derandomize=False
)
default = "ci" if os.environ.get("CI") == "true" else "desk"
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", default))

"""Hypothesis has no stopwatch of its own: pytest's limit per test is enough, and machines are busy."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

"""Hypothesis has no stopwatch of its own: pytest's limit per test is enough, and machines are busy.

And the garbage collector does not look through what every test has imported again and again: that
was a tenth of the processor time of the suite.
"""

import gc

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

YOUNG = 50_000  # new objects before they are looked through; Python's own 700 suit small heaps


def pytest_collection_finish() -> None:
    gc.set_threshold(YOUNG, 10, 10)
    gc.collect()
    gc.freeze()

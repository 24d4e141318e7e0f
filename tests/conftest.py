"""Hypothesis has no stopwatch of its own: pytest's limit per test is enough, and machines are busy.

And the garbage collector does not look through what every test has imported again and again: that
was a tenth of the processor time of the suite.
"""

import gc
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.__main__ import marked
from tests.downloads import Unreachable

if TYPE_CHECKING:
    from playwright.sync_api import Browser

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

REAL = ("lab", "cdk", "alone", "long")
YOUNG = 50_000  # new objects before they are looked through; Python's own 700 suit small heaps


def pytest_itemcollected(item: pytest.Item) -> None:
    """A test with real processes says so in its own file, where `python -m tests` looks for it."""
    marks = [each for each in REAL if item.get_closest_marker(each)]
    if marks and item.path not in looked():
        raise pytest.UsageError(f"{item.nodeid} is marked {marks}, but not in its file")


@cache
def looked() -> frozenset[Path]:
    return frozenset(marked())


def pytest_collection_finish() -> None:
    gc.set_threshold(YOUNG, 10, 10)
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """A real one (tests/browser/chromium.py); its users are marked `alone`, and `timeout(300)`: it may be fetched first."""
    from tests.browser.chromium import chromium

    try:
        with chromium() as started:
            yield started
    except Unreachable as error:
        pytest.skip(f"no real browser: {error}")

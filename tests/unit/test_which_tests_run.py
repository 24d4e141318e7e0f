"""Every test runs in exactly one of the parts of `make test` and `make test-long`, whatever its marks."""

from itertools import product

import pytest

from tests.__main__ import LONG, PURE, REAL
from tests.conftest import REAL as MARKS


@pytest.mark.parametrize("given", list(product([False, True], repeat=len(MARKS))), ids=str)
def test_marks_choose_one_part(given: tuple[bool, ...]) -> None:
    marks = dict(zip(MARKS, given, strict=True))
    chosen = [part for part in (REAL, PURE, LONG) if eval(part, {}, dict(marks))]  # noqa: S307
    assert len(chosen) == 1, chosen

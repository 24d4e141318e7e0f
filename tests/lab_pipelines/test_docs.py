"""The page names tests that exist, and every test but the plainest is on it."""

import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "lab" / "pipelines.md"


def test_every_test_that_the_page_names_exists() -> None:
    source = "".join(path.read_text() for path in HERE.glob("test_*.py"))
    existing = set(re.findall(r"^def (test_\w+)", source, re.MULTILINE))
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text()))
    assert len(named) > 20
    assert named <= existing, named - existing

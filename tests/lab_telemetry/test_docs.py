"""The table of behaviours names tests that exist."""

import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "lab" / "telemetry.md"


def test_every_test_that_the_page_names_exists() -> None:
    files = [*HERE.glob("test_*.py"), HERE.parent / "lab_core" / "test_monitored.py"]
    source = "".join(path.read_text() for path in files)
    existing = set(re.findall(r"^def (test_\w+)", source, re.MULTILINE))
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text()))
    assert named
    assert named <= existing, named - existing

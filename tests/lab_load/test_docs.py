"""docs/lab/load.md and the report's docstring name every key."""

from pathlib import Path

from deployer.lab.load import report
from deployer.lab.load.report import LoadReport

PAGE = Path(__file__).parents[2] / "docs" / "lab" / "load.md"


def test_every_key_is_documented() -> None:
    made = LoadReport("http://127.0.0.1/", 1, 1)
    made.answered("v1", 500, 1.0, 0.0)
    shown = made.as_json()
    keys = {*shown, *shown["releases"]["v1"], *shown["latency_ms"], *shown["failure_samples"][0]}
    page, docstring = PAGE.read_text(), str(report.__doc__)
    assert [key for key in keys if f"`{key}`" not in page] == []
    assert [key for key in keys if key not in docstring] == []

import re
from pathlib import Path

HERE = Path(__file__).parent


def test_the_page_names_tests_that_exist() -> None:
    text = (HERE.parents[1] / "docs" / "lab" / "lambda.md").read_text()
    named = re.findall(r"`(test_\w+\.py)::(\w+)`", text)
    assert len(named) > 10
    for file, name in named:
        assert f"def {name}(" in (HERE / file).read_text()

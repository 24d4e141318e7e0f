"""What README and CONTRIBUTING tell somebody to type who has just cloned, in a fresh checkout; minutes.

Of all that `make` tests only a few tests are chosen: this is one of them.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents import checkout
from tests.documents.checkout import Checkout
from tests.documents.reading import shown
from tests.downloads import Unreachable

pytestmark = [pytest.mark.long, pytest.mark.timeout(2400)]

FEW = "-o testpaths=tests/windows -k 'test_calendar or test_urls'"
HERE = "tests/documents/test_checkout.py"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    try:
        yield checkout.made(tmp_path_factory.mktemp("checkout"))
    except Unreachable as error:
        pytest.skip(f"nothing can be installed: {error}")


@pytest.fixture(scope="module")
def begun(fresh: Checkout) -> Checkout:
    """After README's first line."""
    (begin,) = shown(f"{HERE}::test_the_first_line_brings_everything")
    fresh.types(begin, limit_s=900)
    return fresh


def test_the_first_line_brings_everything(begun: Checkout) -> None:
    (begin,) = shown(f"{HERE}::test_the_first_line_brings_everything")
    told = begun.types(
        begin, "deployer --version", "deployer lab --help", "command -v cdk", "command -v deployer"
    )
    programs = [str(begun.folder / ".venv/bin" / name) for name in ("cdk", "deployer")]
    assert told.splitlines()[-2:] == programs


def test_what_a_contributor_types(begun: Checkout) -> None:
    """Nothing of it changes a file: all are formatted, and the reference is that of the code."""
    before = begun.digests()
    for line in shown(f"{HERE}::test_what_a_contributor_types"):
        begun.types(line, limit_s=900, PYTEST_ADDOPTS=FEW if line.split()[0] == "make" else "")
    assert begun.digests() == before


def test_the_show_and_the_proof(begun: Checkout, tmp_path: Path) -> None:
    show, proof = shown(f"{HERE}::test_the_show_and_the_proof")
    told = begun.types(show, limit_s=900, DEPLOYER_LAB=str(tmp_path / "lab"))
    assert "none lost." in told
    told = begun.types(proof, PYTEST_ADDOPTS=FEW)
    assert told.count(" passed") == 2, told

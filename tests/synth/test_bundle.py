"""The functions' code: what is fetched for another machine is there when it is whole, or not at all."""

from pathlib import Path

import pytest

from deployer.errors import NotPossibleNow
from stacks import bundle


def test_what_pip_could_not_fetch_leaves_nothing_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # nobody is asked: quick, and the same everywhere
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    folder = tmp_path / ".bundle" / "msgspec"
    with pytest.raises(
        NotPossibleNow, match=r"need msgspec==0\.0\.1 for Linux, and this machine is"
    ):
        bundle.fetch("0.0.1", folder)
    assert list(folder.parent.iterdir()) == []

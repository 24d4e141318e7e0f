"""The functions' code: what is fetched for another machine is there when it is whole, or not at all."""

import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from deployer import web
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


# What of the pages and words the functions use. They have no console: rich is not in the bundle.
WORDS = (
    "words",
    "plan",
    "progress",
    "lines",
    "asking",
    "owed",
    "terms",
    "figures",
    "evidence",
    "report.page",
)
WITHOUT_RICH = f"""
import sys
sys.modules["rich"] = None
sys.path.insert(0, sys.argv[1])
for name in {WORDS!r}:
    __import__(f"deployer.render.{{name}}")
from deployer import web
assert all(map(web.asset, (*web.STYLES, *web.SCRIPTS)))
assert web.__file__.startswith(sys.argv[1])
"""


def test_pages_are_made_out_of_the_bundle_alone(tmp_path: Path) -> None:
    with zipfile.ZipFile(BytesIO(bundle.zipped(b""))) as made:
        made.extractall(tmp_path)
    names = {each.name for each in (tmp_path / "deployer/web").iterdir()}
    assert names == {*web.STYLES, *web.SCRIPTS, "__init__.py", "uplot.LICENSE"}
    subprocess.run([sys.executable, "-c", WITHOUT_RICH, str(tmp_path)], check=True, cwd=tmp_path)

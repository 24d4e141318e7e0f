"""Files that pages in a browser are made of: uPlot, which draws charts, and ours around it. No network.

`uplot.js`, `uplot.css` and `uplot.LICENSE` are uPlot 1.6.32 as npm has it (`dist/uPlot.iife.min.js`,
`dist/uPlot.min.css`, `LICENSE`), unchanged: tests/web/test_assets.py holds them to their checksums.
`charts.js` draws a `render.figures.Figure` with it; `page.css` has the colours, light and dark.
"""

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

UPLOT: Final = "1.6.32"
STYLES: Final = ("uplot.css", "page.css")
SCRIPTS: Final = ("uplot.js", "charts.js")


@cache
def asset(name: str) -> str:
    """One file's text.

    Raises:
        FileNotFoundError: there is none of that name.
    """
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


@cache
def digest(text: str) -> str:
    """What a Content-Security-Policy calls an inline script or style: `'sha256-…'`."""
    found = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{found}'"

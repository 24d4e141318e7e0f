"""One document of each event that `--output json` says, of commands over simulated environments.

`python -m tests.cli.samples` records those that tests/data/json does not have yet. What is recorded stays:
programs were written for it.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deployer.findings import Finding, Level
from deployer.model import Weights
from deployer.render.findings import finding_document
from tests.cli.several import Several
from tests.cli.stage import Stage, stage
from tests.sim.fleet import Behaviour

RECORDED = Path(__file__).parents[1] / "data" / "json"
Json = dict[str, Any]


def said() -> Iterator[Json]:
    """Everything that the commands below say."""
    with tempfile.TemporaryDirectory() as folder:
        for number, story in enumerate((shipped, worse, moved, abandoned, several, empty)):
            place = Path(folder) / str(number)
            place.mkdir()
            yield from story(place)
    found = Finding(
        "health", Level.PROBLEM, "blue", "no health path", "bad ones serve", ("set one",)
    )
    yield finding_document(found, 1.8e9)


def shipped(folder: Path) -> Iterator[Json]:
    """A canary that somebody pauses and lets go on; then what the commands that look say."""
    shop, heard = stage(folder), list[Json]()

    def at(after_s: float, *command: str) -> None:
        shop.at(after_s, lambda: heard.extend(shop.json(*command)[0]))

    at(150, "pause")
    at(200, "status")
    at(210, "resume")
    yield from shop.json("canary", "v2")[0]
    yield from heard
    yield from shop.json("history")[0]
    yield from whole(shop)
    yield from shop.json("settle")[0]
    yield from shop.json("cost", "v3")[0]
    yield from shop.json("windows")[0]


def whole(shop: Stage) -> Iterator[Json]:
    for each in shop.json("show", shop.records[0].id)[0]:
        yield each | ({"event": "deployment-whole"} if each["event"] == "deployment" else {})


def worse(folder: Path) -> Iterator[Json]:
    """One that goes back."""
    shop = stage(folder, behaviours={"v3": Behaviour(errors=30)})
    yield from shop.json("canary", "v3", "--weights", "50")[0]
    yield from whole(shop)


def moved(folder: Path) -> Iterator[Json]:
    """One that halts, since somebody has moved traffic; the next one is refused."""
    shop = stage(folder)
    shop.play.move_weights_at(120, Weights(300, 700))
    yield from shop.json("canary", "v2")[0]
    yield from shop.json("canary", "v3")[0]


def abandoned(folder: Path) -> Iterator[Json]:
    """One whose process dies; a supervisor meets it."""
    shop = stage(folder)

    def die() -> None:
        raise MemoryError("killed")

    shop.at(100, die)
    shop.journal.forgetful = True
    yield from shop.json("canary", "v2")[0]
    shop.journal.forgetful = False
    shop.play.clock.sleep(61.0)
    yield from shop.json("supervise", "--once")[0]


def several(folder: Path) -> Iterator[Json]:
    """Three environments, one of which does not answer."""
    yield from Several(folder).json("status")[0]


def empty(folder: Path) -> Iterator[Json]:
    """Where nothing was ever released."""
    yield from stage(folder, weights=None).json("status")[0]


def missing() -> Iterator[str]:
    """Record what is not yet there; its names."""
    RECORDED.mkdir(exist_ok=True)
    for each in said():
        file = RECORDED / f"{each['event']}.json"
        if not file.exists():
            event = each["event"].removesuffix("-whole")
            file.write_text(
                json.dumps(each | {"event": event}, indent=1, ensure_ascii=False) + "\n"
            )
            yield file.name


if __name__ == "__main__":
    sys.stdout.write("".join(f"{name}\n" for name in missing()))

"""docs/screens is what commands show: one picture a scene, and new ones are like it."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from docs.generate.screens import FOLDER, SCENES, Scene, pictures

ROOT = Path(__file__).parents[2]


def test_there_is_a_picture_and_a_text_of_each_scene_and_nothing_else() -> None:
    there = {file.name for file in FOLDER.iterdir()}
    assert there == {f"{scene.name}.{kind}" for scene in SCENES for kind in ("svg", "txt")}


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_a_screen_shows_what_it_is_for_within_its_terminal(scene: Scene) -> None:
    text = (FOLDER / f"{scene.name}.txt").read_text(encoding="utf-8")
    assert text.startswith(f"$ deployer {' '.join(scene.command)}\n")
    assert all(words in text for words in scene.shows)
    assert max(map(len, text.splitlines())) <= scene.columns
    svg = (FOLDER / f"{scene.name}.svg").read_text(encoding="utf-8")
    assert ET.fromstring(svg).tag.endswith("svg")  # noqa: S314  our own file
    assert not re.search(r"url\(.?http|/tmp/|/home/|/root", svg)


def shape(text: str) -> set[str]:
    """What is always the same of a screen: its words, without numbers, ids and bars."""
    return set(re.findall(r"[a-z]{4,}", re.sub(r"\S*\d\S*", "", text)))


@pytest.mark.lab
@pytest.mark.long
@pytest.mark.timeout(400)
def test_new_pictures_are_like_those_in_the_documentation(tmp_path: Path) -> None:
    pictures(tmp_path / "lab", tmp_path / "screens")
    for scene in SCENES:
        old = shape((FOLDER / f"{scene.name}.txt").read_text(encoding="utf-8"))
        new = shape((tmp_path / "screens" / f"{scene.name}.txt").read_text(encoding="utf-8"))
        assert len(old & new) >= 0.8 * len(old | new), (scene.name, sorted(old ^ new))

"""The pictures of the strategies show what they say, and are shown."""

import xml.etree.ElementTree as ET  # our own files

import pytest

from docs.generate.pictures import PICTURES
from docs.generate.stories import NEW, OLD, SIZE, STORIES, Look
from tests.documents.reading import NAMES, ROOT, page

LOOKS = {name: story.looks() for name, story in STORIES.items()}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("name", STORIES)
def test_nobody_is_without_a_release_and_no_release_without_instances(name: str) -> None:
    for look in LOOKS[name]:
        assert sum(look.users.values()) == pytest.approx(100)
        assert sum(look.instances.values()) >= SIZE
        assert all(look.instances[each] for each in (OLD, NEW) if look.users[each])


def shares(looks: list[Look]) -> list[float]:
    """What the new release has had of the users, without repetitions."""
    each = [look.users[NEW] for look in looks]
    return [share for n, share in enumerate(each) if n == 0 or share != each[n - 1]]


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("canary", [0, 5, 25, 50, 100]),
        ("canary-bad", [0, 5, 0]),
        ("ramp", [0, 0.1, 0.5, 1, 2, 5, 10, 25, 50, 95, 100]),
        ("blue-green", [0, 100]),
    ],
)
def test_each_picture_is_of_what_its_words_say(name: str, steps: list[float]) -> None:
    assert shares(LOOKS[name]) == steps
    left = {"canary-bad": SIZE, "blue-green": 1}.get(name, 0)
    assert LOOKS[name][-1].instances[OLD] == left


def test_rolling_never_has_fewer_instances_and_one_more_at_most() -> None:
    assert {sum(look.instances.values()) for look in LOOKS["rolling"]} == {SIZE, SIZE + 1}
    assert shares(LOOKS["rolling"])[-1] == 100


@pytest.mark.parametrize("path", PICTURES)
def test_each_is_a_picture_that_a_page_shows_in_words_too(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    root = ET.fromstring(text)  # noqa: S314 - our own file
    assert root.tag == f"{SVG}svg"
    assert not list(root.iter(f"{SVG}script"))
    shown = [
        (name, token.content)
        for name in NAMES
        for outer in page(name).tokens
        for token in outer.children or ()
        if token.type == "image"
        if path.endswith(str(token.attrGet("src")))
    ]
    assert shown, f"{path} is on no page"
    assert all(len(words) > 30 for _, words in shown)

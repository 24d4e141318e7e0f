"""States, numbered: whoever comes back gets the newest of what changed, and nothing twice."""

from hypothesis import given
from hypothesis import strategies as st

from deployer.dashboard.feed import Feed


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text(max_size=3)), max_size=30), st.data())
def test_a_browser_that_comes_and_goes_ends_up_with_the_newest_of_each(
    published: list[tuple[str, str]], data: st.DataObject
) -> None:
    feed, seen, last = Feed("t"), dict[str, str](), 0
    for name, body in published:
        feed.publish(name, name, body)
        if data.draw(st.booleans()):
            for entry in feed.after(last):
                assert entry.number > last
                seen[entry.kind], last = entry.body, entry.number
    for entry in feed.after(last):
        seen[entry.kind] = entry.body
    assert seen == dict(published)


@given(st.text(max_size=20))
def test_an_id_of_somewhere_else_means_everything(words: str) -> None:
    feed = Feed("tag")
    assert feed.number_of(words) == 0
    assert feed.number_of(f"tag:{words}") in (0, int(words) if words.isdecimal() and words.isascii() else 0)  # fmt: skip
    assert feed.number_of("tag:17") == 17
    assert Feed("other").number_of("tag:17") == 0


def test_whoever_listens_is_woken_until_he_leaves() -> None:
    feed, woken, came = Feed("t"), list[str](), list[str]()
    feed.arrival = lambda: came.append("one")
    with feed.listening(lambda: woken.append("news")):
        assert feed.listeners == 1
        feed.publish("a", "a", "1")
        feed.close()
    feed.publish("a", "a", "2")
    assert (feed.listeners, woken, came) == (0, ["news", "news"], ["one"])
    assert feed.closed

"""The last of an output, without our credentials, however it is cut into pieces."""

from hypothesis import example, given
from hypothesis import strategies as st

from deployer.aws.tail import KEPT, Tail, secrets_of

SECRET = "abcdefghij" * 4


def fed(text: bytes, size: int, *secrets: str) -> str:
    tail = Tail(secrets)
    for start in range(0, len(text), size):
        tail.feed(text[start : start + size])
    return tail.text()


def test_a_short_output_is_whole() -> None:
    assert fed(b"  hello\nworld \n", 3) == "hello\nworld"


def test_of_a_long_one_the_end_is_left() -> None:
    assert fed(b"x" * 5000 + b"end", 700) == "..." + "x" * (KEPT - 3) + "end"


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert fed(b"\xff ok", 10) == "\N{REPLACEMENT CHARACTER} ok"


@given(st.integers(0, 6000), st.integers(0, 4200), st.integers(0, 3), st.integers(1, 5000))
@example(before=10, after=4070, more=3, size=5000)
def test_no_part_of_a_secret_is_left(before: int, after: int, more: int, size: int) -> None:
    """Also where our own bound cuts one, and others make room for what is left of it."""
    secret = SECRET.encode()
    shown = fed(b"." * before + secret + b"." * after + secret * more, size, SECRET)
    assert not set(shown) & set(SECRET)
    assert len(shown) <= KEPT + 3


def test_what_is_secret() -> None:
    environ = {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": f"{SECRET}{SECRET}",
        "AWS_SECURITY_TOKEN": "lab",
        "AWS_REGION": "us-east-1",
    }
    assert secrets_of(environ) == (f"{SECRET}{SECRET}", SECRET, "AKIDEXAMPLE")

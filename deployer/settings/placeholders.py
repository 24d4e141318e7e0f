"""What a metric's query may have in braces, and what stands there for one slot. Pure."""

import re
from collections.abc import Callable, Mapping

from deployer.errors import NotFound

# A slot's own, an environment's own.
NAMES = (
    "slot", "release", "target_group", "load_balancer", "group", "service", "environment",
)  # fmt: skip
TELLING = ("slot", "release", "group", "target_group")  # ... of which these differ between slots
TIMES = ("since", "until")  # ... and of an address: epoch seconds, `until` excluded
UNKNOWN = "nothing is known yet that"
_BRACED = re.compile(r"\{([a-z_]+)\}")


def strange(text: str, known: tuple[str, ...]) -> str | None:
    """A word in braces that stands for nothing; None: there is none.

    `{2}`, `{5,}` and `{job="shop"}` are a query's own.
    """
    return next((name for name in _BRACED.findall(text) if name not in known), None)


def apart(text: str) -> bool:
    """Whether it asks for one slot's: else both slots are told the same."""
    return any(name in TELLING for name in _BRACED.findall(text))


def filled(
    text: str, facts: Mapping[str, str], quote: Callable[[str], str] = lambda value: value
) -> str:
    """`text` with what stands for each word in braces.

    Raises:
        NotFound: a word for which there is nothing: no release is known of the slot, say.
    """
    lacking = strange(text, tuple(facts))
    if lacking is not None:
        raise NotFound(f"{UNKNOWN} {{{lacking}}} stands for")
    return _BRACED.sub(lambda found: quote(facts[found[1]]), text)

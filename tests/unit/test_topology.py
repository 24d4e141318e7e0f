"""Names that AWS must accept and that must not meet."""

import re

from hypothesis import given
from hypothesis import strategies as st

from deployer.topology import target_group_name

SLUGS = st.from_regex(r"[a-z][a-z0-9-]{0,31}", fullmatch=True)


@given(SLUGS, SLUGS, st.sampled_from(["blue", "green"]))
def test_a_target_groups_name_is_one_that_aws_takes(
    service: str, environment: str, slot: str
) -> None:
    name = target_group_name(service, environment, slot)
    assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])", name)
    assert name.endswith(f"-{slot}")


def test_a_short_name_says_it_all() -> None:
    assert target_group_name("shop", "prod", "blue") == "shop-prod-blue"


def test_long_names_that_begin_alike_stay_apart() -> None:
    one, two = (target_group_name("a" * 32, name, "green") for name in ("staging", "staging2"))
    assert one != two
    assert one.startswith("aaaaaaa")

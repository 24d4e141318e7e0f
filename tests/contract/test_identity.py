"""Names of deployments and of those who run them."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer import identity

moments = st.floats(0, 4e9)


@given(moments, st.floats(1, 1e9))
def test_ids_sort_by_time(now: float, later: float) -> None:
    assert identity.deployment_id(now) < identity.deployment_id(now + later)


def test_an_id_can_be_read() -> None:
    assert identity.deployment_id(1_700_000_000.9).startswith("20231114-221320-")


def test_two_processes_of_one_person_are_two_owners() -> None:
    assert identity.owner({}) != identity.owner({})
    assert str(os.getpid()) in identity.owner({})


def test_the_run_of_a_pipeline_is_named() -> None:
    assert identity.caller({"CODEBUILD_BUILD_ID": "ship:7"}) == "CodeBuild ship:7"
    assert identity.caller({"GITHUB_RUN_ID": "42"}) == "GitHub run 42"
    assert identity.caller({"AWS_LAMBDA_FUNCTION_NAME": "tick"}) == "function tick"


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError

    monkeypatch.setattr("getpass.getuser", nameless)
    assert identity.caller({}).startswith(f"uid{os.getuid()}@")


def test_a_person_is_user_and_host() -> None:
    user, _, host = identity.caller({}).partition("@")
    assert user
    assert host

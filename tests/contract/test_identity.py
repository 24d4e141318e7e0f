"""Names of deployments and of those who run them."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.process import identity

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


PIPELINE = {"CODEBUILD_BUILD_ID": "ship:7", "CODEBUILD_INITIATOR": "codepipeline/shop"}
GITHUB = {"GITHUB_RUN_ID": "42", "GITHUB_REPOSITORY": "acme/shop"}


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        (PIPELINE, "CodePipeline shop, CodeBuild ship:7"),
        (
            {**PIPELINE, "DEPLOYER_PIPELINE_EXECUTION": "1f2e"},
            "CodePipeline shop, execution 1f2e, CodeBuild ship:7",
        ),
        ({"CODEBUILD_BUILD_ID": "ship:7", "CODEBUILD_INITIATOR": "alice"}, "CodeBuild ship:7"),
        (GITHUB, "https://github.com/acme/shop/actions/runs/42"),
        (
            {**GITHUB, "GITHUB_SERVER_URL": "https://git.acme", "GITHUB_ACTOR": "bob"},
            "https://git.acme/acme/shop/actions/runs/42, begun by bob",
        ),
        (
            {"CI_JOB_URL": "https://ci:pw@git.acme/1?token=x", "GITLAB_USER_LOGIN": "eve"},
            "https://git.acme/1, begun by eve",
        ),
        ({"AWS_LAMBDA_FUNCTION_NAME": "shop-tick"}, "function shop-tick"),
    ],
)
def test_from_where_somebody_acts(environ: dict[str, str], said: str) -> None:
    assert identity.origin(environ) == said


def test_a_person_acts_from_a_host_perhaps_over_the_network() -> None:
    here = identity.origin({})
    assert here.startswith("host ")
    over = identity.origin({"SSH_CONNECTION": "203.0.113.7 51234 10.0.0.5 22"})
    assert over == f"{here}, over SSH from 203.0.113.7"

"""What a canary is judged by, and its shares: flags, and what the plan says before anything happens."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import pytest

from deployer.changes import SetWeights
from deployer.errors import CloudUnavailable
from deployer.model import Minute, Slot
from deployer.render.words import iso
from tests.cli.conftest import Staged
from tests.cli.stage import SETTINGS, Stage

OTHERS = ("metrics", "expected_s", "course", "good_after_s")


@dataclass
class Busy:
    """An hour of `per_min` requests a minute in each of two zones; one in 200 is slow."""

    per_min: int = 1500

    def zones(
        self, slot: Slot, since: float, until: float, slow_s: float | None = None
    ) -> Mapping[str, Sequence[Minute]]:
        del slot, since
        end = until // 60 * 60
        slow = None if slow_s is None else self.per_min // 200
        hour = [
            Minute(end - 60.0 * n, self.per_min, target_5xx=n % 8 == 0, slow=slow)
            for n in range(1, 61)
        ]
        return {"us-east-1a": hour, "us-east-1b": hour}

    def response_s(self, slot: Slot, since: float, until: float, quantile: float) -> float | None:
        del slot, since, until, quantile
        return 0.2134

    def balancer_5xx(self, since: float, until: float) -> int:
        raise AssertionError((since, until))


class Mute:
    """Nobody answers."""

    def traffic(self, since: float, until: float, slow_s: float | None = None) -> NoReturn:
        raise CloudUnavailable("CloudWatch is down")


@pytest.fixture
def busy(staged: Staged) -> Stage:
    """An hour after it began to serve."""
    shop = staged()
    shop.past = Busy()
    shop.config.write_text(SETTINGS.replace('max_time = "3m"', 'max_time = "30m"'))
    shop.play.clock.sleep(3600.0)
    return shop


def said(shop: Stage, *flags: str) -> str:
    done = shop.run("canary", "v2", "--dry-run", *flags)
    assert done.exit_code == 0, done.output
    return " ".join(done.stdout.split())


def test_the_plan_says_what_it_is_judged_by_and_how_long_that_takes(busy: Stage) -> None:
    plan = said(busy)
    assert (
        "Judged beside blue by failed requests and answers slower than 220ms: a release that is no "
        "worse goes back in 1 % of deployments at most, a harmful one is called good in 5 %."
        in plan
    )
    assert (
        "Usual: 3,000 requests a minute; at most 0.014 % failed and 0.5 % slow. 50 % of that tell in "
        "about 7m whether it is good; without a verdict after 30m it goes on, if nothing speaks "
        "against it." in plan
    )


def test_programs_read_the_same(busy: Stage) -> None:
    documents, _ = busy.json("canary", "v2", "--auto", "--dry-run")
    assert documents[0]["ramp"] is True
    judged = documents[0]["judged"]
    assert [each["name"] for each in judged["metrics"]] == ["failures", "slow"]
    assert {key: judged[key] for key in judged if key not in OTHERS} == {
        "slow_s": 0.22, "requests_per_min": 3000.0, "probes_per_min": 0, "alpha": 0.01, "beta": 0.05,
        "harm_budget": 100.0, "warm_up_s": 0.0, "least_s": 60.0, "most_s": 1800.0,
        "inconclusive": "promote",
    }  # fmt: skip
    assert 120 <= judged["expected_s"] <= 600
    assert judged["metrics"][0]["clustered"] == 1.5
    assert judged["course"][0] == {"after_s": 0, "percent": 1.0}


def test_too_little_traffic_for_a_verdict_is_said_beforehand(staged: Staged) -> None:
    shop = staged()
    shop.past, shop.play.cloud.rate = Busy(200), 0.5
    shop.play.clock.sleep(3600.0)
    plan = said(shop)
    assert "Usual: 30 requests a minute" in plan
    assert "of that would tell in" in plan
    assert "only whether it is good: without a verdict after 3m it goes on" in plan


@pytest.mark.parametrize(
    ("policy", "words"), [("hold", "it waits for a person"), ("abort", "it goes back")]
)
def test_the_policy_is_said_in_words(busy: Stage, policy: str, words: str) -> None:
    busy.config.write_text(SETTINGS + f'inconclusive = "{policy}"\n')
    assert f"without a verdict after 3m {words}." in said(busy)


def test_without_a_past_the_plan_says_so_and_steps_are_fixed(staged: Staged) -> None:
    shop = staged()
    documents, _ = shop.json("canary", "v2", "--auto", "--dry-run")
    assert (documents[0]["ramp"], documents[0]["judged"]["requests_per_min"]) == (False, None)
    plan = said(shop, "--auto")
    assert "No ramp: it needs 15 minutes of traffic in the last day" in plan
    assert "fixed steps instead: 5 %, 25 %, 50 %." in plan
    assert (
        "What is usual is not known: it takes 15 minutes of users in the last day. Without" in plan
    )
    assert "by failed requests, not by latency: a release" in plan


def test_a_plan_that_compares_with_nothing_says_nothing_of_it(busy: Stage) -> None:
    done = busy.run("blue-green", "v2", "--dry-run")
    assert "Judged beside" not in done.stdout
    documents, _ = busy.json("blue-green", "v2", "--dry-run")
    assert (documents[0]["judged"], documents[0]["ramp"]) == (None, False)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--auto", "--weights", "5"), "--weights chooses the shares, and --auto finds them"),
        (("--auto", "--approve", "5"), "must be among 95 %, or 100: a ramp has no other stops"),
        (
            ("--auto", "--hold-back", "50"),
            "must be below 50 %: the end of a ramp, 50 %, comes before",
        ),
    ],
)
def test_flags_that_contradict_each_other(
    staged: Staged, flags: tuple[str, ...], words: str
) -> None:
    refused = staged().run("canary", "v2", *flags)
    assert refused.exit_code == 2
    assert words in refused.stderr


def test_deploy_takes_the_shares_of_a_canary_only(staged: Staged) -> None:
    shop = staged()
    assert (
        "route blue 93 % / green 7 %"
        in shop.run("deploy", "v2", "--weights", "7", "--dry-run").stdout
    )
    shop.config.write_text(
        SETTINGS.replace("[environments.sim]", '[environments.sim]\nstrategy = "rolling"')
    )
    for flags in (("--weights", "7"), ("--auto",)):
        refused = shop.run("deploy", "v2", *flags)
        assert refused.exit_code == 2
        assert f"{flags[0]} is a canary's, and sim deploys by rolling" in refused.stderr


def test_a_ramp_goes_as_its_plan_foretells(busy: Stage) -> None:
    documents, status = busy.json("canary", "v2", "--auto")
    assert status == 0, documents[-1]
    told = [each["percent"] for each in documents[0]["judged"]["course"]]
    moves = [
        c.weights[Slot.GREEN] / 10 for _, c in busy.play.cloud.changes if isinstance(c, SetWeights)
    ]
    assert moves == [*told, 95, 100]
    assert documents[0]["judged"]["good_after_s"] is not None


def test_status_tells_how_long_evidence_is_gathered_and_what_is_known(busy: Stage) -> None:
    seen: list[str] = []
    documents: list[dict[str, object]] = []
    for at_s in (100, 600):
        busy.at(at_s, lambda: seen.append(busy.run("status").stdout))
    busy.at(600, lambda: documents.extend(busy.json("status")[0]))
    busy.at(610, lambda: busy.run("abort"))
    busy.run("canary", "v2", "--auto")
    early, late = seen
    assert "left to judge it" in early
    assert "known at" not in early
    assert "at present: waiting for the first whole minute" in early
    assert "at present: nothing bad seen, not enough to call it good; about" in late
    assert re.search(r"ramp green .*, 2\d+m\d*s? left to judge it", late)
    assert re.search(
        r"known at \S+: candidate \d+ requests, 0 failed \(0.00%\), stable \S+ requests, 0 failed "
        r"\(0.00%\); evidence against it 1, goes back at 111",
        late,
    )
    active = documents[0]["active"]
    assert isinstance(active, dict)
    first = next(stretch for stretch in busy.records[0].shares if stretch.share)
    assert active["judged_until"] == iso(first.seen_at + 1800.0)
    assert str(active["opinion"]).startswith("nothing bad seen, not enough")
    assert "at present" not in busy.run("status").stdout


def test_status_tells_why_nothing_can_be_said(busy: Stage) -> None:
    seen: list[str] = []

    def mute() -> None:
        working = busy.play.metrics
        busy.play.metrics = Mute()  # type: ignore[assignment]  # another of its port
        seen.append(busy.run("status").stdout)
        busy.play.metrics = working

    busy.at(600, mute)
    busy.at(610, lambda: busy.run("abort"))
    busy.run("canary", "v2", "--auto")
    assert "at present: not to be told from here: CloudWatch is down" in seen[0]


def test_evidence_that_is_left_to_a_person_says_for_how_long(busy: Stage) -> None:
    busy.config.write_text(SETTINGS + 'inconclusive = "hold"\n')
    seen: list[str] = []
    busy.at(700, lambda: seen.append(busy.run("status").stdout))
    busy.at(710, lambda: busy.run("promote"))
    done = busy.run("canary", "v2", "--auto")
    assert done.exit_code == 0, done.output
    assert re.search(r"ramp green .*, 1d\S* left for a person to decide", seen[0])
    assert re.search(
        "Next: `deployer promote` lets it go on, `deployer abort` goes back; without either",
        seen[0],
    )

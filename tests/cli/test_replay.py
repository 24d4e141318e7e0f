"""deployer replay: a recording through other systems' rules, from a file or the journal."""

import json
from pathlib import Path

import pytest

from deployer.analysis.replay.policies import RECIPES
from deployer.analysis.replay.recording import Recorded, Recording
from deployer.errors import AccessProblem, CloudUnavailable
from deployer.model import Minute
from deployer.operations.recording import lines
from deployer.render.evidence import figure
from tests.cli.conftest import Staged
from tests.cli.stage import Stage
from tests.cli.test_report import figures
from tests.sim.fleet import Behaviour
from tests.sim.kept import Kept


def minute(n: int, share: int, own: tuple[int, int], other: tuple[int, int]) -> Recorded:
    at = 1_763_805_600.0 + 60 * n
    return Recorded(
        at, share, Minute(at, own[0] or None, own[1]), Minute(at, other[0] or None, other[1])
    )


BAD = Recording(
    tuple(
        [minute(n, 50, (500, 200), (9_500, 9)) for n in range(4)]
        + [minute(n, 0, (0, 0), (10_000, 10)) for n in range(4, 7)]
    ),
    "shop", "prod", "d1", "canary", "v2", "v1", status="rolled_back", reason="worse",
)  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "bad.jsonl"
    path.write_text("\n".join(lines(BAD)) + "\n")
    return path


def test_a_file_needs_neither_settings_nor_credentials(staged: Staged, file: Path) -> None:
    shop = staged()
    shop.config.unlink()
    done = shop.run("replay", str(file))
    assert (done.exit_code, shop.connections) == (0, [])
    said = done.stdout.splitlines()
    assert said[0] == "v2 (shop/prod, canary, d1)"
    assert "  it was      rolled back: worse" in said
    table = said[said.index("The rules:") - 12 : said.index("The rules:")]
    rows = {line.split("  ")[1]: line.split() for line in table if line}
    assert rows["as it was"][3:] == ["went", "back", "4", "5", "%", "798"]
    assert rows["kayenta"][1:4] == ["go", "back", "20"]
    assert rows["codedeploy"][1:4] == ["go", "back", "3"]
    assert set(RECIPES) < rows.keys()
    assert any("latency" in line or "slow requests" in line for line in said)


def test_as_json(staged: Staged, file: Path) -> None:
    documents, status = staged().json(
        "replay", str(file), "--policy", "kayenta", "--policy", "flagger:threshold=1"
    )
    assert status == 0
    found = documents[0]
    assert (found["event"], found["deployment"], found["bad_requests"]) == ("replay", "d1", 798.1)
    assert [each["policy"] for each in found["policies"]] == ["kayenta", "flagger:threshold=1"]
    kayenta = found["policies"][0]
    assert (kayenta["went_back"], kayenta["promoted"], kayenta["undecided"]) == (20, 0, 0)
    assert (kayenta["minute"], kayenta["share_at_most"]) == (20, 10.0)
    assert kayenta["more_than_it_was"] == pytest.approx(kayenta["bad_requests"] - 798.1, abs=0.2)
    assert found["policies"][1]["bad_requests"] < kayenta["bad_requests"]


def test_the_same_file_says_the_same_each_time(staged: Staged, file: Path) -> None:
    shop = staged()
    assert shop.run("replay", str(file)).stdout == shop.run("replay", str(file)).stdout


def test_what_was_replayed_can_be_written(staged: Staged, file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "made" / "copy.jsonl"
    done = staged().run("replay", str(file), "--policy", "ours", "--export", str(copy))
    assert done.exit_code == 0
    assert copy.read_text() == file.read_text()
    assert json.loads(copy.read_text().splitlines()[0])["release"] == "v2"


@pytest.mark.parametrize(
    ("what", "says"),
    [
        (["nothing.jsonl"], "nothing.jsonl cannot be read: No such file or directory"),
        (["FILE", "--policy", "spinnaker"], "there is no policy 'spinnaker': known are ours,"),
        (["20260102-150405-1f2e"], "no deployment 20260102-150405-1f2e"),
    ],
)
def test_what_cannot_be_replayed(staged: Staged, file: Path, what: list[str], says: str) -> None:
    done = staged().run("replay", *(str(file) if each == "FILE" else each for each in what))
    assert done.exit_code == 2
    assert f"Error: {says}" in " ".join(done.stderr.split())


def test_a_file_that_is_no_text(staged: Staged, tmp_path: Path) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_bytes(b"\xff\xfe")
    done = staged().run("replay", str(path))
    assert (done.exit_code, "is no text" in done.stderr) == (2, True)


def shipped_badly(staged: Staged) -> tuple[Stage, str]:
    """A canary that went back because of what was recorded of it."""
    shop = staged(behaviours={"v3": Behaviour(errors=40)})
    shop.recordings = Kept()
    assert shop.run("canary", "v3").exit_code == 3
    return shop, shop.records[0].id


def test_a_deployment_is_replayed_by_its_id_and_from_its_export(
    staged: Staged, tmp_path: Path
) -> None:
    shop, name = shipped_badly(staged)
    path = tmp_path / "it.jsonl"
    done = shop.run("replay", name, "--export", str(path))
    assert done.exit_code == 0
    assert done.stdout.startswith(f"v3 (shop/sim, canary, {name})\n")
    assert done.stdout == shop.run("replay", str(path)).stdout
    documents, _ = shop.json("replay", name)
    assert (documents[0]["release"], documents[0]["status"]) == ("v3", "rolled_back")
    assert documents[0]["served_minutes"] >= 3


def test_a_replay_keeps_the_minutes_that_were_not_published_at_the_end(staged: Staged) -> None:
    shop, name = shipped_badly(staged)
    assert isinstance(shop.recordings, Kept)
    at_the_end = shop.recordings.there[name]
    shop.play.clock.sleep(600)
    assert shop.run("replay", name).exit_code == 0
    since = shop.recordings.there[name]
    assert since.minutes[: len(at_the_end.minutes)] == at_the_end.minutes
    assert len(since.minutes) > len(at_the_end.minutes)


def test_who_died_before_the_minutes_were_kept_has_lost_none(staged: Staged) -> None:
    shop = staged(behaviours={"v3": Behaviour(errors=40)})
    assert shop.run("canary", "v3").exit_code == 3  # nothing keeps them
    shop.play.clock.sleep(86_400)
    shop.recordings = kept = Kept()
    assert shop.run("replay", shop.records[0].id).exit_code == 0
    assert kept.there.keys() == {shop.records[0].id}
    assert shop.run("show", shop.records[0].id).stdout.count("\nEvidence, ") == 1


def test_what_cannot_be_kept_is_said_and_the_replay_shown(staged: Staged) -> None:
    class Full(Kept):
        def keep(self, recording: Recording) -> None:
            raise AccessProblem("no permission to write")

    shop, name = shipped_badly(staged)
    shop.recordings = Full()
    done = shop.run("replay", name, "--policy", "ours")
    assert done.exit_code == 0
    assert "The minutes could not be kept: no permission to write" in done.stderr


def test_show_tells_the_evidence_minute_by_minute(staged: Staged) -> None:
    shop, name = shipped_badly(staged)
    said = shop.run("show", name).stdout.splitlines()
    at = next(n for n, line in enumerate(said) if line.startswith("Evidence, "))
    assert said[at + 1].startswith("  failures: condemned at 111; called good at 20")
    assert said[at + 2].split()[:5] == ["min", "time", "share", "candidate", "stable"]
    assert said[at + 4].split()[:8] == ["2", "08:02", "5", "%", "6", "of", "150", "0"]
    assert said[-1].startswith("v3 rolled back after ")
    documents, _ = shop.json("show", name)
    minutes = documents[0]["evidence"]["minutes"]
    verdict = next(e for e in documents[0]["log"] if e["event"] == "retreat")["detail"]
    newest = next(m for m in minutes if m["condemned"])
    assert newest["against"] == verdict["against"] > verdict["threshold"]
    assert newest["metrics"]["failures"]["cost"] == verdict["metrics"]["failures"]["cost"]
    assert [m["share"] for m in minutes] == [None, *[5.0] * (len(minutes) - 1)]


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        (0.0365, "0.036"), (999.4, "999"), (1_290.0, "1,290"), (12_766.0, "13k"), (442_750.0, "443k"),
        (12_000_000.0, "12M"), (1e12, "huge"),
    ],
)  # fmt: skip
def test_evidence_beyond_doubt_leaves_the_table_its_width(evidence: float, said: str) -> None:
    assert figure(evidence) == said


def test_the_page_has_a_picture_of_it(staged: Staged, tmp_path: Path) -> None:
    shop, name = shipped_badly(staged)
    page = tmp_path / "report.html"
    assert shop.run("report", name, "--html", str(page)).exit_code == 0
    drawn = figures(page.read_text())
    evidence, threshold = drawn["against"].curves
    values = [value or 0.0 for value in evidence.values]
    assert len(values) == len(drawn["against"].times) >= 3
    assert values[-1] > values[0]  # up is worse
    assert threshold.dashed
    assert drawn["against"].log
    assert "never reached it" not in drawn["against"].summary or values[-1] < (
        threshold.values[-1] or 0
    )


def test_where_nobody_answers_the_rest_is_shown(staged: Staged) -> None:
    class Gone(Kept):
        def find(self, environment: str, deployment_id: str) -> Recording | None:
            raise CloudUnavailable("the table does not answer")

    shop, name = shipped_badly(staged)
    shop.recordings = Gone()
    done = shop.run("show", name)
    assert done.exit_code == 0
    assert "Without the evidence minute by minute: the table does not answer" in done.stderr
    assert "Evidence, " not in done.stdout
    assert shop.json("show", name)[0][0]["evidence"] is None


def test_a_deployment_without_shares_has_nothing_to_replay(staged: Staged) -> None:
    shop = staged()
    assert shop.run("blue-green", "v2").exit_code == 0
    done = shop.run("replay", shop.records[0].id)
    assert done.exit_code == 2
    assert "has no minutes to compare" in done.stderr

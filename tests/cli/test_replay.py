"""deployer replay: a recording through other systems' rules, from a file or the journal."""

import json
from pathlib import Path

import pytest

from deployer.analysis.replay.policies import RECIPES
from deployer.analysis.replay.recording import Recorded, Recording
from deployer.model import Minute
from deployer.operations.recording import lines
from tests.cli.conftest import Staged


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

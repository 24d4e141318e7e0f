"""What became of a deployment: one line for a log, a page and a record to keep."""

import json
from pathlib import Path

import pytest

from tests.cli.stage import Stage, stage
from tests.sim.fleet import Behaviour


@pytest.fixture
def shop(tmp_path: Path) -> Stage:
    return stage(tmp_path, behaviours={"v3": Behaviour(errors=40)})


def test_one_line_says_how_it_ended_and_the_files_the_whole(shop: Stage, tmp_path: Path) -> None:
    assert shop.run("canary", "v3").exit_code == 3
    page, record = tmp_path / "results" / "report.html", tmp_path / "results" / "report.json"
    done = shop.run("report", "--html", str(page), "--json", str(record))
    assert (done.exit_code, done.stdout.count("\n")) == (0, 1)
    assert done.stdout.startswith("shop/sim: v3 rolled back after ")
    assert "; v1 serves (canary 20" in done.stdout
    told = json.loads(record.read_text())
    assert (told["release"], told["status"]) == ("v3", "rolled_back")
    assert {"plan", "way_back", "log"} <= told.keys()
    text = page.read_text()
    assert text.lstrip().startswith("<!DOCTYPE html>")
    assert "v3 rolled back after" in text
    assert "src=" not in text  # it needs nothing beside it


def test_an_earlier_one_by_its_id(shop: Stage) -> None:
    shop.run("canary", "v2")
    first = shop.records[0].id
    shop.run("canary", "v3")
    assert "v2 shipped in" in shop.run("report", first).stdout
    assert shop.run("report", "20200101-000000-0000").exit_code == 2


def test_while_it_runs_the_line_says_where_it_stands(shop: Stage) -> None:
    said: list[str] = []
    shop.at(200.0, lambda: said.append(shop.run("report").stdout))
    shop.at(210.0, lambda: shop.run("pause"))
    shop.at(300.0, lambda: said.append(shop.run("report").stdout))
    shop.at(310.0, lambda: shop.run("resume"))
    shop.run("canary", "v2")
    assert "v2 running, step" in said[0]
    assert "v2 paused, step" in said[1]


def test_where_nothing_was_ever_deployed_that_is_said(shop: Stage, tmp_path: Path) -> None:
    done = shop.run("report", "--html", str(tmp_path / "page.html"))
    assert (done.exit_code, done.stdout) == (0, "Nothing was ever deployed in shop/sim.\n")
    assert not (tmp_path / "page.html").exists()


def test_a_file_that_cannot_be_written_is_one_line(shop: Stage, tmp_path: Path) -> None:
    shop.run("canary", "v2")
    (tmp_path / "taken").write_text("")
    done = shop.run("report", "--html", str(tmp_path / "taken" / "page.html"))
    assert done.exit_code == 2
    assert "cannot be written" in done.stderr

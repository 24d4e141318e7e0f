"""status, history, show: they tell everything and change nothing."""

from deployer.model import Slot, Weights
from deployer.plan import Status
from deployer.render.words import cut
from tests.cli.conftest import Staged
from tests.cli.stage import Stage
from tests.sim.fleet import Behaviour


def test_status_of_a_quiet_environment(staged: Staged) -> None:
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    said = shop.run("status").stdout.splitlines()
    assert said[0] == "shop/sim  serves v2 100 %  http://shop.example"
    assert said[1].split() == ["blue", "–", "0", "%", "empty"]
    assert said[2].split()[:2] + said[2].split()[-4:] == [
        "green",
        "v2",
        "100",
        "%",
        "2/2",
        "healthy",
    ]
    assert said[3].startswith("Last: v2 shipped in 1")
    assert said[4].endswith(", 0s ago, by alice@laptop")


def test_status_of_a_running_deployment(staged: Staged) -> None:
    shop = staged()
    seen = []
    shop.at(150, lambda: seen.append(shop.run("status")))
    assert shop.run("canary", "v2").exit_code == 0
    said = seen[0].stdout
    assert "serves v1 95 % / v2 5 %" in said
    assert "canary v2 step 4/10  bake green for 2m under analysis, 30s left" in said
    assert ", for 2m30s, by alice@laptop" in said
    assert "lease of alice@laptop #1, renewed until 08:0" in said
    assert "Next:" not in said


def test_status_of_instances_that_are_not_well(staged: Staged) -> None:
    shop = staged(behaviours={"v2": Behaviour(health_s=120)})
    seen = []
    shop.at(100, lambda: seen.append(shop.run("status").stdout))
    assert shop.run("canary", "v2").exit_code == 0
    assert "0/2 healthy (2 initial)" in seen[0]


def test_status_after_a_halt_names_the_next_command(staged: Staged) -> None:
    shop = staged()
    shop.play.move_weights_at(120, Weights(300, 700))
    assert shop.run("canary", "v2").exit_code == 4
    said = " ".join(shop.run("status").stdout.split())
    assert "Last: v2 halted after 3m: live weights are blue 30 % / green 70 %" in said
    assert "Next: `deployer rollback` goes back to v1" in said
    documents, _ = shop.json("status")
    assert documents[0]["next_command"] == "`deployer rollback` goes back to v1"


def test_status_of_an_empty_environment(staged: Staged) -> None:
    said = staged(weights=None).run("status").stdout
    assert "serves nothing yet" in said
    assert "Next: `deployer canary RELEASE` ships the first release" in said


def test_status_as_json(staged: Staged) -> None:
    documents, status = staged().json("status")
    assert status == 0
    assert [each["event"] for each in documents] == ["status", "result"]
    assert documents[0]["weights"] == {"blue": 100.0, "green": 0.0}
    assert documents[0]["slots"]["blue"]["healthy"] == 2
    assert documents[0]["slots"]["blue"]["instances"][0]["release"] == "v1"
    assert documents[0]["active"] is None
    assert documents[1]["status"] == "ok"


def test_history_is_a_table_newest_first(staged: Staged) -> None:
    shop = staged(behaviours={"v3": Behaviour(errors=500)})
    assert [shop.run("canary", release).exit_code for release in ("v2", "v3")] == [0, 3]
    said = shop.run("history").stdout.splitlines()
    assert said[0].split() == [
        "deployment", "started", "strategy", "release", "result", "took", "by", "reason",
    ]  # fmt: skip
    assert "canary    v3       rolled back" in said[1]
    assert said[1].endswith("10 of 20 probes of v3: 10 × 500")
    assert "canary    v2       shipped" in said[2]
    assert len(shop.run("history", "--limit", "1").stdout.splitlines()) == 2
    documents, _ = shop.json("history")
    assert [each["event"] for each in documents] == ["deployment", "deployment", "result"]


def test_an_empty_history(staged: Staged) -> None:
    assert staged().run("history").stdout == "No deployment.\n"


def test_show_tells_plan_way_back_events_evidence_and_reason(staged: Staged) -> None:
    shop = staged(behaviours={"v3": Behaviour(errors=30)})
    assert shop.run("canary", "v3", "--weights", "50").exit_code == 3
    said = shop.run("show", shop.records[0].id).stdout
    assert "   3  route blue 50 % / green 50 %" in said
    assert "The way back:\n   1  provision blue: 2 healthy of what it runs" in said
    assert "send blue 50 % / green 50 %" in said
    assert "requests, " in said.split("Events:")[1]
    assert said.splitlines()[-1].startswith("v3 rolled back after ")


def test_looking_takes_no_lock_and_changes_nothing(staged: Staged) -> None:
    shop = staged()
    for command in (("status",), ("history",)):
        assert shop.run(*command).exit_code == 0
    assert shop.play.cloud.changes == []
    assert "journal.begin" not in shop.play.gate.names


def test_a_mixed_slot_is_told(staged: Staged) -> None:
    shop = staged()
    group = shop.play.cloud.groups[Slot.BLUE]
    group.instances[0].release = "v0"
    assert "v0 + v1" in shop.run("status").stdout


def test_a_record_that_ended_keeps_its_status(staged: Staged) -> None:
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    documents, _ = shop.json("show", shop.records[0].id)
    assert documents[0]["status"] == Status.SHIPPED
    assert documents[0]["way_back"] is None
    assert documents[0]["log"][0]["event"] == "started"


def damaged(shop: Stage, nth: int) -> str:
    """The `nth` newest record is of another version of the deployer; its id."""
    name = shop.records[nth].id
    shop.journal.stored[name] = b'{"id": "written by a later version"}'
    return name


def test_an_old_record_that_cannot_be_read_hides_no_other(staged: Staged) -> None:
    shop = staged()
    for release in ("v2", "v3", "v1"):
        assert shop.run("canary", release).exit_code == 0
    newest, oldest = shop.records[0].id, shop.records[2].id
    name = damaged(shop, 1)
    lines = shop.run("history").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [newest, name, oldest]
    assert "unreadable" in lines[2]
    assert "use the version that wrote it" in lines[2]
    documents, code = shop.json("history")
    assert code == 0
    assert [each["status"] for each in documents][:3] == ["shipped", "unreadable", "shipped"]
    assert shop.run("status").exit_code == 0
    back = shop.run("rollback", "--dry-run")
    assert back.exit_code == 0, back.output
    assert "v3" in back.stdout + back.stderr  # the newest record names what was before it
    assert shop.run("canary", "v2").exit_code == 0


def test_the_newest_record_that_cannot_be_read_lets_nothing_begin(staged: Staged) -> None:
    """Nobody knows how the last deployment ended; what serves is told all the same."""
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    name, changes = damaged(shop, 0), len(shop.play.cloud.changes)
    status = shop.run("status")
    assert status.exit_code == 0
    assert name in status.stderr
    for command in (("canary", "v3"), ("rollback",), ("rollback", "v1")):
        refused = shop.run(*command)
        assert refused.exit_code == 2
        assert f"the newest deployment is {name}" in refused.stderr
    assert len(shop.play.cloud.changes) == changes


def test_a_table_has_of_a_long_reason_what_fits() -> None:
    short = "an alarm rings"
    assert cut(short, 100) == short
    verdict = (
        "worse than stable by failures, in minute 4: evidence 24,000; " + "failures: 7 of 28; " * 9
    )
    assert cut(verdict, 102) == (
        "worse than stable by failures, in minute 4: evidence 24,000; failures: 7 of 28; "
        "failures: 7 of 28 …"
    )
    counted = "worse, in minute 5: candidate 5 of 14 (35.71%), stable 0 of 5,700 (0.00%)"
    assert cut(counted, 70) == "worse, in minute 5: candidate 5 of 14 (35.71%) …"
    assert cut("x" * 200, 102) == "x" * 100 + " …"

"""Real processes: what they are given, what becomes of them, and that none is left behind."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from deployer.lab import actions, home, server
from deployer.lab.autoscaling.component import Fleet
from deployer.lab.beats import Beats
from deployer.lab.context import Context
from deployer.process.clock import ScaledClock
from tests.lab_autoscaling.living import Site, until

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    server.reset()
    network, guard = home.claim_network()
    context = Context(
        directory=tmp_path_factory.mktemp("lab"),
        network=network,
        endpoint="http://localhost:5999",
        clock=ScaledClock(time.time(), 20.0),
    )
    actions.install(context)
    with guard, closing(Fleet(context)) as fleet, closing(Beats(context, (fleet,))) as beats:
        made = Site(context, fleet)
        made.build()
        beats.start()
        yield made
        (last,) = made.wait_for(made.running("deaf"), 1)
        assert not beats.broken.is_set()
    assert not alive(last["pid"])  # it ignores SIGTERM; closing ends it all the same


@pytest.fixture(autouse=True)
def _tidy(site: Site) -> Iterator[None]:
    yield
    api = site.client("autoscaling")
    for one in api.describe_auto_scaling_groups()["AutoScalingGroups"]:
        name = one["AutoScalingGroupName"]
        api.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").split()[2]
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_an_instance_runs_its_release_with_a_clean_environment(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "never to be seen")
    (row,) = site.wait_for(site.running("polite"), 1)
    assert (row["release"], row["version"]) == ("polite", 2)
    assert row["address"].startswith(f"127.{site.context.network}.")
    assert row["address"].endswith(":8080")
    given = set(site.log(row["instance"])[0].removeprefix("polite: ").split(","))
    assert {"HOST", "PORT", "RELEASE", "PATH"} <= given
    assert not [name for name in given if name.startswith("AWS")]
    assert site.state(row["instance"]) == "running"


def test_sigterm_comes_after_the_deregistration_and_is_obeyed(site: Site) -> None:
    name = site.running("polite", 2)
    pids = {row["instance"]: row["pid"] for row in site.wait_for(name, 2)}
    site.resize(name, 0)
    until(lambda: not site.rows(name))
    assert not [pid for pid in pids.values() if alive(pid)]
    for instance in pids:
        assert site.log(instance)[-2:] == ["lab: SIGTERM", "polite: goodbye"]
        assert site.state(instance) == "terminated"
        assert not (site.context.directory / "instances" / instance / "app").exists()


def test_who_does_not_listen_is_killed(site: Site) -> None:
    name = site.running("deaf")
    (row,) = site.wait_for(name, 1)
    site.resize(name, 0)
    until(lambda: not site.rows(name))
    assert not alive(row["pid"])
    assert any("SIGKILL" in line for line in site.log(row["instance"]))
    assert "deaf: what?" in site.log(row["instance"])


def test_what_an_application_has_started_ends_with_it(site: Site) -> None:
    name = site.running("parent")
    (row,) = site.wait_for(name, 1)
    first = int(row["log"].split()[1])
    assert alive(first)
    os.kill(row["pid"], signal.SIGKILL)  # it alone: its child knows nothing of it
    until(lambda: len(site.log(row["instance"])) > 2)
    assert not alive(first)
    second = int(site.log(row["instance"])[-1].split()[1])
    assert alive(second)
    site.resize(name, 0)
    until(lambda: site.state(row["instance"]) == "terminated")
    assert not alive(second)


def test_a_crash_is_restarted_and_nothing_else_happens(site: Site) -> None:
    name = site.running("polite")
    (row,) = site.wait_for(name, 1)
    site.fleet.crash(row["instance"])
    (after,) = until(lambda: [r for r in site.rows(name) if r["restarts"] == 1 and r["pid"]])
    assert after["instance"] == row["instance"]
    assert after["pid"] != row["pid"]
    assert (after["lifecycle"], after["health"]) == ("InService", "Healthy")
    assert site.state(row["instance"]) == "running"
    assert "lab: exited with status -9; restarting" in site.log(row["instance"])


def test_a_paused_application_hangs_until_it_is_resumed(site: Site) -> None:
    (row,) = site.wait_for(site.running("polite"), 1)

    def state() -> str:
        return Path(f"/proc/{row['pid']}/stat").read_text(encoding="utf-8").split()[2]

    site.fleet.pause(row["instance"])
    until(lambda: state() == "T")
    site.fleet.resume(row["instance"])
    until(lambda: state() == "S")
    with pytest.raises(LookupError, match="nothing runs on instance i-none"):
        site.fleet.crash("i-none")


def test_an_application_that_cannot_start_is_tried_again_and_again(site: Site) -> None:
    name = site.running("broken")
    (row,) = until(lambda: [r for r in site.rows(name) if r["restarts"] >= 2])
    assert row["lifecycle"] == "InService"
    assert site.log(row["instance"]).count("broken: cannot") >= 2


def test_a_release_without_artifact_runs_nothing_and_says_why(site: Site) -> None:
    (row,) = site.wait_for(site.running("missing"), 1, "failed")
    assert row["reason"] == "s3://arts/missing.tar.gz cannot be fetched: NoSuchKey"
    assert row["log"] == f"lab: {row['reason']}"
    assert row["pid"] is None
    assert site.state(row["instance"]) == "running"


def test_user_data_without_the_service_runs_nothing(site: Site) -> None:
    (row,) = site.wait_for(site.group(site.template("#!/bin/bash\n"), 1), 1, "failed")
    assert "no block between" in row["reason"]


def test_a_stack_made_version_without_tags_runs_nothing(site: Site) -> None:
    (row,) = site.wait_for(site.group(site.template(), 1), 1, "failed")
    assert row["reason"] == "no tag deployer:release: nothing to run"


def test_mixed_versions_are_told_apart(site: Site) -> None:
    template = site.template()
    site.release(template, "polite")
    name = site.group(template, 1)
    site.wait_for(name, 1)
    site.release(template, "deaf")
    site.resize(name, 2)
    rows = site.wait_for(name, 2)
    assert {row["release"]: row["version"] for row in rows} == {"polite": 2, "deaf": 3}
    asked = site.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    instances = asked["AutoScalingGroups"][0]["Instances"]
    assert sorted(one["LaunchTemplate"]["Version"] for one in instances) == ["2", "3"]


def test_an_instance_terminated_from_outside_ends_and_is_replaced(site: Site) -> None:
    name = site.running("polite")
    (row,) = site.wait_for(name, 1)
    site.client("ec2").terminate_instances(InstanceIds=[row["instance"]])
    until(lambda: [r for r in site.rows(name) if r["instance"] != row["instance"] and r["pid"]])
    until(lambda: not alive(row["pid"]))
    assert "polite: goodbye" in site.log(row["instance"])


def test_injected_launch_failures_pass(site: Site) -> None:
    template = site.template()
    site.release(template, "polite")
    name = site.group(template, 0)
    site.fleet.fail_launches(name, "We currently do not have sufficient capacity.", 1)
    site.resize(name, 1)
    site.wait_for(name, 1)
    api = site.client("autoscaling")
    told = api.describe_scaling_activities(AutoScalingGroupName=name)["Activities"]
    assert [one["StatusCode"] for one in told] == ["Successful", "Failed"]
    with pytest.raises(LookupError, match="no Auto Scaling group nobody"):
        site.fleet.fail_launches("nobody", "why")


LAB = """
    import sys, time
    from pathlib import Path
    from deployer.process.clock import ScaledClock
    from deployer.lab import actions
    from deployer.lab.autoscaling.component import Fleet
    from deployer.lab.beats import Beats
    from deployer.lab.context import Context
    from tests.lab_autoscaling.living import Site
    context = Context(Path(sys.argv[1]), 80, "http://localhost:5999", ScaledClock(time.time(), 20.0))
    actions.install(context)
    fleet = Fleet(context)
    site = Site(context, fleet)
    site.build()
    Beats(context, (fleet,)).start()
    rows = site.wait_for(site.running("deaf", 2), 2)
    print(*[row["pid"] for row in rows], flush=True)
    time.sleep(60)
"""


def test_a_killed_lab_leaves_no_process(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    command: list[Any] = [sys.executable, "-c", textwrap.dedent(LAB), tmp_path]
    with subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": "."}
    ) as lab:
        assert lab.stdout is not None
        pids = [int(word) for word in lab.stdout.readline().split()]
        assert len(pids) == 2
        assert all(map(alive, pids))
        lab.send_signal(signal.SIGKILL)
        lab.wait()
    until(lambda: not any(map(alive, pids)))


def test_what_comes_out_of_the_pool_runs_what_went_in(site: Site) -> None:
    """A stopped instance keeps its disk: the release that booted it, whatever boots by now."""
    template = site.template()
    site.release(template, "polite")
    name = site.group(template, 0)
    api = site.client("autoscaling")
    api.put_warm_pool(AutoScalingGroupName=name, MinSize=1, MaxGroupPreparedCapacity=1)
    (row,) = until(lambda: [r for r in site.rows(name) if r["lifecycle"] == "Warmed:Stopped"])
    key = row["instance"]
    assert (site.state(key), row["process"]) == ("stopped", "ended")
    assert site.log(key)[-2:] == ["lab: SIGTERM", "polite: goodbye"]
    assert row["pid"] is None
    site.release(template, "deaf")
    site.resize(name, 1)
    (row,) = until(lambda: [r for r in site.rows(name) if r["lifecycle"] == "InService"])
    assert (row["instance"], row["release"], row["version"]) == (key, "polite", 2)
    until(lambda: sum(line.startswith("polite: ") for line in site.log(key)) == 3)
    api.delete_warm_pool(AutoScalingGroupName=name, ForceDelete=True)


def test_the_cpu_time_of_an_instance_is_that_of_all_it_runs(site: Site) -> None:
    (idle,) = site.wait_for(site.running("polite"), 1)
    (busy,) = site.wait_for(site.running("busy"), 1)

    def spent() -> dict[str, float]:
        with site.context.lock:
            return {one.instance: one.cpu_s for one in site.fleet.usage()}

    before = spent()
    until(lambda: spent()[busy["instance"]] > before[busy["instance"]] + 0.1)
    assert spent()[idle["instance"]] < before[idle["instance"]] + 0.1
    assert {one.group for one in site.fleet.usage()} == {idle["group"], busy["group"]}

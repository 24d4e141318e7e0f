"""Releases onto groups with warm pools: the lab's Auto Scaling, the real command line and adapters.

What is in a pool runs the release that booted it. A deployment ends with its own release in service
and, once the pool has filled up again, in the pool; where that could not be, it is refused.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployer.model import Slot
from tests.faults.rig import BAD, Rig

SIZE = 2
FULL = ("--capacity", "full")
READY_S = 600.0


class Warm(Rig):
    """A rig whose groups keep two stopped instances each; what stops has stopped at the next tick."""

    def _tick(self) -> None:
        super()._tick()
        for key, state in self.cloud.states(self._ids()).items():
            if state == "stopping":
                self.cloud._state(key, "stopped")

    def keep(self, **settings: Any) -> None:
        for slot in Slot:
            self.admin("autoscaling").put_warm_pool(
                AutoScalingGroupName=slot.value,
                **{"MinSize": SIZE, "MaxGroupPreparedCapacity": SIZE, **settings},
            )
        self.wait()

    def wait(self) -> None:
        """Long enough for a pool to fill up."""
        for _ in range(6):
            self.clock.sleep(READY_S / 6)

    def runs(self, slot: Slot) -> list[str]:
        """Releases of the slot's instances."""
        return self._releases(slot, pooled=False)

    def warm(self, slot: Slot) -> list[str]:
        """Releases in the slot's pool."""
        return self._releases(slot, pooled=True)

    def _releases(self, slot: Slot, *, pooled: bool) -> list[str]:
        members = self.fleet.store.groups[slot.value].members
        return [
            self.release_of(one.template.id, one.template.version)
            for one in members
            if one.pooled == pooled
        ]

    def drawn(self, slot: Slot) -> int:
        """How often an instance came out of the slot's pool."""
        told = self.admin("autoscaling").describe_scaling_activities(
            AutoScalingGroupName=slot.value
        )
        return sum("from warm pool" in one["Description"] for one in told["Activities"])


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Warm]:
    """v1 serves from blue, with pools that have been filled since."""
    made = Warm(tmp_path)
    made.config.write_text(
        made.config.read_text().replace("[canary]", f"instances = {SIZE}\n\n[canary]", 1)
    )
    assert made.run("canary", "v1").result["status"] == "shipped"
    made.keep()
    assert made.runs(Slot.BLUE) == made.warm(Slot.BLUE) == ["v1"] * SIZE
    yield made
    assert made.outages == []


def test_a_release_uses_the_old_pool_up_and_ends_with_its_own_in_service_and_in_the_pool(
    rig: Warm,
) -> None:
    for release, slot in (("v2", Slot.GREEN), ("v3", Slot.BLUE)):
        done = rig.run("canary", release, *FULL)
        assert done.result["status"] == "shipped", done.stderr
        rig.wait()
        assert rig.runs(slot) == rig.warm(slot) == [release] * SIZE
        assert rig.runs(slot.twin) == []
    assert rig.drawn(Slot.BLUE) >= SIZE


def test_after_a_bad_release_the_next_one_finds_its_pool_and_replaces_it(rig: Warm) -> None:
    assert rig.run("canary", BAD, *FULL).result["status"] == "rolled_back"
    rig.wait()
    assert rig.runs(Slot.BLUE) == ["v1"] * SIZE
    assert rig.warm(Slot.GREEN) == [BAD] * SIZE
    assert rig.run("blue-green", "v2").result["status"] == "shipped"
    rig.wait()
    assert rig.runs(Slot.GREEN) == rig.warm(Slot.GREEN) == ["v2"] * SIZE


REFUSED: tuple[tuple[dict[str, Any], tuple[str, ...], str], ...] = (
    ({}, ("rolling", "v2"), "batches would leave some of them"),
    (
        {"InstanceReusePolicy": {"ReuseOnScaleIn": True}},
        ("canary", "v2", *FULL),
        "takes instances back",
    ),
    (
        {
            "MinSize": SIZE + 1,
            "MaxGroupPreparedCapacity": SIZE + 1,
            "InstanceReusePolicy": {"ReuseOnScaleIn": False},
        },
        ("canary", "v2", *FULL),
        "would serve users at a later launch",
    ),
)


def test_what_would_leave_an_old_release_in_the_pool_is_refused(rig: Warm) -> None:
    moved = len(rig.moved)
    for settings, command, words in REFUSED:
        rig.keep(**settings)
        done = rig.run(*command)
        assert (done.status, words in done.result["reason"]) == (2, True), done
    assert len(rig.moved) == moved


def test_a_pool_that_was_left_old_serves_the_old_release_which_is_why(rig: Warm) -> None:
    """The hazard itself: nobody replaces what is in the pool when the template moves on."""
    (template,) = {one.template.id for one in rig.fleet.store.groups["blue"].members}
    ec2 = rig.admin("ec2")
    made = ec2.create_launch_template_version(
        LaunchTemplateId=template, SourceVersion="$Default", VersionDescription="deployer:v2",
        LaunchTemplateData={},
    )["LaunchTemplateVersion"]["VersionNumber"]  # fmt: skip
    ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion=str(made))
    rig.admin("autoscaling").set_desired_capacity(AutoScalingGroupName="blue", DesiredCapacity=4)
    rig.wait()
    assert rig.runs(Slot.BLUE) == ["v1"] * 4
    assert rig.warm(Slot.BLUE) == ["v2"] * SIZE

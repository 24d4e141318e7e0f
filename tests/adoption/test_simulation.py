"""Whatever a deployment needs is asked of IAM's simulator, where it will be needed."""

from typing import Any

from msgspec import convert

from deployer.aws import permissions
from deployer.aws.needs import Resource
from deployer.aws.published import so_far
from deployer.aws.verify import simulation
from deployer.settings.hooks import HooksSettings
from deployer.settings.schema import Settings
from tests.adoption.world import World, settings

HOOKS: Any = {
    "before_traffic": {"function": "check"},
    "on_rollback": {"function": "arn:aws:lambda:x"},
}


def changed(given: Settings, **changes: Any) -> Settings:
    parts = {name: getattr(given, name) for name in given.__struct_fields__}
    return Settings(**{**parts, **changes})


def where(given: Settings) -> dict[Resource, tuple[str, ...]]:
    existing = settings().existing
    assert existing is not None
    return simulation.places(given, so_far(existing), World().facts().slots)


def test_every_kind_of_resource_has_a_place() -> None:
    ours = changed(settings(), existing=None, hooks=convert(HOOKS, HooksSettings))
    needed = {on for on in Resource if permissions.actions(on)}
    assert set(where(ours)) == needed
    assert set(where(settings())) == needed - {Resource.TOPOLOGY, Resource.FUNCTION}


def test_functions_are_named_by_their_arns() -> None:
    found = where(changed(settings(), hooks=convert(HOOKS, HooksSettings)))[Resource.FUNCTION]
    assert set(found) == {
        "arn:aws:lambda:us-east-1:123456789012:function:check",
        "arn:aws:lambda:x",
    }


def test_without_metrics_of_its_own_nothing_is_asked_about_them() -> None:
    silent = type(settings().monitoring)(own_metrics=False)
    assert Resource.OWN_METRICS not in where(changed(settings(), monitoring=silent))


def test_another_partition_has_other_arns() -> None:
    listener = settings().existing.listener.replace("arn:aws:", "arn:aws-cn:")  # type: ignore[union-attr]
    chosen = settings(listener=listener)
    assert chosen.existing is not None
    found = simulation.places(chosen, so_far(chosen.existing), World().facts().slots)
    named = [
        arn for arns in found.values() for arn in arns if arn not in ("*", "arn:blue", "arn:green")
    ]
    assert all(arn.startswith("arn:aws-cn:") for arn in named), named

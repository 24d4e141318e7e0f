"""A template with its parameters settled: which resources there are, in which order. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from deployer.lab.cloudformation import graph
from deployer.lab.cloudformation.parameters import Parameters
from deployer.lab.cloudformation.problems import TemplateInvalid
from deployer.lab.cloudformation.template import Known, Scope, broken_rules, holds, resolve


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What a stack should be.

    text:      the template as it was sent.
    resources: definitions by logical id, of those whose condition holds.
    needs:     logical ids that each resource needs first.
    order:     logical ids, each after what it needs.
    """

    text: str
    template: Mapping[str, Any]
    parameters: Parameters
    scope: Scope
    resources: Mapping[str, Mapping[str, Any]]
    needs: Mapping[str, set[str]]
    order: Sequence[str]

    def properties(self, logical_id: str, known: Mapping[str, Known]) -> dict[str, Any]:
        """A resource's properties, resolved against the resources made so far."""
        resolved = resolve(
            self.resources[logical_id].get("Properties", {}), replace(self.scope, resources=known)
        )
        return dict(resolved)

    def outputs(self, known: Mapping[str, Known]) -> list[dict[str, str]]:
        """`{OutputKey, OutputValue, Description?, ExportName?}` of each output that applies."""
        scope = replace(self.scope, resources=known)
        found = []
        for name, output in self.template.get("Outputs", {}).items():
            if "Condition" in output and not holds(output["Condition"], scope):
                continue
            one = {"OutputKey": name, "OutputValue": str(resolve(output["Value"], scope))}
            if "Description" in output:
                one["Description"] = output["Description"]
            if "Export" in output:
                one["ExportName"] = str(resolve(output["Export"]["Name"], scope))
            found.append(one)
        return found


def draw(text: str, template: Mapping[str, Any], parameters: Parameters, scope: Scope) -> Blueprint:
    """Judge conditions and rules, and put the resources in order.

    `scope` brings exports, zones and pseudo parameters; the rest is filled in here.

    Raises:
        TemplateInvalid: an unknown name, a circle, a rule that does not hold.
    """
    full = replace(
        scope,
        parameters={**scope.parameters, **parameters.values},
        conditions=template.get("Conditions", {}),
        mappings=template.get("Mappings", {}),
    )
    broken = broken_rules(template.get("Rules", {}), full)
    if broken:
        raise TemplateInvalid(f"Template error: rule violated: {'; '.join(broken)}")
    everything = template["Resources"]
    resources = {
        logical_id: resource
        for logical_id, resource in everything.items()
        if "Condition" not in resource or holds(resource["Condition"], full)
    }
    needs = graph.dependencies(resources, {*everything, *full.parameters})
    return Blueprint(text, template, parameters, full, resources, needs, graph.order(needs))

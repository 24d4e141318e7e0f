"""How a part of the lab answers AWS API actions itself.

    from deployer.lab import actions

    def describe_policies(call: actions.Call, params: dict[str, Any]) -> dict[str, Any]:
        if params.get("MaxRecords", 50) > 100:
            raise actions.Refused("ValidationError", "MaxRecords must be at most 100")
        return {"ScalingPolicies": [{"PolicyName": "p", "PolicyType": call.region}]}

    def modify_rule(call: actions.Call, params: dict[str, Any]) -> dict[str, Any]:
        validate(params)          # raise Refused
        return call.moto()        # moto's own implementation, parsed; change it, or return as is

    actions.install(context)      # once per lab, first: it starts without replacements
    actions.replace("autoscaling", "DescribePolicies", describe_policies)
    actions.replace("elbv2", "ModifyRule", modify_rule)

Nothing else is needed: parameters are parsed and results serialized by botocore's own service
model, in the protocol that the caller speaks (query, ec2, json, rest-json, rest-xml). Keys are
those of boto3; a key that the action's output does not have is a LabDefect error, not silence.
Timestamps are aware datetimes both ways (epoch seconds are accepted in results). Handlers run
under `context.lock`; `context.wake` is set after each action that is not Describe*/Get*/List*...
Services are named as boto3 names them: autoscaling, elbv2, ec2, cloudwatch, cloudformation, ssm.

A part that keeps a service's whole state itself also says `actions.own("autoscaling")`: moto, whose
state for it is empty, then answers nothing of it.

Whatever neither a part nor moto implements is refused with code `NotImplemented` (HTTP 400, never
retried by botocore), naming service and action. Tests: `actions.calls("elbv2", "Modify*")` and
`actions.faults().add(Fault(...))`.
"""

from collections.abc import Sequence

import deployer.lab.shortcuts  # noqa: F401  first: moto makes sessions while it is imported

# isort: split
import moto
import moto.core.errors

from deployer.lab.audit import Entry
from deployer.lab.chaos import Faults
from deployer.lab.context import Context
from deployer.lab.gate import Call, Gate, Handler
from deployer.lab.wire import Refused, operation

__all__ = ["Call", "Handler", "Refused", "calls", "faults", "gate", "install", "own", "replace"]

MOTO = "5.2.5"
_installed: list[Gate] = []  # at most one: moto's own state is one per process


def install(context: Context) -> None:
    """Make `context` the lab of this process; replacements of the one before are gone.

    Raises:
        RuntimeError: moto is not the version that the lab was written for.
    """
    if moto.__version__ != MOTO:
        raise RuntimeError(f"the lab needs moto {MOTO}, found {moto.__version__}")
    # moto warns about error codes that botocore's models lack; some services have such codes.
    moto.core.errors.warn = _ignore
    _installed[:] = [Gate(context)]


def _ignore(*_args: object, **_options: object) -> None:
    """Stands for `warnings.warn` in moto's error table."""


def gate(context: Context | None = None) -> Gate:
    """The installed gate; with `context`, it must be that lab's.

    Raises:
        RuntimeError: nothing is installed, or another context is.
    """
    if not _installed:
        raise RuntimeError("no lab is installed in this process: call actions.install(context)")
    if context is not None and _installed[0].context is not context:
        raise RuntimeError("another lab is installed in this process")
    return _installed[0]


def replace(service: str, action: str, handler: Handler) -> None:
    """`handler` answers this action from now on, instead of moto.

    Raises:
        ValueError: botocore's model of the service has no such action.
    """
    if operation(service, action) is None:
        raise ValueError(f"{service} has no action {action}")
    gate().replaced[service, action] = handler


def own(service: str) -> None:
    """Nothing of this service is left to moto: actions that are not replaced are refused."""
    gate().owned.add(service)


def calls(service: str = "*", action: str = "*", *, external: bool = False) -> Sequence[Entry]:
    """The audit log of the installed lab, in order, by pattern."""
    return gate().audit.calls(service, action, external=external)


def faults() -> Faults:
    """Fault injection of the installed lab."""
    return gate().faults

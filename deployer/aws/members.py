"""The environments of a fleet: each has a function beside it, in its Region, that answers for it.

An errand is an invocation that is waited for. What gives no answer, or none that can be read, is
`silent`: whether something has begun there is found out by asking again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from deployer.aws.failures import asking, code_of
from deployer.aws.needs import Need, Resource
from deployer.aws.session import Aws
from deployer.errors import DeployError
from deployer.operations.fleet import Errand, Sight
from deployer.topology import member_function

NEEDS = (Need("lambda:InvokeFunction", Resource.MEMBERS),)
AT_ONCE = 32  # environments that are asked at a time
PATIENCE_S = 50.0  # real seconds for an answer: less than an errand's fence
BEGIN_S = 40.0  # real seconds in which asking begins: a visit's function must live to write down who is silent


class LambdaMembers:
    """The port `Members` of one service.

    regions: of each environment; aws: a Region's clients; timer: real seconds.
    """

    def __init__(
        self,
        service: str,
        regions: Mapping[str, str],
        aws: Callable[[str], Aws],
        patience_s: float = PATIENCE_S,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._regions = regions
        self._aws = aws
        self._patience_s = patience_s
        self._timer = timer
        self._clients: dict[str, Any] = {}

    def send(self, errands: Sequence[Errand]) -> Mapping[str, Sight]:
        """An answer for each environment, of several at a time."""
        if not errands:
            return {}
        for errand in errands:  # boto3's sessions are not made by several threads at once
            self._client(self._regions[errand.environment])
        until = self._timer() + BEGIN_S

        def answer(errand: Errand) -> Sight:
            if self._timer() < until:
                return self._answer(errand)
            note = "too many others do not answer: it was not asked"
            return Sight(state="silent", about=errand.about, note=note)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(
                zip((e.environment for e in errands), pool.map(answer, errands), strict=True)
            )

    def _client(self, region: str) -> Any:
        if region not in self._clients:
            self._clients[region] = self._aws(region).functions(self._patience_s)
        return self._clients[region]

    def _answer(self, errand: Errand) -> Sight:
        name = member_function(self._service, errand.environment)
        client = self._client(self._regions[errand.environment])
        try:
            with asking("lambda:InvokeFunction", f"the function {name}"):
                answer = client.invoke(FunctionName=name, Payload=msgspec.json.encode(errand))
                said = answer["Payload"].read()
        except DeployError as error:
            missing = code_of(error) == "ResourceNotFoundException"
            note = absent(name, errand.environment) if missing else str(error)
            return Sight(state="silent", about=errand.about, note=note)
        return understood(said, errand, failed="FunctionError" in answer)


def absent(name: str, environment: str) -> str:
    """What to do about a function that is not there. Pure."""
    return (
        f"there is no function {name}: deploy its runner stack (`[runner] enabled = true` in "
        f"deployer.toml, then `cdk deploy --all -c env={environment}`), or leave it out of the waves"
    )


def understood(said: bytes, errand: Errand, *, failed: bool) -> Sight:
    """The answer, or why there is none. Pure."""
    if failed:
        return Sight(state="silent", about=errand.about, note=f"it failed: {_reason(said)}")
    try:
        return msgspec.json.decode(said, type=Sight)
    except msgspec.DecodeError as error:
        note = f"its answer cannot be read ({error}): deploy the stacks of the same version"
        return Sight(state="silent", about=errand.about, note=note)


def _reason(said: bytes) -> str:
    """Lambda's errorMessage, if it is that."""
    try:
        return str(json.loads(said)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return said[:200].decode(errors="replace")

"""The one door to the lab's AWS: every API call, from outside or from a part, passes here.

It takes the lab's lock (moto has none, lab.md B), answers from our own parts or from moto, refuses
loudly what neither implements, injects faults for callers from outside, writes the audit log, and
wakes the parts that live in time.
"""

import io
import json
import logging
import re
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

from moto.moto_server.werkzeug_app import create_backend_app
from werkzeug.test import run_wsgi_app

from deployer.lab import callers, wire
from deployer.lab.audit import Audit
from deployer.lab.chaos import Fault, Faults, Kind
from deployer.lab.context import Context
from deployer.lab.shortcuts import Dispatcher
from deployer.lab.wire import Answer, Refused, Target

INSIDE = "deployer.lab.inside"  # environ key: the call comes from one of the lab's own parts
# Actions that change nothing: they wake nobody, and the parts' own are not logged.
READS = re.compile(
    r"(Batch)?(Describe|Get|List|Head|Lookup|Validate|Query|Scan|Select|Filter|Search|Estimate)"
)
STRIKES = {
    Kind.KILL: signal.SIGKILL,
    Kind.KILL_AFTER: signal.SIGKILL,
    Kind.STOP: signal.SIGSTOP,
}
# One for the process, like the state behind it: making its Flask applications takes a while.
_moto = Dispatcher(create_backend_app)
_log = logging.getLogger("deployer.lab")

Environ = dict[str, Any]
Forward = Callable[[], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Call:
    """One API call that a part answers.

    source: `lab` for the lab's own parts, else the caller's user agent.
    moto:   runs moto's own implementation of the action with the same request and returns its
            result parsed; raises Refused if moto refuses.
    """

    context: Context
    service: str
    action: str
    account: str
    region: str
    source: str
    moto: Forward = field(repr=False)


Handler = Callable[[Call, dict[str, Any]], Mapping[str, Any] | None]
Listener = Callable[[Target, Mapping[str, Any]], None]


class Doorkeeper(Protocol):
    """Decides who may do what (deployer.lab.iam). Under the lab's lock."""

    def admit(self, request: Any, target: Target) -> None:
        """Let a call pass.

        Raises:
            Refused: it may not.
        """
        ...

    def answered(self, request: Any, target: Target, answer: Answer) -> Answer:
        """The answer as this caller may see it."""
        ...

    def caller(self, request: Any) -> str:
        """For the log: a role's name, or `admin`."""
        ...


class Gate:
    """A WSGI application; `replaced` is keyed by (boto3's service name, action).

    owned:   services of which moto answers nothing.
    patient: called without the lock, before such an action of a caller from outside.
    heard:   called under it after such an action, whoever did it, if it took effect.
    slow:    actions that last (a function's invocation): admitted and logged under the lock as all
             are, but answered without it, since what they start calls the lab in turn.
    guard:   None: nobody's permissions are looked at.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.replaced: dict[tuple[str, str], Handler] = {}
        self.owned: set[str] = set()
        self.patient: dict[tuple[str, str], Callable[[], object]] = {}
        self.slow: set[tuple[str, str]] = set()
        self.heard: dict[tuple[str, str], Listener] = {}
        self.audit = Audit(context.directory)
        self.faults = Faults()
        self.guard: Doorkeeper | None = None

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer = self.answer(environ)
        status = HTTPStatus(answer.status)
        start_response(f"{status.value} {status.phrase}", list(answer.headers))
        return [answer.body]

    def answer(self, environ: Environ) -> Answer:
        """One request to one answer.

        Raises:
            ConnectionAbortedError: an injected fault: the call or its reply is lost.
        """
        # Read the body before taking the lock: a slow upload must not stop the lab.
        body = wire.replay(environ).get_data()
        environ = {**environ, "CONTENT_LENGTH": str(len(body))}
        environ.pop("HTTP_TRANSFER_ENCODING", None)

        def fresh() -> Environ:
            return {**environ, "wsgi.input": io.BytesIO(body)}

        request = wire.replay(fresh())
        target = wire.identify(request, self.context.region)
        fault = None if environ.get(INSIDE) else self.faults.draw(target.service, target.action)
        if fault is not None and fault.kind is Kind.LATENCY:
            time.sleep(fault.latency_s)
        if fault is not None and not fault.arrives:
            return self._lose(request, target, fault)
        if (target.service, target.action) in self.patient and not environ.get(INSIDE):
            self.patient[target.service, target.action]()
        lasting = (target.service, target.action) in self.slow
        with nullcontext() if lasting else self.context.lock:
            answer = self._guarded(request, target, fault, fresh)
            with self.context.lock:
                self._aftermath(request, target, fault, answer)
        missed = self._strike(request, target, fault)
        if missed is None and fault is not None and not fault.answered:
            raise ConnectionAbortedError("the reply is lost (injected by the lab)")
        return missed or answer

    def _lose(self, request: Any, target: Target, fault: Fault) -> Answer:
        """The call is never received.

        Returns:
            What the caller is told if the fault should have struck it, and could not.

        Raises:
            ConnectionAbortedError: else.
        """
        with self.context.lock:  # first: whoever sees the caller dead will look into the log
            self._log(request, target, fault, "not received")
        missed = self._strike(request, target, fault)
        if missed is not None:
            return missed
        raise ConnectionAbortedError("the call is lost (injected by the lab)")

    def _strike(self, request: Any, target: Target, fault: Fault | None) -> Answer | None:
        """The fault strikes the calling process, if it is one that does; an answer if it cannot."""
        if fault is None or fault.kind not in STRIKES:
            return None
        try:
            callers.strike(request.environ, STRIKES[fault.kind])
        except Refused as error:
            return wire.failure(request, target.service, error)
        return None

    def _guarded(
        self, request: Any, target: Target, fault: Fault | None, fresh: Callable[[], Environ]
    ) -> Answer:
        """Whatever goes wrong inside becomes an AWS error that botocore does not retry."""
        what = f"{target.service}:{target.action or request.method + ' ' + request.path}"
        refusal = fault.refusal(target.service) if fault is not None else None
        if refusal is not None:
            return wire.failure(request, target.service, refusal)
        try:
            if self.guard is None:
                return self._dispatch(request, target, fresh)
            with self.context.lock:
                self.guard.admit(request, target)
            return self.guard.answered(request, target, self._dispatch(request, target, fresh))
        except Refused as error:
            return wire.failure(request, target.service, error)
        except NotImplementedError as error:
            reason = f"the lab does not implement {what} ({error})"
            return wire.failure(request, target.service, Refused("NotImplemented", reason))
        except Exception as error:  # noqa: BLE001  it is logged, and told to the caller
            _log.exception("%s failed inside the lab", what)
            reason = f"a defect of the lab in {what}: {type(error).__name__}: {error}"
            return wire.failure(request, target.service, Refused("LabDefect", reason))

    def _dispatch(self, request: Any, target: Target, fresh: Callable[[], Environ]) -> Answer:
        handler = self.replaced.get((target.service, target.action))
        if handler is None and target.service in self.owned:
            raise NotImplementedError("this service is the lab's own")
        if handler is None:
            return self._forward(fresh())

        def moto() -> dict[str, Any]:
            return wire.understand(request, target, self._forward(fresh()))

        call = Call(
            self.context,
            target.service,
            target.action,
            self.context.account,
            target.region,
            _source(request),
            moto,
        )
        return wire.result(request, target, handler(call, wire.parameters(request, target)))

    def _forward(self, environ: Environ) -> Answer:
        chunks, status, headers = run_wsgi_app(_moto, environ, buffered=True)
        return Answer(int(status.split()[0]), tuple(headers), b"".join(chunks))

    def _aftermath(self, request: Any, target: Target, fault: Fault | None, answer: Answer) -> None:
        reading = READS.match(target.action) is not None
        listener = self.heard.get((target.service, target.action))
        if listener is not None and answer.status < HTTPStatus.BAD_REQUEST:
            listener(target, wire.parameters(request, target))
        if not reading:
            self.context.wake.set()
        if not reading or _source(request) != "lab":
            self._log(request, target, fault, wire.outcome(answer))

    def _log(self, request: Any, target: Target, fault: Fault | None, outcome: str) -> None:
        self.audit.record(
            at=self.context.clock.now(),
            service=target.service,
            action=target.action or f"{request.method} {request.path}",
            parameters=_told(request, target),
            outcome=outcome,
            source=_source(request),
            fault=fault.kind.value if fault else None,
            caller=self.guard.caller(request) if self.guard else "",
        )


def _source(request: Any) -> str:
    return "lab" if request.environ.get(INSIDE) else request.headers.get("User-Agent", "")


def _told(request: Any, target: Target) -> dict[str, Any]:
    """Parameters for the log; a request that cannot be parsed is logged without them."""
    if wire.operation(target.service, target.action) is None:
        return {}
    try:
        return wire.parameters(request, target)
    except Exception:  # noqa: BLE001  a malformed request has been answered already
        return {"unreadable": json.dumps(request.content_type)}

"""The guard at the gate: whoever runs under a role may do what the role's policies allow.

The administrator (any access key that is no session's) is let through, except where the other side
has a word to say: nobody becomes a role that does not trust him, and a bucket's policy denies what it
denies to everybody. Called under the lab's lock.
"""

from typing import Any

from deployer.lab import wire
from deployer.lab.context import Context
from deployer.lab.iam import principals
from deployer.lab.iam.asked import Ask
from deployer.lab.iam.asked import Context as Keys
from deployer.lab.iam.decide import Decision, Policies, Principal, decide, forbidden, trusts
from deployer.lab.iam.facts import LabFacts, Role
from deployer.lab.iam.needed import guarded, needed
from deployer.lab.iam.patterns import Unsupported
from deployer.lab.iam.refusals import denied
from deployer.lab.iam.sessions import Session, Sessions
from deployer.lab.wire import Answer, Refused, Target

NOT_FOUND = 404
# Services whose resources' tags count, and what the condition keys begin with.
TAGGED = {
    "autoscaling": ("aws", "autoscaling"),
    "cloudformation": ("aws",),
    "dynamodb": ("aws",),
    "ec2": ("aws", "ec2"),
    "elasticloadbalancing": ("aws", "elasticloadbalancing"),
}


class Guard:
    """Implements `gate.Doorkeeper`.

    used: what each role has been allowed so far: role -> {(IAM action, resource)}.
    """

    def __init__(self, context: Context, sessions: Sessions | None = None) -> None:
        self.sessions = sessions or Sessions()
        self.used: dict[str, set[tuple[str, str]]] = {}
        self.facts = LabFacts(context)
        self._lock = context.lock

    def report(self) -> dict[str, list[dict[str, str]]]:
        """What each role has used, sorted: the lab's page `permissions`."""
        with self._lock:
            return {
                role: [{"action": action, "resource": on} for action, on in sorted(used)]
                for role, used in sorted(self.used.items())
            }

    def caller(self, request: Any) -> str:
        """For the log."""
        return self.sessions.name(request)

    def admit(self, request: Any, target: Target) -> None:
        """Let the call pass, or refuse it.

        Raises:
            Refused: it is not allowed; or the lab cannot tell, which it never takes for a yes.
        """
        session = self.sessions.of(request)
        becoming = (target.service, target.action) == ("sts", "AssumeRole")
        if session is None and not becoming and not guarded(target.service, target.action):
            return
        try:
            self._admit(session, request, target)
        except Unsupported as error:
            raise Refused("NotImplemented", f"IAM in the lab: {error}") from error

    def _admit(self, session: Session | None, request: Any, target: Target) -> None:
        params = wire.parameters(request, target)
        who = principals.of(session, self.facts.account)
        for ask in needed(target.service, target.action, params, self.facts):
            if session is not None:
                decision = self._judge(session, ask)
                if not decision.allowed:
                    raise denied(target.service, ask, session.arn, decision.why)
            elif self._forbids(ask, who):
                why = "with an explicit deny in a resource-based policy"
                raise denied(target.service, ask, who.arn, why)
            if ask.action in ("sts:AssumeRole", "sts:TagSession"):
                self.require_trust(who, ask)

    def _judge(self, session: Session, ask: Ask) -> Decision:
        """One authorization of a role's session, remembered if it is granted."""
        role = self._role(session)
        policies = Policies(role.identity, role.boundary, self.facts.attached(ask.resource))
        decision = decide(
            ask,
            self._keys(ask, session, role),
            principals.of(session, self.facts.account),
            policies,
        )
        if decision.allowed:
            self.used.setdefault(role.name, set()).add((ask.action, ask.resource))
        return decision

    def require(self, session: Session, ask: Ask) -> None:
        """A session may do that: for what the lab's own parts do in its name, without a call.

        Raises:
            Refused: it may not; or the lab cannot tell, which it never takes for a yes.
        """
        try:
            decision = self._judge(session, ask)
        except Unsupported as error:
            raise Refused("NotImplemented", f"IAM in the lab: {error}") from error
        if not decision.allowed:
            raise denied(ask.action.partition(":")[0], ask, session.arn, decision.why)

    def _forbids(self, ask: Ask, who: Principal) -> bool:
        """Whether the resource's own policy denies this to the administrator."""
        keys = Keys(principals.keys(ask, who, self.facts))
        return forbidden(ask, keys, who, self.facts.attached(ask.resource))

    def _role(self, session: Session) -> Role:
        role = self.facts.role(session.role)
        if role is None:
            message = "The security token included in the request is invalid"
            raise Refused("InvalidClientTokenId", message, 403)
        return role

    def require_trust(self, who: Principal, ask: Ask) -> Role:
        """The role that is asked for, if it trusts `who`.

        Raises:
            Refused: it does not, or there is none; AWS tells nobody which.
        """
        role = self.facts.role(ask.resource.rsplit("/", 1)[-1])
        keys = Keys(principals.keys(ask, who, self.facts))
        if role is None or not trusts(ask, keys, who, role.trust):
            why = "because no trust policy of that role allows it"
            raise denied("sts", ask, who.arn, why)
        return role

    def _keys(self, ask: Ask, session: Session, role: Role) -> Keys:
        keys = principals.keys(ask, principals.of(session, self.facts.account), self.facts)
        if role.mentions("principaltag/"):
            for key, value in self.facts.role_tags(role.name).items():
                keys[f"aws:principaltag/{key.lower()}"] = (value,)
        if ask.resource != "*" and role.mentions("resourcetag/"):
            keys |= self._resource_tags(ask)
        return Keys(keys)

    def _resource_tags(self, ask: Ask) -> dict[str, tuple[str, ...]]:
        prefix = ask.action.partition(":")[0].lower()
        if prefix not in TAGGED:
            return {}
        return {
            f"{where}:resourcetag/{key.lower()}": (value,)
            for key, value in self.facts.tags(ask.resource).items()
            for where in TAGGED[prefix]
        }

    def answered(self, request: Any, target: Target, answer: Answer) -> Answer:
        """S3 tells only those who may list a bucket that an object is not in it."""
        looking = target.service == "s3" and target.action in ("GetObject", "HeadObject")
        session = self.sessions.of(request) if looking and answer.status == NOT_FOUND else None
        if session is None:
            return answer
        ask = Ask("s3:ListBucket", f"arn:aws:s3:::{wire.parameters(request, target)['Bucket']}")
        decision = self._judge(session, ask)
        if decision.allowed:
            return answer
        return wire.failure(request, "s3", denied("s3", ask, session.arn, decision.why))

"""A secret by its reference: an environment variable, a parameter, or a secret of Secrets Manager.

    env:SLACK_URL                  the variable of the process that tells
    ssm:/shop/prod/slack           Parameter Store, a SecureString usually
    secretsmanager:shop/slack      Secrets Manager; with `#key` the key of a secret in JSON

What it holds goes where it is used and nowhere else: no error names it, nothing keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from deployer.aws.failures import asking
from deployer.aws.needs import Need, Resource
from deployer.aws.session import Aws
from deployer.errors import NotFound
from deployer.settings.notify import ENV, MANAGER, SSM

# Granted on what the settings refer to.
NEEDS = (
    Need("ssm:GetParameter", Resource.PARAMETERS),
    Need("secretsmanager:GetSecretValue", Resource.SECRETS),
)


class Secrets:
    """Reads secrets, when they are needed; of the Region that `aws` talks to."""

    def __init__(self, aws: Aws, environ: Mapping[str, str]) -> None:
        self._aws, self._environ = aws, environ

    def prepare(self, *references: str) -> object:
        """Clients, made in the main thread, of what these references need."""
        kinds = {reference.partition(":")[0] for reference in references}
        return [getattr(self._aws, service) for service in (SSM, MANAGER) if service in kinds]

    def read(self, reference: str) -> str:
        """The secret, without the blanks around it. One call at most.

        Raises:
            NotFound: there is none.
            CloudUnavailable, AccessProblem: as `failures.asking`.
        """
        kind, _, name = reference.partition(":")
        found = self._found(kind, name).strip()
        if not found:
            raise NotFound(f"{reference} is empty, or not set here")
        return found

    def _found(self, kind: str, name: str) -> str:
        if kind == ENV:
            return self._environ.get(name, "")
        if kind == SSM:
            with asking("ssm:GetParameter", name):
                answer = self._aws.ssm.get_parameter(Name=name, WithDecryption=True)
            return answer["Parameter"]["Value"]
        name, _, inside = name.partition("#")
        with asking("secretsmanager:GetSecretValue", name):
            text = self._aws.secretsmanager.get_secret_value(SecretId=name).get("SecretString", "")
        return _of_json(text, inside, name) if inside else text


def _of_json(text: str, inside: str, name: str) -> str:
    """One value of a secret in JSON.

    Raises:
        NotFound: it is no JSON, or has no such text.
    """
    try:
        return msgspec.json.decode(text, type=dict[str, str])[inside]
    except (msgspec.DecodeError, KeyError):
        raise NotFound(f"{MANAGER}:{name} is no JSON with the text {inside!r}") from None

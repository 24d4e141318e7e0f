"""Notices to an address: as documented JSON and signed, or as Slack's and Teams' webhooks want them.

The signature is that of Standard Webhooks (https://www.standardwebhooks.com), so that receivers check it
with a library: `webhook-id` (the notice's, the same for each attempt), `webhook-timestamp`, and
`webhook-signature`: `v1,` and the base64 of HMAC-SHA256 over `ID.TIMESTAMP.BODY`.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from deployer.channels.channel import TIMEOUT_S, Undelivered
from deployer.channels.posting import post, require_address
from deployer.operations.notices import Notice

PREFIX = "whsec_"  # of a secret in base64
Body = Callable[[Notice], Mapping[str, object]]
Read = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Webhook:
    """Posts each notice to one address.

    body:   the notice as the address wants it.
    read:   a secret by its reference.
    url:    the address, or the reference of a secret that holds it.
    secret: reference of what it is signed with; empty: it is not signed.
    now:    epoch seconds of the wall, for the signature: receivers refuse old ones.
    timeout_s: real seconds that one attempt may take.
    """

    body: Body
    read: Read
    url: str
    secret: str
    now: Callable[[], float]
    timeout_s: float = TIMEOUT_S

    def __call__(self, notice: Notice) -> None:
        """It was taken.

        Raises:
            Undelivered: it was not.
            DeployError: a secret cannot be read.
        """
        open_address = self.url.startswith(("http://", "https://"))
        url = self.url if open_address else self.read(self.url)
        require_address(url, "its url" if open_address else self.url)
        body = msgspec.json.encode(self.body(notice))
        post(url, body, self._signed(notice, body), self.timeout_s)

    def _signed(self, notice: Notice, body: bytes) -> Mapping[str, str]:
        stamp = str(round(self.now()))
        named = {"webhook-id": notice.id, "webhook-timestamp": stamp}
        if not self.secret:
            return named
        return named | {
            "webhook-signature": signature(self.read(self.secret), notice.id, stamp, body)
        }


def signature(secret: str, name: str, stamp: str, body: bytes) -> str:
    """The value of `webhook-signature`.

    Raises:
        Undelivered: the secret says that it is base64, and is not.
    """
    key = secret.encode()
    if secret.startswith(PREFIX):
        try:
            key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            words = f"the secret begins with {PREFIX} and is no base64 after that"
            raise Undelivered(words, lasting=True) from None
    signed = f"{name}.{stamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"

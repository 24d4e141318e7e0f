"""HTTPS listeners: which certificate, from which version of TLS on, and how Envoy is told.

Certificates are those of the lab's ACM: imported ones, with their key, or requested ones, which moto
signs itself. Source: elbv2 API model (CreateListener); UG, "Security policies for HTTPS listeners".
"""

from collections.abc import Mapping
from typing import Any

from moto.acm.models import AWS_ROOT_CA, CertBundle, acm_backends

from deployer.lab.balancer.model import Tls
from deployer.lab.balancer.refusals import invalid, not_simulated
from deployer.lab.context import Context
from deployer.lab.wire import Refused

Json = dict[str, Any]
HTTPS = "HTTPS"
# Their oldest version of TLS. Others have older ciphers too, which Envoy does not offer by default.
POLICIES: Mapping[str, str] = {
    "ELBSecurityPolicy-TLS13-1-2-2021-06": "TLSv1_2",
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06": "TLSv1_2",
    "ELBSecurityPolicy-TLS13-1-3-2021-06": "TLSv1_3",
}
# What CreateListener takes when nothing is said.
DEFAULT_POLICY = "ELBSecurityPolicy-2016-08"


class Certificates:
    """The certificates of the lab's ACM, by ARN."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def place(self, arn: str, pem: bytes, key: bytes) -> None:
        """Have this certificate under this ARN from now on; ACM's API makes up ARNs of its own."""
        account, region = self._context.account, self._context.region
        made = CertBundle(account, pem, key, region=region, arn=arn)
        acm_backends[account][region]._certificates[arn] = made  # noqa: SLF001  see above

    def pem(self, arn: str) -> tuple[str, str] | None:
        """(certificate and its chain, private key); None: there is no such certificate."""
        backend = acm_backends[self._context.account][self._context.region]
        found = backend._certificates.get(arn)  # noqa: SLF001  the API does not tell keys
        if found is None:
            return None
        chain = found.chain.decode().replace(AWS_ROOT_CA.decode(), "")
        return f"{found.cert.decode().strip()}\n{chain.strip()}".strip(), found.key.decode()


def check(params: Mapping[str, Any], stored: Any, certificates: Certificates) -> None:
    """What a listener would be after this call (`stored`: what it is, None before it is made).

    Raises:
        Refused: AWS would refuse it, or the lab does not simulate it.
    """
    protocol = params.get("Protocol") or (stored.protocol if stored else None)
    for key in ("AlpnPolicy", "MutualAuthentication"):
        if params.get(key):
            raise not_simulated(f"{key} of listeners")
    if protocol == "HTTP":
        if params.get("Certificates") or params.get("SslPolicy"):
            raise invalid("A listener with the protocol HTTP has no certificate and no SslPolicy")
        return
    if protocol != HTTPS:
        raise not_simulated(f"listeners with the protocol '{protocol}'")
    _check_certificate(params, stored, certificates)
    policy = params.get("SslPolicy") or (stored.ssl_policy if stored else None) or DEFAULT_POLICY
    if policy not in POLICIES:
        raise not_simulated(f"the security policy '{policy}' (it has {', '.join(POLICIES)})")


def _check_certificate(params: Mapping[str, Any], stored: Any, certificates: Certificates) -> None:
    given = [one["CertificateArn"] for one in params.get("Certificates") or ()]
    wanted = given or list(stored.certificates or ()) if stored else given
    if len(wanted) != 1:
        raise invalid(
            "You must provide a list containing exactly one certificate if the listener protocol "
            "is HTTPS"
        )
    if certificates.pem(wanted[0]) is None:
        raise Refused("CertificateNotFound", f"Certificate '{wanted[0]}' not found")


def read(stored: Any, certificates: Certificates) -> Tls | None:
    """The TLS of a listener as moto stores it; None: it speaks plain HTTP."""
    if stored.protocol != HTTPS:
        return None
    found = certificates.pem(stored.certificates[0])
    if found is None:  # deleted from under it, which ACM refuses
        raise LookupError(f"no certificate {stored.certificates[0]}")
    return Tls(*found, POLICIES[stored.ssl_policy])


def transport_socket(tls: Tls) -> Json:
    """Envoy's side of it."""
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3"
            ".DownstreamTlsContext",
            "common_tls_context": {
                "alpn_protocols": ["http/1.1"],
                "tls_params": {
                    "tls_minimum_protocol_version": tls.oldest,
                    "tls_maximum_protocol_version": "TLSv1_3",
                },
                "tls_certificates": [
                    {
                        "certificate_chain": {"inline_string": tls.chain},
                        "private_key": {"inline_string": tls.key},
                    }
                ],
            },
        },
    }

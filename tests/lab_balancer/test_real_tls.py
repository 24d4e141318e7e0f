"""HTTPS as ALB speaks it: a certificate of ACM, versions by policy, plain HTTP sent away."""

import datetime as dt
import http.client
import socket
import ssl
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deployer.lab import inprocess
from tests.lab_balancer.rig import Rig, fixed, forward, until
from tests.lab_balancer.targets import Client, Reply

pytestmark = pytest.mark.lab

NAME = "shop.example.com"
POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"


def certificate(name: str = NAME) -> tuple[bytes, bytes]:
    """(PEM, key): signed by itself, hence its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return (
        made.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, form, plain),
    )


@pytest.fixture(name="imported", scope="module")
def _imported(rig: Rig) -> Iterator[tuple[str, str]]:
    """(ARN, PEM)."""
    pem, key = certificate()
    acm = inprocess.client(rig.context, "acm")
    arn = acm.import_certificate(Certificate=pem, PrivateKey=key)["CertificateArn"]
    yield arn, pem.decode()
    acm.delete_certificate(CertificateArn=arn)


def secure(rig: Rig, arn: str, action: object, policy: str = POLICY) -> int:
    """The port of a new HTTPS listener."""
    listener, port = rig.listener()
    rig.elb.modify_listener(
        ListenerArn=listener, Protocol="HTTPS", SslPolicy=policy,
        Certificates=[{"CertificateArn": arn}], DefaultActions=[action],
    )  # fmt: skip
    return port


class ByName(http.client.HTTPSConnection):
    """A verified connection to an address, by the name on its certificate."""

    def __init__(self, address: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__(NAME, port, timeout=5, context=context)
        self._address, self._tls = address, context

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = self._tls.wrap_socket(plain, server_hostname=NAME)


def ask(rig: Rig, port: int, trusted: str, newest: ssl.TLSVersion | None = None) -> Reply:
    """One request to a listener whose certificate is `trusted`."""
    context = ssl.create_default_context(cadata=trusted)
    if newest is not None:
        context.maximum_version = newest
    connection = ByName(rig.address, port, context)
    try:
        connection.request("GET", "/")
        response = connection.getresponse()
        told = tuple((key.lower(), value) for key, value in response.getheaders())
        return Reply(response.status, told, response.read().decode())
    finally:
        connection.close()


def speaks(rig: Rig, port: int, trusted: str) -> bool:
    try:
        return ask(rig, port, trusted).status > 0
    except OSError:
        return False


def test_requests_over_tls_follow_the_weights_and_say_so(
    rig: Rig, imported: tuple[str, str]
) -> None:
    blue, green = rig.group(*rig.ids[:2]), rig.group(*rig.ids[2:])
    arn, pem = imported
    port = secure(rig, arn, forward((blue, 0), (green, 1)))
    rig.until_healthy(blue, green)
    until(lambda: speaks(rig, port, pem), "TLS")
    answers = [ask(rig, port, pem) for _ in range(10)]
    assert {one.status for one in answers} == {200}
    assert {one.name for one in answers} <= set(rig.ids[2:])
    headers = {key.lower(): value for key, value in answers[0].told["headers"]}
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-forwarded-port"] == str(port)


def test_plain_http_is_sent_to_the_secure_listener(rig: Rig, imported: tuple[str, str]) -> None:
    arn, pem = imported
    port = secure(rig, arn, fixed(200, "secure"))
    redirect = {"Protocol": "HTTPS", "Port": str(port), "StatusCode": "HTTP_301"}
    _listener, plain = rig.listener([{"Type": "redirect", "RedirectConfig": redirect}])
    until(lambda: speaks(rig, port, pem), "TLS")
    with Client(rig.address, plain) as client:
        moved = client.get("/cart?x=1", host=NAME)
    assert moved.status == 301
    assert dict(moved.headers)["location"] == f"https://{NAME}:{port}/cart?x=1"
    assert ask(rig, port, pem).body == "secure"


def test_the_policy_says_from_which_version_on(rig: Rig, imported: tuple[str, str]) -> None:
    arn, pem = imported
    both = secure(rig, arn, fixed(200, "both"))
    newest = secure(rig, arn, fixed(200, "newest"), "ELBSecurityPolicy-TLS13-1-3-2021-06")
    until(lambda: speaks(rig, both, pem) and speaks(rig, newest, pem), "TLS")
    assert ask(rig, both, pem, ssl.TLSVersion.TLSv1_2).body == "both"
    with pytest.raises(ssl.SSLError):
        ask(rig, newest, pem, ssl.TLSVersion.TLSv1_2)


def test_a_certificate_that_is_imported_again_is_shown(rig: Rig, imported: tuple[str, str]) -> None:
    pem, key = certificate()
    acm = inprocess.client(rig.context, "acm")
    arn = acm.import_certificate(Certificate=pem, PrivateKey=key)["CertificateArn"]
    port = secure(rig, arn, fixed(200, "renewed"))
    until(lambda: speaks(rig, port, pem.decode()), "TLS")
    renewed, key = certificate()
    acm.import_certificate(CertificateArn=arn, Certificate=renewed, PrivateKey=key)
    until(lambda: speaks(rig, port, renewed.decode()), "the new certificate")
    with pytest.raises(ssl.SSLCertVerificationError):
        ask(rig, port, pem.decode())


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({}, "ValidationError", "exactly one certificate"),
        ({"Certificates": ["arn:aws:acm:us-east-1:1:certificate/x"]}, "CertificateNotFound", "x"),
        ({"Certificates": [0], "SslPolicy": ""}, "NotImplemented", "ELBSecurityPolicy-2016-08"),
        ({"Certificates": [0], "AlpnPolicy": ["HTTP2Only"]}, "NotImplemented", "AlpnPolicy"),
        ({"Certificates": [0], "Protocol": "HTTP"}, "ValidationError", "HTTP has no certificate"),
    ],
)
def test_what_is_refused(
    rig: Rig, imported: tuple[str, str], change: dict[str, object], code: str, words: str
) -> None:
    listed = change.get("Certificates", [])
    assert isinstance(listed, list)
    chosen = [{"CertificateArn": imported[0] if one == 0 else one} for one in listed]
    params = {"Protocol": "HTTPS", "SslPolicy": POLICY, **change, "Certificates": chosen}
    with pytest.raises(ClientError, match=words) as error:
        rig.elb.create_listener(
            LoadBalancerArn=rig.arn, Port=9994, DefaultActions=[fixed()],
            **{key: value for key, value in params.items() if value},
        )  # fmt: skip
    assert error.value.response["Error"]["Code"] == code

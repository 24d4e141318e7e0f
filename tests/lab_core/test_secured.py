"""A lab that begins with a certificate, and the authority that signs it."""

import ipaddress
from pathlib import Path

import pytest
from cryptography import x509

from deployer.errors import NotPossibleNow, SettingsInvalid
from deployer.lab import home, inprocess
from deployer.lab.authority import issue
from deployer.lab.balancer.tls import Certificates
from deployer.lab.context import Context
from deployer.lab.secured import Secured, secured
from deployer.settings.stacks import BalancerSettings

ARN = "arn:aws:acm:us-east-1:123456789012:certificate/shop"


def test_what_the_settings_ask_of_the_lab() -> None:
    assert secured(BalancerSettings()) is None
    asked = BalancerSettings(certificate=ARN, domain="127.190.255.1")
    assert secured(asked) == Secured(ARN, "127.190.255.1", 190)


@pytest.mark.parametrize(
    ("arn", "domain", "says"),
    [
        (ARN, "shop.example.com", "127.N.255.1, N from 80 to 199; not shop.example.com"),
        (ARN, "127.79.255.1", "N from 80 to 199"),
        (ARN, "127.190.255.2", "not 127.190.255.2"),
        (ARN, "127.190.255.10", "not 127.190.255.10"),
        (ARN.replace("1234", "9999"), "127.190.255.1", "arn:aws:acm:us-east-1:123456789012:"),
        (ARN.replace("us-east-1", "eu-west-1"), "127.190.255.1", "of a lab is arn:aws:acm:us-east"),
    ],
)
def test_what_no_lab_can_have(arn: str, domain: str, says: str) -> None:
    with pytest.raises(SettingsInvalid, match=says):
        secured(BalancerSettings(certificate=arn, domain=domain))


def test_a_network_that_another_lab_has_is_not_shared() -> None:
    network, guard = home.claim_network()
    with guard, pytest.raises(NotPossibleNow, match=rf"127\.{network}\.0\.0/16"):
        home.claim_network(network)


def test_acm_has_the_certificate_under_the_name_of_the_settings(
    context: Context, tmp_path: Path
) -> None:
    made = issue(tmp_path, "127.190.255.1")
    Certificates(context).place(ARN, *made)
    told = inprocess.client(context, "acm").get_certificate(CertificateArn=ARN)["Certificate"]
    assert told.strip() == made.pem.decode().strip()
    assert Certificates(context).pem(ARN) == (told.strip(), made.key.decode())


def test_one_authority_signs_all_certificates_of_a_folder(tmp_path: Path) -> None:
    assert (home.authority(tmp_path), home.trust(tmp_path)) == (None, {})
    first = x509.load_pem_x509_certificate(issue(tmp_path, "127.80.255.1").pem)
    file = home.authority(tmp_path)
    assert file is not None
    assert home.trust(tmp_path) == {"SSL_CERT_FILE": str(file)}
    authority = x509.load_pem_x509_certificate(file.read_bytes())
    second = x509.load_pem_x509_certificate(issue(tmp_path, "shop.example.com").pem)
    for each in (first, second):
        each.verify_directly_issued_by(authority)
    assert first.serial_number != second.serial_number
    kind = x509.SubjectAlternativeName
    addresses = first.extensions.get_extension_for_class(kind).value
    assert addresses.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("127.80.255.1")]
    names = second.extensions.get_extension_for_class(kind).value
    assert names.get_values_for_type(x509.DNSName) == ["shop.example.com"]


def test_keys_are_their_owners_alone(tmp_path: Path) -> None:
    issue(tmp_path, "localhost")
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}

"""The lab's own certificate authority: who trusts its one file, trusts every certificate of this lab.

It is made when the first certificate is asked for, and stays in the lab's folder: `lab env` exports
the file as SSL_CERT_FILE, which Python, curl and OpenSSL read. Certificates are for names or, since
the lab has no DNS, for addresses of 127.0.0.0/8.
"""

import datetime as dt
import ipaddress
import os
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deployer.lab.home import AUTHORITY

_KEY: Final = "authority.key"
_LASTS: Final = dt.timedelta(days=397)  # longer ones browsers refuse
_EARLIER: Final = dt.timedelta(days=1)  # for clients whose clock is behind


class Issued(NamedTuple):
    """A certificate and its private key, both PEM."""

    pem: bytes
    key: bytes


def issue(directory: Path, name: str) -> Issued:
    """A new certificate for `name`, a domain or an address, signed by the folder's authority."""
    authority, signer = _authority(directory)
    key = ec.generate_private_key(ec.SECP256R1())
    made = (
        _builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key)
        .issuer_name(authority.subject)
        .add_extension(x509.SubjectAlternativeName([_general(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )
    return Issued(made.public_bytes(serialization.Encoding.PEM), _plain(key))


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _authority(directory: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """The folder's authority; it is made if there is none, or if it ends too soon."""
    file, hidden = directory / AUTHORITY, directory / _KEY
    if file.exists() and hidden.exists():
        known = x509.load_pem_x509_certificate(file.read_bytes())
        signer = serialization.load_pem_private_key(hidden.read_bytes(), None)
        if isinstance(signer, ec.EllipticCurvePrivateKey) and known.not_valid_after_utc > _until():
            return known, signer
    signer = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"deployer lab {directory}"[:64])])
    made = (
        _builder(who, signer, years=10)
        .issuer_name(who)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(signer, hashes.SHA256())
    )
    _write(hidden, _plain(signer))
    _write(file, made.public_bytes(serialization.Encoding.PEM))
    return made, signer


def _until() -> dt.datetime:
    return dt.datetime.now(dt.UTC) + _LASTS


def _builder(
    who: x509.Name, key: ec.EllipticCurvePrivateKey, *, years: int = 1
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + years * _LASTS - _EARLIER)
    )


def _plain(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all, readable by its owner alone: one of them is a key."""
    draft = file.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(content)
    draft.replace(file)

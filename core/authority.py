"""The ISP's own certificate authority for the boxes of POPs, and the certificate of the door they come by."""

import contextlib
import fcntl
import ipaddress
import os
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from core import errors

_AUTHORITY = timedelta(days=7300)
_CERTIFICATE = timedelta(days=730)
_SLACK = timedelta(days=1)


def certificate(folder: Path) -> str:
    """Return the authority's certificate (PEM), made in the folder when there is none yet."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path, key_path = folder / "authority.pem", folder / "authority.key"
    if not path.exists():
        with _alone(folder):
            _make(path, key_path)
    return path.read_text()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder: of two who make the authority at once one would keep the key, the other the name."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _make(path: Path, key_path: Path) -> None:
    if not path.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Linecard POPs")])
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        made = (
            _begun(name, name, key, _AUTHORITY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        _keep(key_path, _pem(key))
        _keep(path, made.public_bytes(serialization.Encoding.PEM))


def door_context(folder: Path, host: str) -> ssl.SSLContext:
    """Return the TLS of the door, with a fresh certificate for a host; raises Unavailable."""
    pem = certificate(folder)
    try:
        signer = serialization.load_pem_private_key((folder / "authority.key").read_bytes(), None)
    except OSError as error:
        raise errors.Unavailable(f"{folder / 'authority.key'}: {error.strerror}") from error
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise errors.Unavailable(f"{folder / 'authority.key'} is not the key `linecard` made")
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.load_pem_x509_certificate(pem.encode())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    made = (
        _begun(name, issuer.subject, key, _CERTIFICATE)
        .add_extension(x509.SubjectAlternativeName([_named(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    _keep(folder / "door.pem", _pem(key) + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(folder / "door.pem")
    return context


def _begun(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, lasts: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLACK)
        .not_valid_after(now + lasts)
    )


def _named(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _keep(path: Path, content: bytes) -> None:
    """Write a file only its owner may read, whole or not at all."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    fresh.replace(path)

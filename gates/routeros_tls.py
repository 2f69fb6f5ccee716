"""TLS to a router: its certificate is checked against the authorities of this machine, or against a pin."""

import functools
import hashlib
import hmac
import socket
import ssl

from gates.contract import GateError, GateMisconfigured
from gates.routeros_door import not_reached


def connect(host: str, port: int, timeout_s: float, *, pin: str | None, plain: bool = False) -> socket.socket:
    """Open a connection on which nothing was said yet; raises GateUnreachable and GateMisconfigured.

    `pin` is the SHA-256 of the certificate in hexadecimal: it is then believed alone, whatever its name and
    its issuer. None or empty: the name must be in it and this machine must trust its issuer.
    """
    where = f"{host}:{port}"
    if not host:
        raise GateMisconfigured("the address of the router is not set")
    try:
        raw = socket.create_connection((host, port), timeout_s)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise not_reached(where, error, timeout_s) from error
    if plain:
        return raw
    try:
        wrapped = _context(is_pinned=bool(pin)).wrap_socket(raw, server_hostname=host)
    except OSError as error:
        raw.close()
        raise _refused(where, error, timeout_s) from error
    if pin:
        _hold_to(wrapped, pin, where)
    return wrapped


@functools.cache
def _context(*, is_pinned: bool) -> ssl.SSLContext:
    """Return how to shake hands; reading this machine's authorities takes too long for every connection."""
    if not is_pinned:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # the pin says more than a name, and is looked at before anything is said
    context.verify_mode = ssl.CERT_NONE
    return context


def _hold_to(wrapped: ssl.SSLSocket, pin: str, where: str) -> None:
    found = hashlib.sha256(wrapped.getpeercert(binary_form=True) or b"").hexdigest()
    if not hmac.compare_digest(found, pin.replace(":", "").strip().lower()):
        wrapped.close()
        raise GateMisconfigured(
            f"{where} shows another certificate than the one it is held to: its SHA-256 is {found}. "
            "If nobody renewed it, somebody else may be answering"
        )


def _refused(where: str, error: OSError, timeout_s: float) -> GateError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return GateMisconfigured(
            f"the certificate of {where} is not trusted ({error.verify_message}): "
            "give its SHA-256 in the settings, or have this machine trust its issuer"
        )
    if isinstance(error, ssl.SSLError):
        words = error.reason or str(error)
        return GateMisconfigured(
            f"{where} does not speak TLS as it should ({words}): has the service a certificate on the router?"
        )
    return not_reached(where, error, timeout_s)

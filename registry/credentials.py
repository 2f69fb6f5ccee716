"""Credentials of devices: JSON sealed with the key ring, naming the row it belongs to."""

import json
from collections.abc import Mapping
from typing import Any

from core import errors
from core.secrets import Cipher
from core.words import N_
from registry.models import Device

AUTH_PROTOCOLS = ("MD5", "SHA", "SHA224", "SHA256", "SHA384", "SHA512")
PRIV_PROTOCOLS = ("DES", "3DES", "AES", "AES192", "AES256", "AES192C", "AES256C")
VERSIONS = ("", "1", "2c", "3")
_V3 = ("user", "auth_protocol", "auth_key", "priv_protocol", "priv_key")
_MINIMUM_KEY = 8


def seal(cipher: Cipher, kind: str, row_id: int, values: Mapping[str, Any]) -> str:
    """Seal values for one row; they open for no other row and no other kind."""
    return cipher.seal(json.dumps({"kind": kind, "row": row_id, "values": dict(values)}))


def open_sealed(cipher: Cipher, kind: str, row_id: int, sealed: str) -> dict[str, Any]:
    """Return what seal() sealed; raises Unavailable when no key fits or the text is another row's."""
    content = json.loads(cipher.open(sealed))
    if (content.get("kind"), content.get("row")) != (kind, row_id):
        raise errors.Unavailable("A stored secret belongs to another record; enter it again")
    values: dict[str, Any] = content["values"]
    return values


def set_snmp(device: Device, cipher: Cipher, *, version: str, community: str = "", **v3: str | None) -> None:
    """Keep what opens the device by SNMP; an empty secret keeps the one on file of the same version.

    `v3` holds user, auth_protocol, auth_key, priv_protocol, priv_key (RFC 3414). An empty version forgets
    everything. The device must have its id. Raises Invalid at the faulty field.
    """
    known = _opened(device, cipher) if device.snmp_version == version else {}
    if version == "3":
        values = {field: v3.get(field) or "" for field in _V3}
        for field in ("auth_key", "priv_key"):
            values[field] = values[field] or known.get(field) or ""
        _check_v3(values)
    else:
        values = {"community": community or known.get("community") or ""}
        _check_community(version, values["community"])
    device.snmp_version = version
    device.snmp_sealed = seal(cipher, "snmp", device.id, values) if version else ""


def _opened(device: Device, cipher: Cipher) -> dict[str, Any]:
    return open_sealed(cipher, "snmp", device.id, device.snmp_sealed) if device.snmp_sealed else {}


def _check_community(version: str, community: str) -> None:
    if version not in VERSIONS:
        raise errors.Invalid("No such version", {"snmp_version": "Choose 1, 2c or 3"})
    if version and not community:
        raise errors.Invalid("A community is needed", {"community": "Write the community"})


def _check_v3(values: Mapping[str, str]) -> None:
    faults = {}
    if not values["user"]:
        faults["snmp_user"] = N_("Write the user name")
    if values["auth_protocol"] and values["auth_protocol"] not in AUTH_PROTOCOLS:
        faults["auth_protocol"] = N_("Choose from the list")
    elif values["auth_protocol"] and len(values["auth_key"]) < _MINIMUM_KEY:
        faults["auth_key"] = N_("At least 8 characters (RFC 3414)")
    if values["priv_protocol"] and values["priv_protocol"] not in PRIV_PROTOCOLS:
        faults["priv_protocol"] = N_("Choose from the list")
    elif values["priv_protocol"] and not values["auth_protocol"]:
        faults["priv_protocol"] = N_("Privacy needs authentication (RFC 3414)")
    elif values["priv_protocol"] and len(values["priv_key"]) < _MINIMUM_KEY:
        faults["priv_key"] = N_("At least 8 characters (RFC 3414)")
    if faults:
        raise errors.Invalid("The SNMP credentials are not complete", faults)


def snmp_of(device: Device, ring: Cipher) -> dict[str, Any]:
    """Return the keywords of netdiag's SnmpTarget: host, port, version and what opens it.

    Raises Invalid when the device has no address or no SNMP version, Unavailable when no key fits.
    """
    if not device.address or not device.snmp_version:
        raise errors.Invalid(
            N_("%(name)s has no SNMP version on file", name=device.name)
            if device.address
            else N_("%(name)s has no IP address on file", name=device.name)
        )
    target = {"host": str(device.address), "port": device.snmp_port, "version": device.snmp_version}
    values = _opened(device, ring)
    if device.snmp_version != "3":
        return {**target, "community": values.get("community", "")}
    return target | {field: values.get(field) or (None if "protocol" in field else "") for field in _V3}


def shown_snmp(device: Device, ring: Cipher) -> dict[str, str]:
    """Return what a form may show of the SNMP credentials: names and protocols, never a key or community."""
    values = _opened(device, ring)
    return {field: values.get(field) or "" for field in ("user", "auth_protocol", "priv_protocol")}


def set_login(device: Device, cipher: Cipher, *, name: str, password: str) -> None:
    """Keep the device's web or shell login; an empty password keeps the one on file, both empty forget it."""
    known = open_login(device, cipher)
    if not name and not password:
        device.login_sealed = ""
        return
    values = {"name": name, "password": password or known.get("password", "")}
    device.login_sealed = seal(cipher, "login", device.id, values)


def open_login(device: Device, cipher: Cipher) -> dict[str, Any]:
    """Return the login's name and password; empty when none is on file."""
    return open_sealed(cipher, "login", device.id, device.login_sealed) if device.login_sealed else {}

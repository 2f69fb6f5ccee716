"""Whom to ask by SNMP, with which credentials."""

import dataclasses
from typing import Literal

Version = Literal["1", "2c", "3"]

AUTH_PROTOCOLS = ("MD5", "SHA", "SHA224", "SHA256", "SHA384", "SHA512")
PRIV_PROTOCOLS = ("DES", "3DES", "AES", "AES192", "AES256", "AES192C", "AES256C")


@dataclasses.dataclass(frozen=True, slots=True)
class SnmpTarget:
    """An agent and what opens it; secrets stay out of `repr`, so they never reach a log.

    Under version 3: no `auth_protocol` means noAuthNoPriv, no `priv_protocol` means authNoPriv. Keys are
    passphrases of at least 8 characters (RFC 3414). AES192C and AES256C are Cisco's key extension.
    `context` names one of several agents behind the address (RFC 3411), as Cisco's `vlan-20`.
    A request waits `timeout_s` and is repeated `retries` times.
    """

    host: str
    port: int = 161
    version: Version = "2c"
    community: str = dataclasses.field(default="public", repr=False)
    user: str = ""
    auth_protocol: str | None = None
    auth_key: str = dataclasses.field(default="", repr=False)
    priv_protocol: str | None = None
    priv_key: str = dataclasses.field(default="", repr=False)
    context: str = ""
    timeout_s: float = 1.5
    retries: int = 1

    def __post_init__(self) -> None:
        """Refuse what no agent could answer; raises ValueError."""
        if self.version not in {"1", "2c", "3"}:
            raise ValueError(f"SNMP version {self.version!r} is not 1, 2c or 3")
        if self.auth_protocol is not None and self.auth_protocol not in AUTH_PROTOCOLS:
            raise ValueError(f"authentication protocol is not one of {', '.join(AUTH_PROTOCOLS)}")
        if self.priv_protocol is not None and self.priv_protocol not in PRIV_PROTOCOLS:
            raise ValueError(f"privacy protocol is not one of {', '.join(PRIV_PROTOCOLS)}")
        if self.priv_protocol is not None and self.auth_protocol is None:
            raise ValueError("privacy needs authentication (RFC 3414)")
        if self.auth_protocol is not None and len(self.auth_key) < 8:
            raise ValueError("an authentication passphrase has at least 8 characters (RFC 3414)")
        if self.priv_protocol is not None and len(self.priv_key) < 8:
            raise ValueError("a privacy passphrase has at least 8 characters (RFC 3414)")

"""Runs a command on another machine with the OpenSSH client: nothing is asked, nothing is believed unseen.

Manual: ssh(1), ssh_config(5). No configuration file, agent or known_hosts of this machine is read: the key
and the host key of the settings are the only ones. They are given to ssh as files without a name, which end
with the call; nothing lies on a disk.
"""

import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import pydantic

from gates import programs
from gates.contract import GateError, GateMisconfigured, GateUnreachable

# ssh's own end, whatever the command's was (ssh(1), EXIT STATUS).
_FAILED: Final = 255
# The name under which the host key is looked up, whatever the address is.
_ALIAS: Final = "gateway"
_OPTIONS: Final = {
    "BatchMode": "yes",
    "StrictHostKeyChecking": "yes",
    "GlobalKnownHostsFile": "none",
    "HostKeyAlias": _ALIAS,
    "CheckHostIP": "no",
    "UpdateHostKeys": "no",
    "PreferredAuthentications": "publickey",
    "IdentitiesOnly": "yes",
    "IdentityAgent": "none",
    "ControlMaster": "no",
    "ControlPath": "none",
    "ForwardAgent": "no",
    "ClearAllForwardings": "yes",
    "PermitLocalCommand": "no",
    "ServerAliveInterval": "5",
    "ServerAliveCountMax": "2",
    "LogLevel": "ERROR",
}
_KEY_KINDS = r"(?:ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa)"
HOST_KEY = rf"^(?:{_KEY_KINDS} [A-Za-z0-9+/=]+(?: .*)?)?$"
HOST = r"^(?:[A-Za-z0-9:][A-Za-z0-9._:-]{0,252})?$"
USER = r"^[a-z_][a-z0-9_.-]{0,31}$"


class SshSettings(pydantic.BaseModel):
    """The other machine, who we are there, and by what each knows the other."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    host: str = pydantic.Field(
        default="", pattern=HOST, title="Gateway", description="Its name or address, for SSH."
    )
    port: int = pydantic.Field(default=22, ge=1, le=65535, title="SSH port")
    user: str = pydantic.Field(default="linecard", pattern=USER, title="User there")
    host_key: str = pydantic.Field(
        default="",
        pattern=HOST_KEY,
        title="Host key",
        description="From the gateway itself: /etc/ssh/ssh_host_ed25519_key.pub. No other is accepted.",
    )
    private_key: pydantic.SecretStr = pydantic.Field(
        default=pydantic.SecretStr(""),
        title="Private key",
        description="Without a passphrase, from `ssh-keygen -t ed25519`. Kept sealed; empty: as it is.",
    )


def run(settings: SshSettings, command: Sequence[str], text: str, timeout_s: float) -> programs.Finished:
    """Run a command there with this text on its standard input; its own exit is in the answer.

    Raises GateMisconfigured (host key, key, settings) and GateUnreachable.
    """
    key = settings.private_key.get_secret_value().replace("\r\n", "\n").strip() + "\n"
    for value, title in (
        (settings.host, "address"),
        (settings.host_key, "host key"),
        (key.strip(), "private key"),
    ):
        if not value:
            raise GateMisconfigured(f"the gateway's {title} is not in the gate's settings")
    known = f"{_ALIAS} {settings.host_key.strip()}\n"
    with _nameless("key", key) as key_file, _nameless("known", known) as known_file:
        client = _client(settings, key_file, known_file, timeout_s)
        finished = programs.run([*client, _in_shell(command)], text, timeout_s)
    if finished.code == _FAILED:
        raise _error(finished.stderr, settings)
    return finished


def _client(settings: SshSettings, key_file: str, known_file: str, timeout_s: float) -> list[str]:
    options = {
        **_OPTIONS,
        "UserKnownHostsFile": known_file,
        "ConnectTimeout": str(max(1, round(timeout_s / 2))),
    }
    named = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    where = ["-p", str(settings.port), "-l", settings.user]
    return ["ssh", "-F", "none", "-T", "-x", "-i", key_file, *named, *where, "--", settings.host]


def _in_shell(command: Sequence[str]) -> str:
    """Write a command for whatever shell the user has there: sbin is not on everybody's PATH."""
    script = f'PATH="$PATH:/usr/sbin:/sbin" LC_ALL=C; export PATH LC_ALL; exec {shlex.join(command)}'
    return f"exec sh -c {shlex.quote(script)}"


@contextmanager
def _nameless(name: str, text: str) -> Iterator[str]:
    """Keep a text in memory as a file that only this user can open, by the path given, until the end."""
    descriptor = os.memfd_create(name)
    try:
        # ssh refuses a key that others might read.
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, text.encode())
        # ssh closes what it inherits and opens its files by path: through this process, then.
        yield f"/proc/{os.getpid()}/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _error(words: str, settings: SshSettings) -> GateError:
    """Sort ssh's own words by what the caller can do about them."""
    lines = [line for line in words.splitlines() if line.strip() and not line.startswith("@")]
    last = lines[-1].strip() if lines else "ssh failed without a word"
    host = f"{settings.host}, port {settings.port}"
    for phrases, kind, text in (
        (
            ("Host key verification failed", "IDENTIFICATION HAS CHANGED"),
            GateMisconfigured,
            f"{host} does not show the host key in the gate's settings: another machine, or set up anew",
        ),
        (
            ("Load key", "invalid format", "incorrect passphrase"),
            GateMisconfigured,
            "the private key in the gate's settings cannot be read: is it whole, and without a passphrase?",
        ),
        (
            ("Permission denied", "Too many authentication failures"),
            GateMisconfigured,
            f"{host} does not let {settings.user} in with this key: is it in his authorized_keys?",
        ),
        (
            ("no matching", "Unable to negotiate"),
            GateMisconfigured,
            f"{host} and this machine have no way of SSH in common: {last}",
        ),
    ):
        if any(phrase in words for phrase in phrases):
            return kind(text)
    return GateUnreachable(f"{host} cannot be reached by SSH: {last}")

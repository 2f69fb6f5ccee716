"""Who listens on a TCP port: to say more than `address already in use`."""

import errno
import os
import socket
from pathlib import Path

from linecard.errors import StartError

_LISTEN = "0A"  # TCP_LISTEN in /proc/net/tcp (proc(5))


def check_free(host: str, port: int, *, section: str = "web") -> None:
    """Raise StartError with the holder's name when the server of that section could not listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StartError(_in_words(host, port, error, section)) from error


def _in_words(host: str, port: int, error: OSError, section: str) -> str:
    name = f"LINECARD_{section.upper()}__PORT"
    other = f"choose another with {name} or {section}.port in the settings file"
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken by {holder(port)}. Stop it, or {other}."
    if error.errno == errno.EACCES:
        return f"This user may not listen on port {port}: ports below 1024 are root's; {other}."
    return (
        f"Cannot listen on {host} port {port}: {error.strerror}. Check {section}.host in the settings file."
    )


def holder(port: int) -> str:
    """Name the process that listens on a port, as far as this user may know."""
    wanted = {f"socket:[{inode}]" for inode in _inodes(port)}
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            if any(os.readlink(handle) in wanted for handle in (process / "fd").iterdir()):  # noqa: PTH115
                words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                return f"process {process.name} ({words.strip()[:120]})"
        except OSError:
            continue
    return "another user's process"


def _inodes(port: int) -> set[str]:
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            if words[3] == _LISTEN and int(words[1].rpartition(":")[2], 16) == port:
                found.add(words[9])
    return found

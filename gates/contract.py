"""What every gate promises: the words, the outcome of a call and the errors; `gates` re-exports it all."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from netdiag.snmp import SnmpTarget

# From mild to strict. "notice" passes, but web requests are led to a page; "slow" passes at a low rate;
# "walled" reaches the walled garden only; "closed" is passed by nothing.
Access = Literal["open", "notice", "slow", "walled", "closed"]
ACCESSES: tuple[Access, ...] = get_args(Access)

# What a gate does that cannot do what is meant: never stricter than meant.
_INSTEAD: Mapping[Access, Access] = {"notice": "open", "slow": "open", "walled": "closed"}


@dataclass(frozen=True)
class Mixed:
    """What a line has whose addresses differ: one passes as the mildest, another as the strictest."""

    mildest: Access
    strictest: Access


Seen = Access | Mixed


def seen(found: Iterable[Access]) -> Seen | None:
    """Return what a line has by what each of its addresses has; None without any."""
    order = sorted(set(found), key=ACCESSES.index)
    if len(order) > 1:
        return Mixed(order[0], order[-1])
    return order[0] if order else None


def nearest(access: Access, can: Collection[Access]) -> Access:
    """Return what a gate that `can` do so much is asked for this access; open and closed every gate can."""
    return access if access in can else _INSTEAD.get(access, access)


class GateError(Exception):
    """A gate could not do what it was asked; the message is for staff."""


class GateUnreachable(GateError):
    """The gear did not answer or was busy: try again later, with growing pauses."""


class GateRefused(GateError):
    """The gear or a safety rule said no: trying again changes nothing, a person must look."""


class GateMisconfigured(GateError):
    """The settings, the rights or the programs of this machine do not fit: a person must mend them."""


@dataclass(frozen=True)
class PortRef:
    """A switch port as a gate sees it: whose agent to ask, which interface, and who else hangs on it.

    `if_index` is ifIndex of IF-MIB (RFC 2863). `name` is for words only. `if_name` is ifName as the port
    was known by when it was read last: some switches number anew after a restart, and then nothing is touched
    (empty: not compared). `shared_with` counts the other lines on the port.
    """

    device: SnmpTarget
    if_index: int
    name: str = ""
    if_name: str = ""
    is_uplink: bool = False
    shared_with: int = 0


@dataclass(frozen=True)
class LineAccess:
    """What one line is on the network: its addresses (or prefixes), its port and its login, where known.

    `login` is the User-Name (RFC 2865 5.1) of its sessions, in the very letters RADIUS sees.
    """

    line_id: int
    addresses: tuple[str, ...] = ()
    port: PortRef | None = None
    login: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of one line in a batch: the access applied, or the error that prevented it.

    `needs_person` is true where trying again changes nothing until somebody corrects the record. `is_bare`:
    the gate has nothing of the line to hold (no address, login or port on file), so nothing was to be done.
    """

    line_id: int
    applied: Access | None
    error: str | None = None
    needs_person: bool = False
    is_bare: bool = False


@dataclass(frozen=True)
class Finding:
    """What a try of a gate found, in words for staff; `advice` says what to do where it is not `is_good`."""

    words: str
    is_good: bool = True
    advice: str = ""


def said(findings: Iterable[Finding]) -> str:
    """Return findings as a text of one line."""
    sentences = (f"{one.words}{f' ({one.advice})' if one.advice else ''}." for one in findings)
    return " ".join(sentences)


class Gate(Protocol):
    """A place where lines are opened and closed. Every call is idempotent and may be repeated."""

    def apply(self, wanted: Mapping[LineAccess, Access]) -> dict[int, Outcome]:
        """Make it so; one outcome per line id.

        A line that cannot be served has its error in its outcome and does not hold up the others. One the
        gate has nothing to hold for is done: its outcome says so.
        Raises GateError only when nothing at all could be done.
        """
        ...

    def read(self, lines: Iterable[LineAccess]) -> Mapping[int, Seen | None]:
        """Say what is so on the network now, by line id; None where it cannot be known.

        A line whose addresses differ is neither the one nor the other: it has to be told again.
        Raises GateError only when nothing at all could be read.
        """
        ...

    def epoch(self) -> str | None:
        """Say cheaply by which life of the gear our state lives: another value means that it may be lost.

        The empty text: the gear holds nothing of ours, or not all of it is in force (never told, flushed,
        rebooted); then, and whenever the value is another than the last one seen, every line must be told
        again. Read it before the lines are told, so that what is lost meanwhile shows in the next reading.
        None: there is nothing to compare, only `read` tells. Raises GateError when it could not be read.
        """
        ...

    def held(self) -> Mapping[str, Access] | None:
        """List what the gear keeps restricted for us, whoever it belongs to: address or prefix and access.

        Logins instead, where the kind of gate says so (`GateKind.holds_logins`). None where the gear keeps no
        such list. An entry that is no line's is removed by opening a line made of it:
        `apply({LineAccess(0, (entry,)): "open"})`. Raises GateError when it could not be read.
        """
        ...

    def check(self, ports: Sequence[PortRef] = ()) -> list[Finding]:
        """Try the gate without changing anything and say what was found; raises GateError.

        `ports` are some to look at for a gate that has no gear of its own; the others need none.
        """
        ...

"""A switch as a gate: the line's own port is set down and up by ifAdminStatus of IF-MIB (RFC 2863).

Each line brings its port and the credentials of its switch, so one gate serves all switches. A port that
carries more than the line, an uplink or a shared one, is never closed.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pydantic

from gates.contract import Access, Finding, GateRefused, GateUnreachable, LineAccess, Outcome, PortRef, said
from netdiag import errors as wire
from netdiag.snmp import SnmpTarget, interfaces, system

Answer = TypeVar("Answer")
_ADVICE = "see the device's address and SNMP access, and that it lets the worker in"


class SnmpPortSettings(pydantic.BaseModel):
    """Credentials and patience belong to each switch; the gate itself has only its width."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    parallel_devices: int = pydantic.Field(
        default=16,
        ge=1,
        le=256,
        title="Switches at once",
        description="One switch is asked by one worker at a time: small agents choke on more.",
    )


class SnmpPortGate:
    """Believes only what it reads back."""

    def __init__(self, settings: SnmpPortSettings | None = None) -> None:
        self.settings = settings or SnmpPortSettings()

    def apply(self, wanted: Mapping[LineAccess, Access]) -> dict[int, Outcome]:
        """Set each port as wanted and read it back; a silent switch fails its own lines only.

        A line without a port has nothing to set, and an uplink none ever closed is open.
        """
        users = Counter((line.port.device, line.port.if_index) for line in wanted if line.port)
        outcomes: dict[int, Outcome] = {}
        allowed: list[LineAccess] = []
        for line, access in wanted.items():
            if line.port is None or (line.port.is_uplink and access == "open"):
                outcomes[line.line_id] = Outcome(line.line_id, access, is_bare=True)
                continue
            try:
                _refuse(line.port, access, users)
            except GateRefused as refusal:
                outcomes[line.line_id] = Outcome(line.line_id, None, str(refusal), needs_person=True)
            else:
                allowed.append(line)

        def switch(line: LineAccess, port: PortRef) -> Outcome:
            return _switch(line.line_id, port, wanted[line])

        for line, answer in self._ask(allowed, switch):
            outcomes[line.line_id] = _failed(line, answer) if isinstance(answer, wire.WireError) else answer
        return outcomes

    def read(self, lines: Iterable[LineAccess]) -> dict[int, Access | None]:
        """Read ifAdminStatus of each port; None without a port or an answer."""
        lines = list(lines)
        found: dict[int, Access | None] = {line.line_id: None for line in lines}

        def look(_line: LineAccess, port: PortRef) -> Access:
            return _access(port)

        for line, answer in self._ask([line for line in lines if line.port], look):
            if not isinstance(answer, wire.WireError):
                found[line.line_id] = answer
        return found

    def epoch(self) -> str | None:
        """Return None: the gate has no switch of its own, and reading a port tells of a reboot as cheaply.

        A switch that came back with its saved configuration reads as it is, and is told again for that.
        """
        return None

    def held(self) -> Mapping[str, Access] | None:
        """Return None: a switch keeps ports that are down, not whose they are."""
        return None

    def check(self, ports: Sequence[PortRef] = ()) -> list[Finding]:
        """Read who each switch is (sysDescr) and how its port is set (ifAdminStatus), as if to set it.

        The gate has no switch of its own: `ports` are some of those on file.
        """
        lines = [LineAccess(number, port=port) for number, port in enumerate(ports)]
        if not lines:
            words = "No port of a switch with SNMP access on file is there to be tried"
            advice = "enter a switch with its SNMP access and a port (Setup, Devices)"
            return [Finding(words, is_good=False, advice=advice)]

        def look(_line: LineAccess, port: PortRef) -> Finding:
            return _looked(port)

        found = [
            Finding(f"{_name(port)}: {answer}", is_good=False, advice=_ADVICE)
            if isinstance(answer, wire.WireError)
            else answer
            for line, answer in self._ask(lines, look)
            if (port := line.port)
        ]
        if not any(one.is_good for one in found):
            raise GateUnreachable(said(found))
        return [*found, Finding("Nothing was written: the right to write shows when a port is set")]

    def _ask(
        self, lines: Sequence[LineAccess], ask: Callable[[LineAccess, PortRef], Answer]
    ) -> list[tuple[LineAccess, Answer | wire.WireError]]:
        """Ask switch by switch, several at once; a switch that fell silent is left alone."""
        by_device: dict[SnmpTarget, list[tuple[LineAccess, PortRef]]] = defaultdict(list)
        for line in lines:
            if line.port:
                by_device[line.port.device].append((line, line.port))
        if not by_device:
            return []

        def ask_device(
            pairs: list[tuple[LineAccess, PortRef]],
        ) -> list[tuple[LineAccess, Answer | wire.WireError]]:
            answers: list[tuple[LineAccess, Answer | wire.WireError]] = []
            silence: wire.WireError | None = None
            for line, port in pairs:
                try:
                    answers.append((line, silence or ask(line, port)))
                except (wire.SnmpSilent, wire.SnmpRefused) as error:
                    silence = error
                    answers.append((line, error))
                except wire.WireError as error:
                    answers.append((line, error))
            return answers

        with ThreadPoolExecutor(min(self.settings.parallel_devices, len(by_device))) as pool:
            return [answer for answers in pool.map(ask_device, by_device.values()) for answer in answers]


def _looked(port: PortRef) -> Finding:
    described = (system.read(port.device).description or "without sysDescr").splitlines()[0][:120]
    admin = interfaces.port_admin(port.device, port.if_index)
    name = interfaces.name_of(port.device, [port.if_index])[port.if_index]
    return Finding(f"{_name(port)}: {described}; {name or 'the port'} is set {admin}")


def _refuse(port: PortRef, access: Access, users: Mapping[tuple[SnmpTarget, int], int]) -> None:
    """Raise GateRefused for a port whose closing would hurt others."""
    if port.is_uplink:
        raise GateRefused(f"{_name(port)} is an uplink: it is never switched")
    others = max(port.shared_with, users[port.device, port.if_index] - 1)
    if access == "closed" and others > 0:
        raise GateRefused(
            f"{_name(port)} is shared with {others} other line(s): closing it would cut them too"
        )


def _switch(line_id: int, port: PortRef, access: Access) -> Outcome:
    """Set the port; set_port_admin reads it back and raises where it stayed as it was.

    It is written even where it reads as wanted: agents answer from a cache of seconds (Net-SNMP: 3 s).
    """
    if port.if_name:
        found = interfaces.name_of(port.device, [port.if_index])[port.if_index].strip()
        if found != port.if_name:
            words = (
                f"{_name(port)}: ifIndex {port.if_index} is {found or 'no port'} now, {port.if_name} on file"
            )
            return Outcome(line_id, None, words, needs_person=True)
    _access(port)  # a port that does not exist is told in plain words before anything is written
    interfaces.set_port_admin(port.device, port.if_index, access == "open")
    return Outcome(line_id, access)


def _access(port: PortRef) -> Access:
    """Read the port: nothing but `up` lets packets through (RFC 2863)."""
    return "open" if interfaces.port_admin(port.device, port.if_index) == "up" else "closed"


def _failed(line: LineAccess, error: wire.WireError) -> Outcome:
    is_final = isinstance(error, wire.SnmpDenied | wire.BadAddress | wire.NotPermitted)
    where = _name(line.port) if line.port else "the port"
    return Outcome(line.line_id, None, f"{where}: {error}", needs_person=is_final)


def _name(port: PortRef) -> str:
    return f"port {port.name or port.if_index} of {port.device.host}"

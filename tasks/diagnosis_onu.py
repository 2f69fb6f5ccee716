"""The customer's ONU among those of an OLT: found by MAC or serial, told as evidence."""

from collections.abc import Callable, Iterable

from netdiag import errors as wire
from netdiag.diagnosis.evidence import DownCause, OnuEvidence
from netdiag.results import Onu
from netdiag.snmp import pon
from registry.diagnosis_facts import LineFacts
from tasks import hands
from tasks.agents import Agent

_CAUSES: dict[str, DownCause] = {
    "power lost": "power",
    "dying gasp": "power",
    "fibre lost": "fibre",
    "los": "fibre",
    "switched off by operator": "shut",
    "deactivated": "shut",
    "disabled": "shut",
}


def read(agent: Callable[[], Agent], facts: LineFacts) -> OnuEvidence:
    """Return the ONU that has a MAC or a serial on file; raises SnmpFailed, also when none has."""
    rows, warnings = agent().ask(hands.onus)
    if not facts.macs and not facts.serials:
        raise wire.SnmpBroken("no MAC or serial is on file to know the customer's ONU by")
    found = pick(rows, facts.macs, facts.serials)
    if found is None:
        faults = f" ({'; '.join(warnings[:2])})" if warnings else ""
        raise wire.SnmpBroken(f"none of the {len(rows)} ONUs read is the one on file{faults}")
    return evidence(found, facts.device.name if facts.device else "")


def pick(rows: Iterable[Onu], macs: Iterable[str], serials: Iterable[str]) -> Onu | None:
    """Return the ONU of one of these MACs or serials, None when none or several are."""
    known = {key for name in (*macs, *serials) for key in pon.spellings(name)}
    found = [
        row for row in rows if known & {key for name in (row.mac, row.serial) for key in pon.spellings(name)}
    ]
    return found[0] if len(found) == 1 else None


def evidence(found: Onu, device: str) -> OnuEvidence:
    """Return what the ONU's row says, its words for why it went as one of the causes."""
    state = (found.state or "unknown").lower()
    said = found.last_down or (state if state in _CAUSES else "")
    is_online = state in ("online", "up", "working", "active")
    cause = _CAUSES.get(state) or _CAUSES.get(said.lower())
    return OnuEvidence(
        name=found.name or found.id or found.index,
        device=device,
        state=state,
        down_cause=None if is_online else cause or ("other" if said else None),
        down_cause_words=said,
        rx_dbm=found.rx_dbm,
        olt_rx_dbm=found.olt_rx_dbm,
        distance_m=found.distance_m,
    )

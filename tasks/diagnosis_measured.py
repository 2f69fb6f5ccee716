"""The bare figures of a diagnosis, kept beside its words: baselines and the truth of MACs read them."""

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any

from netdiag.diagnosis import NotChecked
from netdiag.diagnosis.evidence import BaselineEvidence, MacAnswer, OnuEvidence, PingEvidence, PortEvidence
from netdiag.text import N_
from registry.diagnosis_facts import LineFacts
from registry.models import Baseline

MACS_LIMIT = 64


def figures(facts: LineFacts, answers: Mapping[str, Any], taken_at: datetime) -> dict[str, Any]:
    """Return what was measured as plain values; what was not is left out or None."""
    port, onu, learned = answers.get("port"), answers.get("onu"), answers.get("mac.port")
    return {
        "addresses": [
            {"address": one.address, **_of_address(answers, place)}
            for place, one in enumerate(facts.addresses)
        ],
        "port": _port(port, facts, taken_at) if isinstance(port, PortEvidence) else None,
        "rx_dbm": onu.rx_dbm if isinstance(onu, OnuEvidence) else None,
        "learned": list(learned[:MACS_LIMIT]) if isinstance(learned, tuple) else None,
        "learned_at": [facts.device.name, facts.port.name] if facts.device and facts.port else None,
    }


def _of_address(answers: Mapping[str, Any], place: int) -> dict[str, Any]:
    reached, answer = answers.get(f"ip.{place}.ping"), answers.get(f"ip.{place}.mac")
    found: dict[str, Any] = {}
    if isinstance(reached, tuple) and isinstance(reached[0], PingEvidence) and reached[0].sent > 0:
        ping = reached[0]
        found |= {"rtt_ms": ping.rtt_ms, "jitter_ms": ping.jitter_ms, "loss_percent": ping.loss_percent}
    if isinstance(answer, MacAnswer):
        found |= {"macs": list(answer.macs), "method": str(answer.method), "is_live": answer.is_live}
    return found


def _port(port: PortEvidence, facts: LineFacts, taken_at: datetime) -> dict[str, Any]:
    changed = changed_at(port, taken_at)
    return {
        "device": port.device,
        "name": port.name,
        "oper": port.oper,
        "speed_bps": port.speed_bps,
        "duplex": port.duplex,
        "port_id": facts.port.port_id if facts.port else None,
        "changed_at": changed.isoformat() if changed else None,
    }


def changed_at(port: PortEvidence, taken_at: datetime) -> datetime | None:
    """Return when the port changed its state last, as far as it says."""
    if port.last_change_s is None:
        return None
    try:
        return taken_at - timedelta(seconds=port.last_change_s)
    except (OverflowError, ValueError):
        return None


def baseline(row: Baseline | None, zone: tzinfo) -> BaselineEvidence | NotChecked:
    """Return the baseline on file as evidence."""
    if row is None:
        return NotChecked(N_("no baseline was taken of this line"))
    return BaselineEvidence(
        taken_on=row.taken_at.astimezone(zone).date().isoformat(),
        rtt_ms=row.rtt_ms,
        jitter_ms=row.jitter_ms,
        loss_percent=row.loss_percent,
        rx_dbm=row.rx_dbm,
        speed_bps=row.speed_bps,
        duplex=row.duplex,
    )

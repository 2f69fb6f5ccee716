"""What the records say of what is diagnosed, in one short read: a customer's line, or gear of ours."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy.orm import Session

from core import clock
from registry import baselines, diagnosis_facts, incidents, line_history
from registry.diagnosis_facts import LineFacts
from registry.models import DiagnosticRun
from tasks import diagnosis_evidence, diagnosis_measured, diagnosis_neighbours
from tasks.diagnosis_evidence import History


@dataclasses.dataclass(frozen=True, slots=True)
class Records:
    """The facts, what was noted before, and the evidence that needs no question."""

    facts: LineFacts
    history: History
    extras: Mapping[str, Any]


def read(session: Session, row: DiagnosticRun, now: datetime, zone: tzinfo) -> Records:
    """Gather them; raises NotFound when the customer, device or port is gone."""
    if row.customer_id is None:
        port_id = row.options.get("port_id")
        return Records(diagnosis_facts.of_device(session, row.device_id or 0, port_id), History(now), {})
    facts = diagnosis_facts.load(session, row.customer_id, today=clock.today(str(zone)))
    changes: tuple[datetime, ...] = ()
    if facts.port is not None:
        since = now - diagnosis_evidence.HOUR
        changes = line_history.port_changes(session, row.customer_id, facts.port.port_id, since)
    return Records(
        facts,
        History(now, changes, line_history.accounting(session, row.customer_id)),
        {
            "incident": diagnosis_neighbours.known(incidents.of_customer(session, row.customer_id), zone),
            "baseline": diagnosis_measured.baseline(baselines.newest(session, row.customer_id), zone),
        },
    )

"""The light of a customer's line as pages show it: at the ONU, the OLT or the port, each judged in a word."""

from collections.abc import Iterable
from typing import Any

from core import clock, errors
from netdiag import errors as wire
from netdiag.diagnosis import onu
from netdiag.diagnosis.evidence import OnuEvidence
from netdiag.results import Optics
from registry import diagnosis_facts
from registry.models import DeviceRole
from tasks import diagnosis_onu
from tasks.agents import Agent
from tasks.runtime import Runtime

Level = dict[str, Any]


def of_port(runtime: Runtime, asked: Agent, customer_id: int | None, optics: Iterable[Optics]) -> list[Level]:
    """Return the levels known of the port: those of the customer's ONU behind it, and its own."""
    own = [level("port", one.rx_dbm, one.name or one.port_name or "") for one in optics]
    return [*_of_onu(runtime, asked, customer_id), *(one for one in own if one)]


def _of_onu(runtime: Runtime, asked: Agent, customer_id: int | None) -> list[Level]:
    if customer_id is None:
        return []
    try:
        with runtime.database.reading() as session:
            zone = runtime.settings.isp.time_zone
            facts = diagnosis_facts.load(session, customer_id, today=clock.today(zone))
        if facts.device is None or facts.device.role is not DeviceRole.OLT:
            return []
        found = diagnosis_onu.read(lambda: asked, facts)
    except (wire.SnmpFailed, errors.NotFound) as error:
        return [{"where": "onu", "name": "", "state": "unknown", "word": str(error), "dbm": None}]
    return [one for one in _levels(found) if one]


def _levels(found: OnuEvidence) -> list[Level | None]:
    if found.rx_dbm is None and found.olt_rx_dbm is None:
        word = f"{found.state}{f', {found.down_cause_words}' if found.down_cause_words else ''}"
        return [{"where": "onu", "name": found.name, "state": "unknown", "word": word, "dbm": None}]
    return [level("onu", found.rx_dbm, found.name), level("olt", found.olt_rx_dbm, found.name)]


def level(where: str, dbm: float | None, name: str) -> Level | None:
    """Return a level with how the diagnosis takes it; None when it was not measured."""
    if dbm is None:
        return None
    state, word = onu.light(dbm)
    return {"where": where, "name": name, "dbm": dbm, "state": state.value, "word": word}

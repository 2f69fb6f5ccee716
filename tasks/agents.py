"""SNMP agents of registered devices: from a row with sealed credentials to whom the wire asks."""

from netdiag.snmp import SnmpTarget
from registry import equipment
from tasks.runtime import Runtime


def target_of(runtime: Runtime, device_id: int) -> SnmpTarget:
    """Return whom to ask for a device; raises NotFound, Invalid when address or access is missing."""
    limits = runtime.settings.diagnostics
    with runtime.database.reading() as session:
        known = equipment.snmp_of(equipment.get(session, device_id), runtime.ring)
    return SnmpTarget(timeout_s=limits.snmp_timeout_s, retries=limits.snmp_retries, **known)

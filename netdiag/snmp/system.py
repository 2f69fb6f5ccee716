"""The system group: who a device says it is (SNMPv2-MIB, RFC 3418)."""

from netdiag.results import System
from netdiag.snmp import client, values
from netdiag.snmp.target import SnmpTarget

_DESCRIPTION = "1.3.6.1.2.1.1.1.0"
_OBJECT_ID = "1.3.6.1.2.1.1.2.0"
_UPTIME = "1.3.6.1.2.1.1.3.0"
_CONTACT = "1.3.6.1.2.1.1.4.0"
_NAME = "1.3.6.1.2.1.1.5.0"
_LOCATION = "1.3.6.1.2.1.1.6.0"


def read(target: SnmpTarget) -> System:
    """Read the system group; `uptime_s` is the agent's (sysUpTime). Raises SnmpFailed, BadAddress."""
    found = client.get(target, _DESCRIPTION, _OBJECT_ID, _UPTIME, _CONTACT, _NAME, _LOCATION)
    ticks = values.number(found[_UPTIME])
    return System(
        name=values.text(found[_NAME]),
        description=values.text(found[_DESCRIPTION]),
        object_id=values.text(found[_OBJECT_ID]),
        uptime_s=None if ticks is None else ticks / 100,
        location=values.text(found[_LOCATION]),
        contact=values.text(found[_CONTACT]),
    )

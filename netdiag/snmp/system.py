"""The system group: who a device says it is (SNMPv2-MIB, RFC 3418)."""

from netdiag import errors
from netdiag.results import System
from netdiag.snmp import values
from netdiag.snmp.device import Device
from netdiag.snmp.message import Value
from netdiag.snmp.target import SnmpTarget

UPTIME = "1.3.6.1.2.1.1.3.0"
DEADLINE_S = 10.0
_DESCRIPTION = "1.3.6.1.2.1.1.1.0"
_OBJECT_ID = "1.3.6.1.2.1.1.2.0"
_CONTACT = "1.3.6.1.2.1.1.4.0"
_NAME = "1.3.6.1.2.1.1.5.0"
_LOCATION = "1.3.6.1.2.1.1.6.0"
_GROUP = (_DESCRIPTION, _OBJECT_ID, UPTIME, _CONTACT, _NAME, _LOCATION)
# The clocks of the engine (RFC 3411, seconds) and of the host (RFC 2790, hundredths): sysUpTime starts again
# after 497 days, and some agents count from their own restart.
_ENGINE_TIME = "1.3.6.1.6.3.10.2.1.3.0"
_HOST_UPTIME = "1.3.6.1.2.1.25.1.1.0"
_WRAP_S = (1 << 32) / 100
_CLOCKS_DIFFER_S = 3600.0


def read(target: SnmpTarget) -> System:
    """Read the system group; `uptime_s` is the agent's (sysUpTime). Raises SnmpFailed, BadAddress."""
    device = Device(target, DEADLINE_S)
    found = group(device)
    if device.warnings and found == _NOTHING:
        raise errors.SnmpBroken(device.warnings[0])
    return found


def group(device: Device) -> System:
    """Read the system group; what the device does not have is None."""
    found = device.get(*_GROUP)
    ticks = ticks_of(found[UPTIME])
    return System(
        name=_said(found[_NAME]),
        description=_said(found[_DESCRIPTION]),
        object_id=_object_id(found[_OBJECT_ID]),
        uptime_s=None if ticks is None else ticks / 100,
        location=_said(found[_LOCATION]),
        contact=_said(found[_CONTACT]),
    )


_NOTHING = System(None, None, None, None, None, None)


def compare_clocks(device: Device, uptime_s: float | None) -> None:
    """Warn when the device's other clocks say that sysUpTime has wrapped or counts only the agent's time."""
    found = device.get(_ENGINE_TIME, _HOST_UPTIME)
    engine_s = values.number(found[_ENGINE_TIME])
    host_ticks = values.number(found[_HOST_UPTIME])
    if uptime_s is None:
        return
    if engine_s is not None and engine_s > uptime_s + _CLOCKS_DIFFER_S:
        wraps = round((engine_s - uptime_s) / _WRAP_S)
        is_wrapped = wraps and abs(engine_s - wraps * _WRAP_S - uptime_s) < _CLOCKS_DIFFER_S
        device.warn(
            f"sysUpTime is {uptime_s:.0f} s, but snmpEngineTime {engine_s} s"
            + (f": it has wrapped {wraps} times" if is_wrapped else "")
        )
    elif host_ticks is not None and host_ticks / 100 > uptime_s + _CLOCKS_DIFFER_S:
        device.warn(
            f"sysUpTime is {uptime_s:.0f} s, but hrSystemUptime {host_ticks / 100:.0f} s: "
            "the agent was restarted after the host"
        )


def ticks_of(value: Value | None) -> int | None:
    """Return hundredths of a second; some agents serve them as text."""
    if isinstance(value, bytes) and value.strip().isdigit():
        return int(value)
    return values.number(value)


def _said(value: Value | None) -> str | None:
    return None if value is None else values.text(value).strip()


def _object_id(value: Value | None) -> str | None:
    text = values.text(value).strip().lstrip(".")
    return text.replace("iso.", "1.", 1) if text.startswith("iso.") else text or None

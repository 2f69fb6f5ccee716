"""What a device says about itself: system group, and one port with rates or all ports."""

import time

from netdiag.results import DeviceStatus
from netdiag.snmp import SnmpTarget, interfaces, system


def read(target: SnmpTarget, *, if_index: int | None = None, gap_s: float = 1.0) -> DeviceStatus:
    """Read the system group and one port twice `gap_s` apart, or every port once.

    Raises SnmpSilent, SnmpRefused, SnmpDenied, SnmpBroken, BadAddress.
    """
    about = system.read(target)
    if if_index is None:
        ports = tuple(interfaces.list_ports(target))
    else:
        ports = (interfaces.read_port(target, if_index, gap_s),)
    return DeviceStatus(host=target.host, system=about, ports=ports, at=time.time())

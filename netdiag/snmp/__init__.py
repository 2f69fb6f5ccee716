"""SNMP: read a device's system group, ports, forwarding and ARP tables; switch a port."""

from netdiag.snmp.target import SnmpTarget

__all__ = ["SnmpTarget"]

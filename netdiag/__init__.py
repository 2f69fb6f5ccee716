"""WIRE: ping, ARP and SNMP as plain functions; a library that knows nothing of customers."""

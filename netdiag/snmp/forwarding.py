"""The whole forwarding table of a switch: Q-BRIDGE, else BRIDGE, else a vendor's table from the profile."""

import dataclasses

from netdiag import errors
from netdiag.results import FdbEntry
from netdiag.snmp import bridge, row_index, sections, values
from netdiag.snmp.device import Device
from netdiag.snmp.profile_format import Profile, Section
from netdiag.snmp.sections import BRIDGE_PORT_IF_INDEX, PortNames

MOST_ENTRIES = 20_000
_MOST_CONTEXTS = 200


def table(device: Device, profile: Profile | None, ports: PortNames) -> list[FdbEntry]:
    """Return the forwarding table, at most `MOST_ENTRIES` of it, or nothing. Raises SnmpFailed."""
    found = _standard(device, ports, bridge.Q_FDB_PORT, bridge.Q_FDB_STATUS)
    if not found:
        found = _standard(device, ports, bridge.FDB_PORT, bridge.FDB_STATUS)
    if profile is not None and profile.vlan_contexts is not None:
        found = found + _of_contexts(device, profile.vlan_contexts, ports)
    if not found and profile is not None:
        for section in profile.sections.get("fdb", ()):
            found += _of_section(device, section, ports)
    unique = list(dict.fromkeys(found))
    return sorted(unique, key=lambda entry: (entry.vlan or 0, entry.mac))[:MOST_ENTRIES]


def _standard(
    device: Device, ports: PortNames, port_column: str, status_column: str, vlan: int | None = None
) -> list[FdbEntry]:
    columns = device.columns([port_column, status_column], MOST_ENTRIES)
    if not columns[port_column]:
        return []
    is_vlan_aware = port_column == bridge.Q_FDB_PORT
    vlans = bridge.vlans_of(device.column(bridge.VLAN_FDB)) if is_vlan_aware else {}
    indexes = device.column(BRIDGE_PORT_IF_INDEX)
    found = []
    for index, value in columns[port_column].items():
        parts = index.split(".")
        port, status = values.number(value), values.number(columns[status_column].get(index))
        # Port 0: the MAC is known, but the switch does not say where.
        if not port or status == bridge.INVALID or len(parts) != (7 if is_vlan_aware else 6):
            continue
        own_vlan = vlans.get(parts[0], int(parts[0])) if is_vlan_aware else vlan
        if_index = values.number(indexes.get(str(port)))
        found.append(
            FdbEntry(
                mac=values.mac_of_index(parts[-6:]),
                vlan=own_vlan,
                bridge_port=port,
                if_index=if_index,
                port_name=ports.by_index.get(if_index) if if_index is not None else None,
                status=bridge.STATUS_WORDS.get(status) if status else None,
            )
        )
    return found


def _of_contexts(device: Device, column: str, ports: PortNames) -> list[FdbEntry]:
    """Read BRIDGE-MIB once per VLAN under community@VLAN, as Cisco IOS serves it, while there is time."""
    found: list[FdbEntry] = []
    if device.target.version == "3":
        return found
    numbers = sorted({int(index.rsplit(".", 1)[-1]) for index in device.column(column)})
    for vlan in [number for number in numbers if not 1002 <= number <= 1005][:_MOST_CONTEXTS]:
        community = f"{device.target.community}@{vlan}"
        context = Device(dataclasses.replace(device.target, community=community), device.left_s)
        try:
            found += _standard(context, ports, bridge.FDB_PORT, bridge.FDB_STATUS, vlan)
        except errors.SnmpFailed as fault:
            device.warn(f"fdb: VLAN {vlan} and those after it were not read: {fault}")
            break
    return found


def _of_section(device: Device, section: Section, ports: PortNames) -> list[FdbEntry]:
    """Return a vendor's table: MAC, VLAN and port from the row's index, its columns, or its port rule."""
    found = []
    for row in sections.rows(device, section, ports):
        named = row_index.read(row.index, section.index)
        mac, vlan = row.fields.get("mac") or named.mac, row.fields.get("vlan", named.vlan)
        if_index, name = row.if_index if row.if_index is not None else named.if_index, row.port_name
        if if_index is None and named.bridge_port is not None:
            if_index = values.number(device.column(BRIDGE_PORT_IF_INDEX).get(str(named.bridge_port)))
        # Port 0: the MAC is known, but the switch does not say where.
        if mac is None or row.fields.get("status") == "invalid" or (if_index == 0 and not name):
            continue
        found.append(
            FdbEntry(
                mac=str(mac),
                vlan=int(vlan) if vlan is not None else None,
                bridge_port=named.bridge_port,
                if_index=if_index,
                port_name=name or (ports.by_index.get(if_index) if if_index is not None else None),
                status=row.fields.get("status"),
            )
        )
    return found

"""Forwarding tables: Q-BRIDGE-MIB (RFC 4363), BRIDGE-MIB (RFC 4188), or a vendor's own by its profile."""

import dataclasses
from collections.abc import Iterator, Mapping

from netdiag import errors
from netdiag import mac as mac_text
from netdiag.results import FdbEntry
from netdiag.snmp import bridge, interfaces, profiles, row_index, sections, system, values
from netdiag.snmp.device import Device
from netdiag.snmp.profile_format import Profile, Section
from netdiag.snmp.sections import PortNames
from netdiag.snmp.target import SnmpTarget

MOST_ENTRIES = 20_000
DEADLINE_S = 20.0
_MOST_CONTEXTS = 200
# Agents that know no VLANs' bridges are silent to such questions.
_CONTEXT_TIMEOUT_S = 1.0
_Q_BRIDGE = (bridge.Q_FDB_PORT, bridge.Q_FDB_STATUS)
_BRIDGE = (bridge.FDB_PORT, bridge.FDB_STATUS)


def table(device: Device, profile: Profile | None, ports: PortNames) -> list[FdbEntry]:
    """Return the forwarding table, at most `MOST_ENTRIES` of it, or nothing. Raises SnmpFailed."""
    found = _standard(device, profile, ports, _Q_BRIDGE)
    if not found:
        found = _standard(device, profile, ports, _BRIDGE)
    if profile is not None and profile.vlan_contexts is not None:
        by_vlan = _of_contexts(device, profile, profile.vlan_contexts, ports)
        # What is asked for no VLAN is that of the first.
        said = {(entry.mac, entry.if_index) for entry in by_vlan}
        found = by_vlan + [entry for entry in found if (entry.mac, entry.if_index) not in said]
    if not found:
        found = _own(device, profile, ports)
    unique = list(dict.fromkeys(found))
    return sorted(unique, key=lambda entry: (entry.vlan or 0, entry.mac))[:MOST_ENTRIES]


def find_mac(target: SnmpTarget, mac: str) -> list[FdbEntry]:
    """Return where a switch has learned this MAC: by the very row, else by the vendor's table.

    Raises SnmpFailed, BadAddress.
    """
    colon_mac = mac_text.parse(mac)
    found = bridge.find_mac(target, colon_mac)
    return found or [entry for entry in _of_maker(target) if entry.mac == colon_mac]


def macs_on_port(target: SnmpTarget, if_index: int) -> list[FdbEntry]:
    """Return the MACs a switch has learned behind one port, by the vendor's table too. Raises SnmpFailed."""
    found = bridge.macs_on_port(target, if_index)
    return found or [entry for entry in _of_maker(target) if entry.if_index == if_index]


def _of_maker(target: SnmpTarget) -> list[FdbEntry]:
    """Return the whole table of a device whose profile knows another than the standard's; else nothing."""
    device = Device(target, DEADLINE_S)
    about = system.group(device)
    profile = profiles.choose(about.object_id, about.description, about.name, device.has)
    if profile is None or not (profile.vlan_contexts or profile.sections.get("fdb") or profile.bridge_ports):
        return []
    by_index = interfaces.names(target)
    ports = PortNames(by_index, {name: if_index for if_index, name in by_index.items()})
    return table(device, profile, ports)


def _standard(
    device: Device,
    profile: Profile | None,
    ports: PortNames,
    wanted: tuple[str, str],
    vlan: int | None = None,
) -> list[FdbEntry]:
    port_column, status_column = wanted
    columns = device.columns([port_column, status_column], MOST_ENTRIES)
    if not columns[port_column]:
        return []
    vlans = _vlans(device, profile) if port_column == bridge.Q_FDB_PORT else None
    indexes = _BridgePorts(device, profile, ports)
    found = []
    for index, value in columns[port_column].items():
        parts = index.split(".")
        port, status = values.number(value), values.number(columns[status_column].get(index))
        # Some agents put the count of the six before a MAC.
        is_fit = len(parts) in ({7, 8} if vlans is not None else {6, 7})
        # Port 0 (with Huawei -1): the MAC is known, but the switch does not say where.
        if not port or port < 0 or status == bridge.INVALID or not is_fit:
            continue
        if_index, name = indexes.of(port)
        found.append(
            FdbEntry(
                mac=values.mac_of_index(parts[-6:]),
                vlan=vlan if vlans is None else vlans.get(parts[0], int(parts[0])) or None,
                bridge_port=port,
                if_index=if_index,
                port_name=name,
                status=bridge.STATUS_WORDS.get(status) if status else None,
            )
        )
    return found


class _BridgePorts:
    """Which interface a bridge port is: dot1dBasePortIfIndex, a table or names of the profile, or itself.

    Agents without the standard's table number their bridge ports as their interfaces.
    """

    def __init__(self, device: Device, profile: Profile | None, ports: PortNames) -> None:
        self._ports = ports
        self._templates = profile.bridge_port_names if profile else ()
        self._indexes = device.column(sections.BRIDGE_PORT_IF_INDEX)
        if not self._indexes and profile is not None and profile.bridge_ports:
            self._indexes = device.column(profile.bridge_ports)

    def of(self, port: int) -> tuple[int | None, str | None]:
        """Return ifIndex and name, each None if it cannot be told."""
        named = (self._ports.by_name.get(one.replace("{}", str(port))) for one in self._templates)
        found = next((one for one in named if one is not None), None)
        if found is None:
            found = values.number(self._indexes.get(str(port)))
        if found is None and not self._indexes and port in self._ports.by_index:
            found = port
        return found, self._ports.by_index.get(found) if found is not None else None


def _vlans(device: Device, profile: Profile | None) -> Mapping[str, int]:
    """Return filtering database -> VLAN: dot1qVlanFdbId, else by the profile's tables of tags."""
    found = bridge.vlans_of(device.column(bridge.VLAN_FDB))
    for tags, databases in profile.vlan_tags if profile and not found else ():
        by_row = device.column(databases) if databases else {}
        for index, tag in device.column(tags).items():
            database = values.number(by_row.get(index)) if databases else index
            if values.number(tag) and database is not None:
                found.setdefault(str(database), values.number(tag) or 0)
    return found


def _of_contexts(device: Device, profile: Profile, column: str, ports: PortNames) -> list[FdbEntry]:
    """Read BRIDGE-MIB once per VLAN as Cisco IOS serves it, while there is time.

    That is as community@VLAN, under v3 in the context vlan-VLAN.
    """
    found: list[FdbEntry] = []
    target, timeout_s = device.target, min(device.target.timeout_s, _CONTEXT_TIMEOUT_S)
    numbers = sorted({int(index.rsplit(".", 1)[-1]) for index in device.column(column)})
    for vlan in [number for number in numbers if not 1002 <= number <= 1005][:_MOST_CONTEXTS]:
        if target.version == "3":
            asked = dataclasses.replace(target, context=f"vlan-{vlan}", timeout_s=timeout_s)
        else:
            community = f"{target.community}@{vlan}"
            asked = dataclasses.replace(target, community=community, timeout_s=timeout_s)
        context = Device(asked, device.left_s)
        try:
            found += _standard(context, profile, ports, _BRIDGE, vlan)
        except errors.SnmpFailed as fault:
            device.warn(f"fdb: VLAN {vlan} and those after it were not read: {fault}")
            break
    return found


def _own(device: Device, profile: Profile | None, ports: PortNames) -> list[FdbEntry]:
    found: list[FdbEntry] = []
    for section in profile.sections.get("fdb", ()) if profile else ():
        with device.part("fdb"):
            found += _of_section(device, profile, section, ports)
    return found


def _of_section(
    device: Device, profile: Profile | None, section: Section, ports: PortNames
) -> Iterator[FdbEntry]:
    """Yield a vendor's table: MAC, VLAN and port from the row's index, its columns, or its port rule."""
    indexes = _BridgePorts(device, profile, ports)
    for row in sections.rows(device, section, ports):
        named = row_index.read(row.index, section.index)
        mac, vlan = row.fields.get("mac") or named.mac, row.fields.get("vlan", named.vlan)
        if_index, name = row.if_index if row.if_index is not None else named.if_index, row.port_name
        if if_index is None and named.bridge_port is not None:
            if_index, name = indexes.of(named.bridge_port)
        # Port 0: the MAC is known, but the switch does not say where.
        if mac is None or row.fields.get("status") == "invalid" or (if_index == 0 and not name):
            continue
        yield FdbEntry(
            mac=str(mac),
            vlan=int(vlan) if vlan else None,
            bridge_port=named.bridge_port,
            if_index=if_index,
            port_name=name or (ports.by_index.get(if_index) if if_index is not None else None),
            status=row.fields.get("status"),
            onu=row.fields.get("onu"),
        )

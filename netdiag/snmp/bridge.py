"""Forwarding tables: behind which port a MAC is (Q-BRIDGE-MIB, RFC 4363; else BRIDGE-MIB, RFC 4188)."""

from collections.abc import Mapping

from netdiag import mac as mac_text
from netdiag.results import FdbEntry
from netdiag.snmp import client, interfaces, values
from netdiag.snmp.message import Value
from netdiag.snmp.target import SnmpTarget

_PORT_IF_INDEX = "1.3.6.1.2.1.17.1.4.1.2"
FDB_PORT = "1.3.6.1.2.1.17.4.3.1.2"
FDB_STATUS = "1.3.6.1.2.1.17.4.3.1.3"
_Q_FDB_COUNT = "1.3.6.1.2.1.17.7.1.2.1.1.2"
Q_FDB_PORT = "1.3.6.1.2.1.17.7.1.2.2.1.2"
Q_FDB_STATUS = "1.3.6.1.2.1.17.7.1.2.2.1.3"
VLAN_FDB = "1.3.6.1.2.1.17.7.1.4.2.1.3"
STATUS_WORDS = {1: "other", 2: "invalid", 3: "learned", 4: "self", 5: "management"}
INVALID = 2
_MOST_ROWS = 50_000
_MOST_PORTS = 5000


def find_mac(target: SnmpTarget, mac: str) -> list[FdbEntry]:
    """Return where a switch has learned this MAC, one entry for each VLAN; empty if it has not.

    Asks for the very row (in Q-BRIDGE once per filtering database), not for the table. Raises SnmpFailed,
    BadAddress.
    """
    colon_mac = mac_text.parse(mac)
    row = values.index_of_mac(colon_mac)
    if not _has_rows(target, Q_FDB_PORT):
        return _entries(target, _pick(target, [row], FDB_PORT, FDB_STATUS), {}, is_vlan_aware=False)
    vlans = _vlans(target)
    databases = sorted(set(vlans) | set(client.columns(target, [_Q_FDB_COUNT])))
    rows = [f"{database}.{row}" for database in databases]
    found = _pick(target, rows, Q_FDB_PORT, Q_FDB_STATUS) if rows else {}
    if not found:
        # Some switches number their databases otherwise than they say: only the table itself is proof.
        table = client.columns(target, [Q_FDB_PORT, Q_FDB_STATUS], max_rows=_MOST_ROWS)
        found = _rows(table, Q_FDB_PORT, Q_FDB_STATUS)
        found = {index: pair for index, pair in found.items() if index.endswith("." + row)}
    return _entries(target, found, vlans, is_vlan_aware=True)


def macs_on_port(target: SnmpTarget, if_index: int) -> list[FdbEntry]:
    """Return the MACs a switch has learned behind one port. Raises SnmpFailed."""
    ports = _port_indexes(target)
    bridge_ports = {port for port, index in ports.items() if index == if_index}
    is_vlan_aware = _has_rows(target, Q_FDB_PORT)
    port_column, status_column = (Q_FDB_PORT, Q_FDB_STATUS) if is_vlan_aware else (FDB_PORT, FDB_STATUS)
    table = client.columns(target, [port_column, status_column], max_rows=_MOST_ROWS)
    found = {
        index: pair
        for index, pair in _rows(table, port_column, status_column).items()
        if pair[0] in bridge_ports
    }
    vlans = _vlans(target) if is_vlan_aware and found else {}
    return _entries(target, found, vlans, is_vlan_aware=is_vlan_aware, ports=ports)


def _has_rows(target: SnmpTarget, base: str) -> bool:
    return bool(client.columns(target, [base], max_rows=1))


def _pick(
    target: SnmpTarget, rows: list[str], port_column: str, status_column: str
) -> dict[str, tuple[int, int | None]]:
    """Read port and status of these rows only; rows that do not exist are left out."""
    oids = [f"{column}.{row}" for row in rows for column in (port_column, status_column)]
    found = client.get(target, *oids)
    table: dict[str, dict[str, Value]] = {}
    for row in rows:
        for column in (port_column, status_column):
            value = found[f"{column}.{row}"]
            if value is not None:
                table.setdefault(row, {})[column] = value
    return _rows(table, port_column, status_column)


def _rows(
    table: dict[str, dict[str, Value]], port_column: str, status_column: str
) -> dict[str, tuple[int, int | None]]:
    """Return index -> (bridge port, status) of the rows that name a port and are valid."""
    found: dict[str, tuple[int, int | None]] = {}
    for index, row in table.items():
        port, status = values.number(row.get(port_column)), values.number(row.get(status_column))
        # Port 0: the MAC is known, but the switch does not say where.
        if port and status != INVALID:
            found[index] = (port, status)
    return found


def _vlans(target: SnmpTarget) -> dict[str, int]:
    """Return filtering database -> VLAN (dot1qVlanFdbId; its index is a time mark and the VLAN)."""
    rows = client.columns(target, [VLAN_FDB], max_rows=_MOST_PORTS)
    return vlans_of({index: row[VLAN_FDB] for index, row in rows.items()})


def vlans_of(column: Mapping[str, Value]) -> dict[str, int]:
    """Return filtering database -> VLAN of a dot1qVlanFdbId column that has been read."""
    found: dict[str, int] = {}
    for index, value in column.items():
        found.setdefault(str(value), int(index.rsplit(".", 1)[-1]))
    return found


def _port_indexes(target: SnmpTarget) -> dict[int, int]:
    """Return bridge port -> ifIndex."""
    rows = client.columns(target, [_PORT_IF_INDEX], max_rows=_MOST_PORTS)
    return {
        int(index): int(row[_PORT_IF_INDEX])
        for index, row in rows.items()
        if index.isdigit() and isinstance(row[_PORT_IF_INDEX], int)
    }


def _entries(
    target: SnmpTarget,
    found: dict[str, tuple[int, int | None]],
    vlans: dict[str, int],
    *,
    is_vlan_aware: bool,
    ports: dict[int, int] | None = None,
) -> list[FdbEntry]:
    if not found:
        return []
    wanted = sorted({port for port, _ in found.values()})
    if ports is None:
        oids = {port: f"{_PORT_IF_INDEX}.{port}" for port in wanted}
        answers = client.get(target, *oids.values())
        indexes = {port: values.number(answers[oid]) for port, oid in oids.items()}
    else:
        indexes = {port: ports.get(port) for port in wanted}
    names = interfaces.name_of(target, sorted({index for index in indexes.values() if index}))
    entries = []
    for index, (port, status) in found.items():
        parts = index.split(".")
        if_index = indexes.get(port)
        entries.append(
            FdbEntry(
                mac=values.mac_of_index(parts[-6:]),
                vlan=vlans.get(parts[0], int(parts[0])) if is_vlan_aware else None,
                bridge_port=port,
                if_index=if_index,
                port_name=names.get(if_index) or None if if_index else None,
                status=STATUS_WORDS.get(status) if status else None,
            )
        )
    return sorted(entries, key=lambda entry: (entry.vlan or 0, entry.mac))

"""LOCK: open or close one line on real gear, idempotently, and read back what is so.

A gate is made from its kind and settings: `gates.make("nftables", {"namespace": "lc-gw"})`. It imports
nothing of ours but `netdiag.snmp`, keeps no state of its own and knows neither money nor customers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pydantic

from gates import dry_run, nftables, nftables_ssh, radius, radius_settings, routeros, snmp_port
from gates.contract import (
    ACCESSES,
    Access,
    Finding,
    Gate,
    GateError,
    GateMisconfigured,
    GateRefused,
    GateUnreachable,
    LineAccess,
    Mixed,
    Outcome,
    PortRef,
    Seen,
    nearest,
    said,
)

__all__ = [
    "ACCESSES",
    "KINDS",
    "Access",
    "Finding",
    "Gate",
    "GateError",
    "GateKind",
    "GateMisconfigured",
    "GateRefused",
    "GateUnreachable",
    "LineAccess",
    "Mixed",
    "Outcome",
    "PortRef",
    "Seen",
    "make",
    "nearest",
    "said",
    "told",
]


@dataclass(frozen=True)
class GateKind:
    """A kind of gate: what staff read about it, its settings (drawn as a form), maker and powers."""

    name: str
    title: str
    summary: str
    settings: type[pydantic.BaseModel]
    build: Callable[[Any], Gate]
    can: frozenset[Access] = frozenset({"open", "closed"})
    # How many lines one call is asked: gear that takes a list as a whole can take all of them.
    at_once: int = 500
    # Whether `held` names logins instead of addresses.
    holds_logins: bool = False


KINDS: Mapping[str, GateKind] = {
    kind.name: kind
    for kind in (
        GateKind(
            "dry_run",
            "Dry run",
            "Says what it would do and touches nothing.",
            dry_run.DryRunSettings,
            dry_run.DryRunGate,
            frozenset(ACCESSES),
            at_once=10_000,
        ),
        GateKind(
            "nftables",
            "Linux gateway (nftables)",
            "Closes lines, walls them in, slows them or leads them to a page: by their addresses.",
            nftables.NftablesSettings,
            nftables.NftablesGate,
            frozenset(ACCESSES),
            at_once=10_000,
        ),
        GateKind(
            "nftables_ssh",
            "Linux gateway over SSH (nftables)",
            "By addresses, as nftables does on this machine, on another one: nft is run there over SSH.",
            nftables_ssh.NftablesSshSettings,
            nftables_ssh.NftablesSshGate,
            frozenset(ACCESSES),
            at_once=10_000,
        ),
        GateKind(
            "snmp_port",
            "Switch port (SNMP)",
            "Sets ifAdminStatus of the line's own port down and up.",
            snmp_port.SnmpPortSettings,
            snmp_port.SnmpPortGate,
        ),
        GateKind(
            "radius",
            "RADIUS (FreeRADIUS)",
            "Puts the line's login into a group, and ends its live session where that began under another.",
            radius_settings.RadiusSettings,
            radius.RadiusGate,
            frozenset(ACCESSES),
            at_once=2000,
            holds_logins=True,
        ),
        GateKind(
            "routeros",
            "MikroTik router (RouterOS)",
            "Keeps restricted lines on address lists the router's own rules refer to.",
            routeros.RouterosSettings,
            routeros.RouterosGate,
            frozenset(ACCESSES),
            at_once=2000,
        ),
    )
}


def told(kind: str, wish: Access) -> Access:
    """Return what a gate of this kind is asked for a wish: the nearest it can, never stricter than meant."""
    found = KINDS.get(kind)
    return nearest(wish, found.can) if found else wish


def make(kind: str, settings: Mapping[str, object]) -> Gate:
    """Return the gate of this kind; raises GateMisconfigured naming every setting that does not fit."""
    found = KINDS.get(kind)
    if found is None:
        raise GateMisconfigured(f"there is no gate of kind {kind!r}; known are {', '.join(sorted(KINDS))}")
    try:
        return found.build(found.settings.model_validate(dict(settings)))
    except pydantic.ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'settings'}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False)
        )
        raise GateMisconfigured(f"{found.title}: {faults}") from error

"""The kinds of gates as forms need them: the options of each, how they are read and how they are shown."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core import errors
from core.words import N_
from registry import gate_options_linux
from registry.gate_options import GateOption


@dataclass(frozen=True, slots=True)
class GateKind:
    """A kind of gate: what staff read about it and what they can set.

    `holds_logins`: its gear lists logins, not addresses. `is_of_the_machine`: its gear is the machine that
    tells it.
    """

    name: str
    title: str
    summary: str
    options: tuple[GateOption, ...] = ()
    holds_logins: bool = False
    is_of_the_machine: bool = False


# A NAS as it is written: address or prefix, secret, port.
_NAS = r"[0-9A-Fa-f.:/]+[ \t]+\S+(?:[ \t]+\d{1,5})?[ \t\r]*"
_ROUTEROS_NAME = r"^[A-Za-z0-9_.-]{1,60}$"

# Records may not import the package gates: this is what its forms need of it. A test of the house holds
# every name, word, default and bound to the settings the gates themselves read.
KINDS: Mapping[str, GateKind] = {
    kind.name: kind
    for kind in (
        GateKind("dry_run", "Dry run", "Says what it would do and touches nothing."),
        GateKind(
            "nftables",
            "Linux gateway (nftables)",
            "Closes lines, walls them in, slows them or leads them to a page: by their addresses.",
            gate_options_linux.NFTABLES,
            is_of_the_machine=True,
        ),
        GateKind(
            "nftables_ssh",
            "Linux gateway over SSH (nftables)",
            "By addresses, as nftables does on this machine, on another one: nft is run there over SSH.",
            gate_options_linux.NFTABLES_SSH,
        ),
        GateKind(
            "snmp_port",
            "Switch port (SNMP)",
            "Sets ifAdminStatus of the line's own port down and up.",
            (
                GateOption(
                    "parallel_devices",
                    "Switches at once",
                    form="whole",
                    default=16,
                    hint="One switch is asked by one worker at a time: small agents choke on more.",
                    minimum=1,
                    maximum=256,
                ),
            ),
        ),
        GateKind(
            "radius",
            "RADIUS (FreeRADIUS)",
            "Puts the line's login into a group, and ends its live session where that began under another.",
            (
                GateOption(
                    "host",
                    "Database host",
                    hint="Of the FreeRADIUS database in PostgreSQL. Empty: the socket of this machine.",
                ),
                GateOption("port", "Database port", form="whole", default=5432, minimum=1, maximum=65535),
                GateOption("database", "Database", default="radius"),
                GateOption(
                    "user",
                    "Database user",
                    default="linecard",
                    hint="The rights it needs are written in the operator's manual.",
                ),
                GateOption(
                    "password", "Database password", form="secret", hint="Kept sealed; empty: as it is."
                ),
                GateOption(
                    "tls",
                    "TLS to the database",
                    form="choice",
                    default="prefer",
                    choices=(
                        ("prefer", "when it is offered"),
                        ("require", "always"),
                        ("verify-full", "always, with its certificate checked"),
                    ),
                ),
                GateOption(
                    "nas_secrets",
                    "Secrets of the NASes",
                    form="secrets",
                    hint="A line each: address or prefix, secret, port if another. Kept sealed; empty: kept.",
                    pattern=rf"{_NAS}(?:\n\s*{_NAS})*",
                ),
                GateOption(
                    "nas_port",
                    "Port of the NASes",
                    form="whole",
                    default=3799,
                    hint="Where they listen for Disconnect and CoA (RFC 5176).",
                    minimum=1,
                    maximum=65535,
                ),
                GateOption(
                    "live",
                    "A live session",
                    form="choice",
                    default="disconnect",
                    hint="In place, Filter-Id is the group's name; closed, or open without one, it is ended.",
                    choices=(
                        ("disconnect", "is ended"),
                        ("coa", "is changed in place"),
                        ("leave", "is left alone"),
                    ),
                ),
                GateOption(
                    "ghosts",
                    "A session its NAS does not know",
                    form="choice",
                    default="leave",
                    hint="Counts as gone. Ending it in the tables needs a right of its own.",
                    choices=(("leave", "is left in the tables"), ("close", "is ended in the tables")),
                ),
                GateOption(
                    "group_open",
                    "Group: open",
                    hint="Empty: none, only those of the plan; then no session can be opened in place.",
                    pattern=r"^\S*$",
                ),
                GateOption(
                    "group_notice",
                    "Group: notice",
                    default="linecard-notice",
                    hint="No session is ended for it. A group without rows is not used.",
                    pattern=r"^\S+$",
                ),
                GateOption("group_slow", "Group: slow", default="linecard-slow", pattern=r"^\S+$"),
                GateOption(
                    "group_walled", "Group: walled garden", default="linecard-walled", pattern=r"^\S+$"
                ),
                GateOption("group_closed", "Group: closed", default="linecard-closed", pattern=r"^\S+$"),
                GateOption(
                    "closed_by",
                    "Closed means",
                    form="choice",
                    default="group",
                    hint="Rejected, it cannot log in at all.",
                    choices=(("group", "in its group"), ("reject", "rejected")),
                ),
                GateOption(
                    "priority",
                    "Priority of the groups",
                    form="whole",
                    default=-1,
                    hint="Less than that of the plans' groups: the first group counts.",
                    minimum=-1000,
                    maximum=1000,
                ),
                GateOption(
                    "silent_s",
                    "A session is believed for, seconds",
                    form="whole",
                    default=3600,
                    hint="After its last accounting packet; more than twice the interim interval.",
                    minimum=60,
                    maximum=604800,
                ),
                GateOption(
                    "timeout_s", "Patience, seconds", form="decimal", default=2.0, minimum=0.1, maximum=30
                ),
                GateOption("tries", "Tries", form="whole", default=3, minimum=1, maximum=10),
            ),
            holds_logins=True,
        ),
        GateKind(
            "routeros",
            "MikroTik router (RouterOS)",
            "Keeps restricted lines on address lists the router's own rules refer to.",
            (
                GateOption(
                    "host",
                    "Router",
                    hint="Its name or address, as this POP's worker reaches it.",
                    pattern=r"^[A-Za-z0-9_.:-]{0,253}$",
                ),
                GateOption(
                    "door",
                    "Way in",
                    form="choice",
                    default="api-ssl",
                    hint="REST needs RouterOS 7. Without TLS only inside a network of your own.",
                    choices=(
                        ("api-ssl", "API with TLS (api-ssl)"),
                        ("api", "API without TLS (api)"),
                        ("rest", "REST (www-ssl)"),
                    ),
                ),
                GateOption(
                    "port",
                    "Port",
                    form="whole",
                    default=0,
                    hint="0: the usual one, 8729, 8728 or 443.",
                    minimum=0,
                    maximum=65535,
                ),
                GateOption(
                    "user",
                    "User",
                    default="linecard",
                    hint="Of a group with the policies read, write and api or rest-api.",
                    pattern=r"^[^\s:]{1,64}$",
                ),
                GateOption("password", "Password", form="secret", hint="Kept sealed; empty: as it is."),
                GateOption(
                    "certificate",
                    "SHA-256 of its certificate",
                    hint="As /certificate print detail says. Empty: this machine has to trust its issuer.",
                    pattern=r"^(([0-9A-Fa-f]{2}:?){32})?$",
                ),
                *(
                    GateOption(f"{access}_list", label, default=f"linecard-{access}", pattern=_ROUTEROS_NAME)
                    for access, label in (
                        ("closed", "List of closed lines"),
                        ("walled", "List of walled lines"),
                        ("slow", "List of slow lines"),
                        ("notice", "List of lines with a notice"),
                    )
                ),
                GateOption(
                    "mark",
                    "Mark",
                    default="linecard",
                    hint="Begins the comment of every entry of ours; no other entry is ever changed.",
                    pattern=_ROUTEROS_NAME,
                ),
                GateOption(
                    "protected",
                    "Never restrict",
                    form="prefixes",
                    default=(),
                    hint="Prefixes no line may be restricted in.",
                ),
                GateOption(
                    "timeout_s", "Patience, seconds", form="decimal", default=10.0, minimum=0.1, maximum=120
                ),
                GateOption(
                    "limit_s",
                    "Limit, seconds",
                    form="decimal",
                    default=25.0,
                    hint="For one batch as a whole.",
                    minimum=0.1,
                    maximum=600,
                ),
            ),
        ),
    )
}


def acts_where_told(kind: str, options: Mapping[str, Any]) -> bool:
    """Whether such a gate acts on the machine that tells it: another machine would change its own instead."""
    known = KINDS.get(kind)
    if known is None or known.is_of_the_machine:
        return known is not None
    host = next((options.get("host", one.default) for one in known.options if one.name == "host"), None)
    return host is not None and _is_loopback(str(host))


def _is_loopback(host: str) -> bool:
    """Whether a host is this machine, by whatever name; the empty one and a path are sockets of it."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host in ("", "localhost") or host.startswith("/") or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def read_options(kind: str, written: Mapping[str, str]) -> dict[str, Any]:
    """Return the options and secrets of a gate as a form wrote them; raises Invalid with faults by option.

    What equals its default is left out, so that a better default of a later version is taken, and so is a
    secret nothing was written for.
    """
    if kind not in KINDS:
        raise errors.Invalid("No such kind", {"kind": "Choose from the list"})
    read, faults = {}, {}
    for option in KINDS[kind].options:
        try:
            value = _option(option, written.get(option.name, "").strip())
        except ValueError as error:
            faults[option.name] = error.args[0]
        else:
            if value not in (option.default, list(option.default) if option.form == "prefixes" else None):
                read[option.name] = value
    if faults:
        raise errors.Invalid("The gate is not complete", faults)
    return read


def written_options(kind: str, options: Mapping[str, Any]) -> dict[str, str]:
    """Return a gate's options as a form shows them, defaults included and secrets left empty."""
    values = {
        option.name: "" if option.is_secret else options.get(option.name, option.default)
        for option in KINDS[kind].options
    }
    return {
        name: "\n".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
        for name, value in values.items()
    }


def _option(option: GateOption, text: str) -> Any:
    """Read one option; raises ValueError with words for the person."""
    if not text and option.form != "prefixes":
        return option.default
    if option.form == "prefixes":
        return [_prefix(part) for part in re.split(r"[\s,;]+", text) if part]
    if option.form == "choice" and text not in dict(option.choices):
        raise ValueError(N_("Choose from the list"))
    if option.form in ("text", "choice", "secret", "secrets"):
        if option.pattern and not re.fullmatch(option.pattern, text):
            raise ValueError(option.fault or N_("This is not written as it has to be"))
        return text
    return _number(option, text)


def _prefix(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise ValueError(N_("%(text)s is not a prefix such as 10.0.0.0/24", text=text)) from error


def _number(option: GateOption, text: str) -> float:
    try:
        number = int(text) if option.form == "whole" else float(text.replace(",", "."))
    except ValueError as error:
        raise ValueError(N_("Write a number")) from error
    low, high = option.minimum, option.maximum
    if low is None or high is None or not low <= number <= high:
        raise ValueError(
            N_("Write a number between %(low)s and %(high)s", low=f"{low or 0:g}", high=f"{high or 0:g}")
        )
    return number


def secret_names(kind: str) -> frozenset[str]:
    """Return the names of the options of this kind that are kept sealed."""
    return frozenset(option.name for option in KINDS[kind].options if option.is_secret)

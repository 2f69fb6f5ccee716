"""Whether a RouterOS router can be trusted as a gate: rights, rules, lists, FastTrack. Read only."""

from collections import Counter

from gates.contract import ACCESSES, Access, Finding, GateMisconfigured
from gates.routeros_door import Answer, Call, Door
from gates.routeros_lists import FAMILIES, Found, Names

_RESOURCE = ("version", "board-name", "uptime")
_ON = ("no", "false", "")


def describe(door: Door, found: Found, names: Names, user: str) -> list[Finding]:
    """Say what was found; raises GateMisconfigured where the gate could not cut at all."""
    resource, tracks, users, groups = door.run(
        [
            Call("/system/resource", properties=_RESOURCE),
            Call("/ip/firewall/filter", query=("action=fasttrack-connection",)),
            Call("/user", query=(f"name={user}",), properties=("name", "group"), may_fail=True),
            Call("/user/group", properties=("name", "policy"), may_fail=True),
        ]
    )
    _refuse_reader(user, users, groups)
    closed = names.lists["closed"]
    if (4, "closed") not in found.enforced:
        raise GateMisconfigured(
            f"no rule of the router's IPv4 firewall puts the list {closed} in force: nothing would be cut. "
            "It takes one that drops or rejects in the chain forward, before any that accepts what is "
            f"established: /ip firewall filter add chain=forward src-address-list={closed} action=reject "
            "place-before=0"
        )
    row = resource.rows[0] if resource.rows else {}
    router = f"RouterOS {row.get('version', '?')} ({row.get('board-name', '?')}, up {row.get('uptime', '?')})"
    said = [Finding(f"{router} answers by {door.name}"), Finding(_count(found)), *_idle_lists(found, names)]
    if any(rule.get("disabled", "") in _ON for rule in tracks.rows):
        words = "FastTrack is on: running connections pass by the rules until they end"
        said.append(Finding(words, is_good=False, advice="take what customers send and get out of it"))
    return said


def _refuse_reader(user: str, users: Answer, groups: Answer) -> None:
    """Raise GateMisconfigured when the router lets us see that our group may not write."""
    group = users.rows[0].get("group", "") if users.rows else ""
    policy = next((row.get("policy", "") for row in groups.rows if row.get("name") == group), "")
    if policy and "write" not in policy.split(","):
        raise GateMisconfigured(f"the user {user} may only read: the group {group} needs the policy write")


def _count(found: Found) -> str:
    ours = Counter(entry.access for entry in found.entries if entry.is_ours)
    others = sum(not entry.is_ours for entry in found.entries)
    counted = ", ".join(f"{ours[access]} {access}" for access in reversed(ACCESSES) if ours[access])
    beside = f", beside {others} that are not ours" if others else ""
    return f"Our entries: {counted or 'none'}{beside}"


def _idle_lists(found: Found, names: Names) -> list[Finding]:
    """Name the lists no rule puts in force, family by family."""
    parts = []
    for version, family in FAMILIES.items():
        if version in found.absent:
            parts.append(Finding(f"It has no {family} firewall: lines with such addresses cannot be told"))
            continue
        idle: list[Access] = [access for access in names.lists if (version, access) not in found.enforced]
        if idle:
            listed = ", ".join(names.lists[access] for access in idle)
            advice = "give each list a rule, or its lines pass as if open"
            parts.append(Finding(f"No {family} rule puts {listed} in force", is_good=False, advice=advice))
    return parts

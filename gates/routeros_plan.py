"""What has to change on a RouterOS router so that lines have the access wanted, and whether it came so.

Calls of one stage do not depend on each other; an entry
that is replaced is removed in the second stage, when the new one stands.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gates.addresses import BadAddress, Cover, Network, parse, refuse_shared, written
from gates.contract import ACCESSES, Access, LineAccess, Outcome
from gates.routeros_door import Call, Door
from gates.routeros_lists import (
    FAMILIES,
    MARKER_ADDRESS,
    MARKER_TIMEOUT,
    MENUS,
    Entry,
    Found,
    Names,
    shown,
)

# So many entries leave with one command.
REMOVALS = 100


@dataclass(frozen=True)
class Goal:
    """A line that can be served: its addresses and the access each of them shall have."""

    line_id: int
    networks: tuple[Network, ...]
    access: Access


@dataclass
class Plan:
    """The goals, the outcomes of lines that cannot be served, and the calls of both stages.

    With each call stands the line it is for; 0 for removals and the marker.
    """

    goals: list[Goal]
    refused: dict[int, Outcome]
    first: list[tuple[int, Call]] = field(default_factory=list)
    second: list[tuple[int, Call]] = field(default_factory=list)


@dataclass
class Mishaps:
    """What did not go as planned: complaints by line; `was_held` where an entry was there already."""

    complaints: dict[int, str] = field(default_factory=dict)
    was_held: bool = False


def carry_out(door: Door, made: Plan) -> Mishaps:
    """Do what was planned, stage by stage; raises GateError as the door does."""
    mishaps = Mishaps()
    for stage in (made.first, made.second):
        again: list[Call] = []
        answers = door.run([call for _, call in stage]) if stage else []
        for (line_id, call), answer in zip(stage, answers, strict=True):
            if answer.is_held:
                mishaps.was_held = True
            elif answer.fault and call.verb == "remove":
                again += _one_by_one(call)
            elif answer.fault and line_id:
                mishaps.complaints.setdefault(line_id, answer.fault)
        if again:
            door.run(again)
    return mishaps


def _one_by_one(call: Call) -> list[Call]:
    """Split a removal of many: one of them may have been gone already. One alone needs no second try."""
    ids = call.values[".id"].split(",")
    return [Call(call.menu, "remove", {".id": each}) for each in ids] if len(ids) > 1 else []


def _removals(entries: Sequence[Entry]) -> list[tuple[int, Call]]:
    """Return the calls that remove these entries, many with each."""
    calls = []
    for version, menu in MENUS.items():
        ids = [entry.id for entry in entries if entry.version == version]
        for place in range(0, len(ids), REMOVALS):
            calls.append((0, Call(menu, "remove", {".id": ",".join(ids[place : place + REMOVALS])})))
    return calls


def goals(
    wanted: Mapping[LineAccess, Access], protected: Sequence[Network]
) -> tuple[list[Goal], dict[int, Outcome]]:
    """Sort the lines into those that can be served, strictest first, and those that cannot.

    Of lines that have an address in common the milder ones are served: the others would cut them off.
    """
    found: list[Goal] = []
    refused: dict[int, Outcome] = {}
    for line, access in sorted(wanted.items(), key=lambda pair: pair[0].line_id):
        try:
            networks = parse(line.addresses, () if access == "open" else protected)
            found.append(Goal(line.line_id, networks, access))
        except BadAddress as error:
            refused[line.line_id] = Outcome(line.line_id, None, str(error), needs_person=True)
    milder = Cover((network.version, network.prefixlen) for goal in found for network in goal.networks)
    served: list[Goal] = []
    for access in ACCESSES:
        alike: list[Goal] = []
        for goal in (one for one in found if one.access == access):
            try:
                refuse_shared(goal.networks, milder)
                alike.append(goal)
            except BadAddress as error:
                refused[goal.line_id] = Outcome(goal.line_id, None, str(error), needs_person=True)
        for network in (one for goal in alike for one in goal.networks):
            milder.add(network)
        served[:0] = alike
    return served, refused


def plan(
    wanted: Mapping[LineAccess, Access], found: Found, names: Names, protected: Sequence[Network], token: str
) -> Plan:
    """Compare what is wanted with what was found; `token` goes into a new marker."""
    served, refused = goals(wanted, protected)
    made = Plan(served, refused)
    restricted = {network: goal for goal in served if goal.access != "open" for network in goal.networks}
    due = {(network, goal.access): goal for network, goal in restricted.items()}
    gone: list[Entry] = []
    replaced: list[Entry] = []
    for entry in _concerned(served, found, names):
        goal = due.pop((entry.networks[0], entry.access), None) if len(entry.networks) == 1 else None
        if goal:
            made.first += _mend(entry, goal, names)
        elif restricted.keys().isdisjoint(entry.networks):
            gone.append(entry)
        else:
            replaced.append(entry)
    held = {(entry.networks, entry.access) for entry in found.entries if not entry.is_ours}
    for (network, access), goal in due.items():
        # The router takes no address twice on a list: what somebody else put there has to do.
        if network.version not in found.absent and ((network,), access) not in held:
            values = {"list": names.lists[access], "address": shown(network)}
            values["comment"] = names.comment(goal.line_id)
            made.first.append((goal.line_id, Call(MENUS[network.version], "add", values)))
    if not found.marker:
        values = {"list": names.marker, "address": MARKER_ADDRESS, "timeout": MARKER_TIMEOUT}
        made.first.append((0, Call(MENUS[4], "add", {**values, "comment": f"{names.mark} {token}"})))
    made.first[:0] = _removals(gone)  # whoever is let in does not wait for those who are cut
    made.second = _removals(replaced)
    return made


def _concerned(served: Iterable[Goal], found: Found, names: Names) -> list[Entry]:
    """Return our entries that hold an address of these lines, or that one of them left behind."""
    networks = {network for goal in served for network in goal.networks}
    comments = {names.comment(goal.line_id) for goal in served}
    return [
        entry
        for entry in found.entries
        if entry.is_ours and (entry.comment in comments or not networks.isdisjoint(entry.networks))
    ]


def _mend(entry: Entry, goal: Goal, names: Names) -> list[tuple[int, Call]]:
    """Keep an entry, switched on and under the name of the line that has the address now."""
    values = {}
    if entry.is_disabled:
        values["disabled"] = "no"
    if entry.comment != names.comment(goal.line_id):
        values["comment"] = names.comment(goal.line_id)
    call = Call(MENUS[entry.version], "set", {".id": entry.id, **values})
    return [(goal.line_id, call)] if values else []


def outcomes(
    made: Plan, found: Found, names: Names, complaints: Mapping[int, str] | None = None, broken: str = ""
) -> dict[int, Outcome]:
    """Return what became of each line by what the router holds now, not by what it answered.

    `broken` says why not everything could be tried: what is not so yet may well become so.
    """
    results = dict(made.refused)
    complaints = complaints or {}
    strangers = [entry for entry in found.entries if not entry.is_ours]
    for goal in made.goals:
        astray = next((network for network in goal.networks if not _is_so(goal, network, found)), None)
        if astray is None:
            results[goal.line_id] = Outcome(goal.line_id, goal.access, is_bare=not goal.networks)
        elif broken:
            results[goal.line_id] = Outcome(goal.line_id, None, broken)
        else:
            complaint = complaints.get(goal.line_id)
            words = _reason(goal, astray, found, names, strangers)
            words = f"the router refuses: {complaint}" if complaint else words
            results[goal.line_id] = Outcome(goal.line_id, None, words, needs_person=True)
    return results


def _is_so(goal: Goal, network: Network, found: Found) -> bool:
    """Tell whether an address is on the right list, and the list in force."""
    return found.listed(network) == goal.access == found.in_force(network)


def _reason(goal: Goal, network: Network, found: Found, names: Names, strangers: Iterable[Entry]) -> str:
    """Say why an address is not as it should be."""
    address, family = written(network), FAMILIES[network.version]
    listed = found.listed(network)
    if listed == goal.access:
        return (
            f"{address} is on the list {names.lists[listed]}, but no rule of the router's {family} firewall "
            "puts that list in force: gate check says which would"
        )
    if network.version in found.absent:
        return f"{address} cannot be restricted: the router has no {family} firewall"
    around = {network.supernet(new_prefix=length) for length in range(network.prefixlen + 1)}
    for entry in strangers:
        is_stricter = ACCESSES.index(entry.access) > ACCESSES.index(goal.access)
        is_in_the_way = entry.is_disabled and (network,) == entry.networks and entry.access == goal.access
        if is_in_the_way or (is_stricter and not entry.is_disabled and not around.isdisjoint(entry.networks)):
            state = "switched off on" if entry.is_disabled else "on"
            return (
                f"{address} is {state} the list {names.lists[entry.access]} by an entry that is not ours "
                f"({entry.address}, {entry.comment or 'no comment'}): it has to be removed on the router"
            )
    return f"{address} is {listed} after the change, not {goal.access}"

"""Which rules of a RouterOS firewall put an address list in force, and which come too late. Pure.

Manual: help.mikrotik.com/docs, "Packet Flow in RouterOS", "Filter", "NAT", "Mangle". The rules of a chain are
tried in order and the first that decides is the last: one that accepts what is established lets running
connections pass, whatever stands behind it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from gates.contract import Access
from gates.routeros_door import Row

TABLES = ("filter", "raw", "mangle", "nat")
_YES = frozenset({"true", "yes"})
_SIDES = ("src-address-list", "dst-address-list")
# By table: the chains that forwarded packets take, and what an action there does to which accesses.
_STOPS = dict.fromkeys(
    ("drop", "reject", "tarpit"), frozenset[Access](("closed", "walled", "slow", "notice"))
)
_LEADS = dict.fromkeys(("dst-nat", "redirect", "netmap"), frozenset[Access](("walled", "notice")))
_MARKS: Mapping[str, frozenset[Access]] = {
    **dict.fromkeys(("mark-packet", "mark-connection"), frozenset[Access](("slow", "notice"))),
    "mark-routing": frozenset(("notice",)),
}
_WAYS: Mapping[str, tuple[tuple[str, ...], Mapping[str, frozenset[Access]]]] = {
    "filter": (("forward",), _STOPS),
    "raw": (("prerouting",), _STOPS),
    "mangle": (("prerouting", "forward", "postrouting"), _MARKS),
    "nat": (("dstnat",), _LEADS),
}
# What of a rule is no condition: without any other it is for every packet.
_NO_MATCHERS = frozenset(
    {
        *(".id", ".nextid", "action", "bytes", "chain", "comment", "connection-state", "creation-time"),
        *("disabled", "dynamic", "invalid", "jump-target", "log", "log-prefix", "packets", "reject-with"),
    }
)


def question(table: str) -> tuple[str, ...]:
    """Return the query for what matters of a table: what names a list, leads elsewhere or decides."""
    words = [*_SIDES, "action=jump"]
    if table in ("filter", "raw"):
        words += ["-action", *(f"action={action}" for action in ("accept", "return", *_STOPS))]
    return (*words, "#" + "|" * (len(words) - 1))


def enforced(lists: Mapping[str, Access], table: str, rows: Iterable[Row]) -> set[Access]:
    """Return the accesses whose lists (by name) the rules of a table put in force."""
    chains: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.get("disabled", "") not in _YES and row.get("invalid", "") not in _YES:
            chains[row.get("chain", "")].append(row)
    begins, does = _WAYS[table]
    walk = _Walk(lists, chains, does, is_stateful=table == "filter")
    for chain in begins:
        walk.spared = frozenset()
        walk.go(chain, frozenset(), ())
    return walk.found


class _Walk:
    """A way through the chains, as a packet of a running connection takes it."""

    def __init__(
        self,
        lists: Mapping[str, Access],
        chains: Mapping[str, list[Row]],
        does: Mapping[str, frozenset[Access]],
        *,
        is_stateful: bool,
    ) -> None:
        self._lists, self._chains, self._does, self._is_stateful = lists, chains, does, is_stateful
        self.found: set[Access] = set()
        # Lists that a rule before let pass all but: what is dropped behind it is on them.
        self.spared: frozenset[Access] = frozenset()

    def go(self, chain: str, jumped: frozenset[Access], path: tuple[str, ...]) -> bool:
        """Take a chain from its first rule, `jumped` into for these lists; true where no packet goes on."""
        for row in self._chains.get(chain, ()) if chain not in path else ():
            action, named = row.get("action", "accept"), jumped | self._named(row)
            is_general = self._is_general(row)
            if action == "jump":
                is_end = self.go(row.get("jump-target", ""), named, (*path, chain))
                if is_end and is_general:
                    return True
            elif action in self._does and self._takes_running(row):
                meant = named if any(side in row for side in _SIDES) else named | self.spared
                self.found |= meant & self._does[action]
            elif action == "accept":
                if is_general:
                    return True
                self.spared |= self._named(row, sign="!")
            elif action == "return" and is_general:
                return False
        return False

    def _named(self, row: Row, sign: str = "") -> frozenset[Access]:
        names = (row.get(side, "") for side in _SIDES)
        found = (self._lists.get(name.removeprefix(sign)) for name in names if name.startswith(sign))
        return frozenset(access for access in found if access)

    def _is_general(self, row: Row) -> bool:
        """Whether a rule is for every packet of a running connection."""
        return row.keys() <= _NO_MATCHERS and self._takes_running(row)

    def _takes_running(self, row: Row) -> bool:
        state = row.get("connection-state", "")
        if not state or not self._is_stateful:
            return True
        return ("established" in state.removeprefix("!").split(",")) is not state.startswith("!")

"""A fake RouterOS behind its doors: tables, commands, queries, rights; shipped for the tests of its users.

Manual: help.mikrotik.com/docs, "API", "Address-lists", "User". What API and REST show is this one store.
"""

import ipaddress
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

Row = dict[str, str]

LISTS = ("/ip/firewall/address-list", "/ipv6/firewall/address-list")
_FIREWALLS = ("/ip/firewall", "/ipv6/firewall")
_RULES = tuple(
    f"{firewall}/{table}" for firewall in _FIREWALLS for table in ("filter", "raw", "mangle", "nat")
)
_WRITES = frozenset({"add", "set", "remove"})
_ENTRY = frozenset({".id", "list", "address", "comment", "timeout", "disabled"})
_YES = frozenset({"yes", "true"})
MISSING, BAD_VALUE, INTERRUPTED, GENERAL = "0", "1", "2", "4"


class Trap(Exception):
    """The router refuses a command: its words and the category of the manual."""

    def __init__(self, message: str, category: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.category = category


@dataclass
class User:
    """A user of the router; `policy` is that of his group."""

    password: str
    policy: frozenset[str] = frozenset({"read", "write", "api", "rest-api"})


@dataclass
class Router:
    """Tables as RouterOS keeps them, and the faults written in advance.

    `delay_s` is how long each command takes. `die_after` cuts every connection after so many further
    commands. `refuse` maps a value of a command to the words it is refused with. `seen` counts verbs.
    """

    version: str = "7.16.2 (stable)"
    users: dict[str, User] = field(default_factory=lambda: {"linecard": User("s3cret")})
    has_ipv6: bool = True
    delay_s: float = 0.0
    die_after: int | None = None
    refuse: dict[str, str] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    tables: dict[str, dict[str, Row]] = field(default_factory=dict)
    watchers: list[Callable[[str, Row], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ids = itertools.count(1)
        self._lock = threading.RLock()
        self._booted = time.monotonic()
        self._places: set[tuple[str, str, str]] = set()
        self.tables.update({menu: {} for menu in (*LISTS, *_RULES)})

    @property
    def release(self) -> tuple[int, int]:
        """Return the version as numbers."""
        first, second = self.version.split()[0].split(".")[:2]
        return int(first), int(second)

    def reboot(self) -> None:
        """Start anew: what had a timeout was in memory only and is lost, the rest stays."""
        with self._lock:
            self._booted = time.monotonic()
            for menu in LISTS:
                for id in [id for id, row in self.tables[menu].items() if row["dynamic"] == "true"]:
                    self._remove(menu, id)

    def wipe(self, menu: str) -> None:
        """Empty a list, as an operator does by mistake."""
        with self._lock:
            for id in list(self.tables[menu]):
                self._remove(menu, id)

    def rule(self, menu: str, **values: str) -> str:
        """Let the operator write a rule of his firewall; underscores stand for hyphens."""
        row = {name.replace("_", "-"): value for name, value in values.items()}
        with self._lock:
            return self._insert(menu, {"chain": "forward", "disabled": "false", "invalid": "false", **row})

    def entry(self, name: str, address: str, **values: str) -> str:
        """Let the operator put an address on a list."""
        menu = LISTS[":" in address]
        return self.command("", menu, "add", {"list": name, "address": address, **values})[0]["ret"]

    def on_list(self, name: str) -> set[str]:
        """Return the addresses of a list, of both families, those switched off left out."""
        with self._lock:
            rows = [row for menu in LISTS for row in self.tables[menu].values()]
        return {row["address"] for row in rows if row["list"] == name and row["disabled"] == "false"}

    def command(
        self,
        user: str,
        menu: str,
        verb: str,
        values: Mapping[str, str],
        asked: Iterable[str] = (),
    ) -> list[Row]:
        """Do one command; an empty user may do everything. Raises Trap."""
        if self.delay_s:
            time.sleep(self.delay_s)
        with self._lock:
            self.seen[verb] += 1
            if self.die_after is not None:
                self.die_after -= 1
                if self.die_after < 0:
                    raise ConnectionAbortedError("the fake was told to die here")
            for value in values.values():
                if value in self.refuse:
                    raise Trap(self.refuse[value], GENERAL)
            rows = self._rows(menu)
            if rows is None or verb not in {"print", "getall", *_WRITES}:
                raise Trap("no such command prefix" if rows is None else "no such command", MISSING)
            self._allow(user, verb)
            if verb in _WRITES:
                return self._write(menu, verb, values)
            words = list(asked)
            if len(words) == 1 and words[0].startswith(".id=") and menu in self.tables:
                row = self.tables[menu].get(words[0][4:])
                rows = [row] if row else []
            fits = query(words)
            found = [dict(row) for row in rows if fits(row)]
            wanted = [name for name in values.get(".proplist", "").split(",") if name]
            return [{n: row[n] for n in wanted if n in row} for row in found] if wanted else found

    def _allow(self, user: str, verb: str) -> None:
        needs = "write" if verb in _WRITES else "read"
        if user and needs not in self.users[user].policy:
            raise Trap("not enough permissions (9)", GENERAL)

    def _rows(self, menu: str) -> list[Row] | None:
        if menu.startswith("/ipv6") and not self.has_ipv6:
            return None
        if menu == "/system/resource":
            up_s = int(time.monotonic() - self._booted)
            return [{"uptime": f"{up_s}s", "version": self.version, "board-name": "CHR"}]
        if menu == "/user":
            return [
                {".id": f"*{at:X}", "name": name, "group": f"of-{name}"} for at, name in enumerate(self.users)
            ]
        if menu == "/user/group":
            policies = {name: ",".join(sorted(user.policy)) for name, user in self.users.items()}
            return [{"name": f"of-{name}", "policy": policy} for name, policy in policies.items()]
        return list(self.tables[menu].values()) if menu in self.tables else None

    def _write(self, menu: str, verb: str, values: Mapping[str, str]) -> list[Row]:
        if menu not in LISTS:
            raise Trap("this fake lets only address lists be changed", GENERAL)
        unknown = set(values) - _ENTRY
        if unknown:
            raise Trap(f"unknown parameter {min(unknown)}", MISSING)
        if verb == "add":
            return [{"ret": self._add(menu, values)}]
        ids = [part for part in values.get(".id", values.get("numbers", "")).split(",") if part]
        if not ids or any(each not in self.tables[menu] for each in ids):
            raise Trap("no such item", MISSING)
        for each in ids:
            row = self.tables[menu][each]
            if verb == "remove":
                self._remove(menu, each)
            else:
                changes = {name: value for name, value in values.items() if name != ".id"}
                if "disabled" in changes:
                    changes["disabled"] = "true" if changes["disabled"] in _YES else "false"
                row.update(changes)
                self._tell(menu, row)
        return []

    def _add(self, menu: str, values: Mapping[str, str]) -> str:
        for name in ("list", "address"):
            if not values.get(name):
                raise Trap(f"missing value(s) of argument(s) {name}", BAD_VALUE)
        address = canonical(values["address"], is_six=menu == LISTS[1])
        place = (menu, values["list"], address)
        if place in self._places:
            raise Trap("failure: already have such entry", GENERAL)
        self._places.add(place)
        row = {"list": values["list"], "address": address, "creation-time": "2026-11-25 12:00:00"}
        row["dynamic"] = "true" if values.get("timeout") else "false"
        row["disabled"] = "true" if values.get("disabled") in _YES else "false"
        row |= {name: values[name] for name in ("comment", "timeout") if values.get(name)}
        return self._insert(menu, row)

    def _remove(self, menu: str, id: str) -> None:
        row = self.tables[menu].pop(id)
        self._places.discard((menu, row["list"], row["address"]))
        self._tell(menu, {".id": id, ".dead": "true"})

    def _insert(self, menu: str, row: Row) -> str:
        id = f"*{next(self._ids):X}"
        self.tables[menu][id] = {".id": id, **row}
        self._tell(menu, self.tables[menu][id])
        return id

    def _tell(self, menu: str, row: Row) -> None:
        for watcher in list(self.watchers):
            watcher(menu, dict(row))


def canonical(text: str, *, is_six: bool) -> str:
    """Write an address as RouterOS keeps it: IPv6 always with its length, IPv4 hosts without; else a name."""
    low, dash, high = text.partition("-")
    try:
        if dash and not is_six:
            ends = ipaddress.IPv4Address(low), ipaddress.IPv4Address(high)
            nets = list(ipaddress.summarize_address_range(*ends))
            return str(nets[0]).removesuffix("/32") if len(nets) == 1 else text
        if is_six:
            return str(ipaddress.IPv6Network(text, strict=False))
        return str(ipaddress.IPv4Network(text, strict=False)).removesuffix("/32")
    except ValueError:
        pass
    if "/" in text or ":" in text or "." not in text:
        raise Trap(f"invalid value {text} of address", BAD_VALUE)
    return text


def matches(row: Row, words: Iterable[str]) -> bool:
    """Evaluate the query words of one print on one row."""
    return query(words)(row)


def query(words: Iterable[str]) -> Callable[[Row], bool]:
    """Return a print's query as a test of a row: a stack machine, true when nothing false is left on it."""
    steps = [_step(word) for word in words]

    def fits(row: Row) -> bool:
        stack: list[bool] = []
        for step in steps:
            step(row, stack)
        return all(stack)

    return fits


def _step(word: str) -> Callable[[Row, list[bool]], None]:
    if word.startswith("#"):
        return lambda _row, stack: _operate(stack, word[1:])
    if word.startswith("-"):
        return lambda row, stack: stack.append(word[1:] not in row)
    if "=" not in word.lstrip("=<>"):
        return lambda row, stack: stack.append(word in row)
    name, _, value = word.lstrip("=<>").partition("=")
    if word[0] in "<>":
        is_less = word[0] == "<"
        return lambda row, stack: stack.append(
            name in row and (row[name] < value if is_less else row[name] > value)
        )
    return lambda row, stack: stack.append(row.get(name) == value)


def _operate(stack: list[bool], operations: str) -> None:
    """Apply `#...`: `!`, `&`, `|`, and an index that copies, or at the end replaces, what it points at."""
    place = 0
    try:
        while place < len(operations):
            sign = operations[place]
            place += 1
            if sign == "!":
                stack.append(not stack.pop())
            elif sign in "&|":
                second, first = stack.pop(), stack.pop()
                stack.append((first and second) if sign == "&" else (first or second))
            elif sign == ".":
                stack.append(stack[-1])
            elif sign.isdigit():
                digits = sign + "".join(itertools.takewhile(str.isdigit, operations[place:]))
                place += len(digits) - 1
                value = stack[-1 - int(digits)]
                if place == len(operations):
                    stack[:] = [value]
                else:
                    stack.append(value)
                    place += operations[place] == "."
            else:
                raise Trap(f"unknown query operation {sign}", BAD_VALUE)
    except IndexError as error:
        raise Trap("query stack is empty", BAD_VALUE) from error

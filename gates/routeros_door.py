"""What both doors of a RouterOS router have in common: calls, answers and the words for what goes wrong."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from gates.contract import GateError, GateMisconfigured, GateUnreachable

Verb = Literal["print", "add", "set", "remove"]
Row = Mapping[str, str]


@dataclass(frozen=True)
class Call:
    """One command on one menu: `query` and `properties` belong to print, `values` to the others.

    Query words are those of the API without the question mark: `list=x`, `name`, `#|`. What `may_fail` is
    answered by a fault where the user lacks the right.
    """

    menu: str
    verb: Verb = "print"
    values: Mapping[str, str] = field(default_factory=dict)
    query: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    may_fail: bool = False


@dataclass(frozen=True)
class Answer:
    """What the router answered to one call: its rows, or its complaint in its own words."""

    rows: Sequence[Row] = ()
    fault: str = ""

    @property
    def is_absent(self) -> bool:
        """Tell that the router has no such menu: a package is off or its version too old."""
        return "no such command" in self.fault or self.fault == "Not Found"

    @property
    def is_forbidden(self) -> bool:
        """Tell that the user lacks a right."""
        return "not enough permissions" in self.fault

    @property
    def is_held(self) -> bool:
        """Tell that what was to be added is there already."""
        return "already have such" in self.fault


class Door(Protocol):
    """An open way into one router; it is used by one thread and closed after the deed."""

    name: str

    def run(self, calls: Sequence[Call]) -> list[Answer]:
        """Give the calls, in order and without waiting for each; return an answer for every one.

        Raises GateUnreachable when the way broke off: which of the calls took effect is then unknown.
        Raises GateMisconfigured when the router denies the user a right.
        """
        ...

    def close(self) -> None:
        """Leave; never raises."""
        ...


def refuse_forbidden(user: str, calls: Sequence[Call], answers: Sequence[Answer]) -> None:
    """Raise GateMisconfigured when the user lacks a right for one of these calls."""
    for call, answer in zip(calls, answers, strict=True):
        if answer.is_forbidden and not call.may_fail:
            raise GateMisconfigured(
                f"the router does not let the user {user} {call.verb} {call.menu} ({answer.fault.strip()}): "
                "the group needs the policies read, write and api or rest-api"
            )


def no_login(user: str, words: str) -> GateMisconfigured:
    """Say that the router lets nobody in by this name and password."""
    return GateMisconfigured(
        f"login as {user} refused ({words.strip()}): look at the name, the password, the addresses the user "
        "may come from, and whether the group has the policy api or rest-api"
    )


class Patience:
    """How long a session may take as a whole, and each silence in it."""

    def __init__(self, name: str, timeout_s: float, limit_s: float) -> None:
        self._name = name
        self._timeout_s = timeout_s
        self._limit_s = limit_s
        self._deadline = time.monotonic() + limit_s

    def next_s(self) -> float:
        """Return how long to wait for the next sign of life; raises GateUnreachable when time is up."""
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise GateUnreachable(f"{self._name} did not finish in {self._limit_s:g} s")
        return min(self._timeout_s, left_s)

    def judge(self, error: OSError) -> GateError:
        """Sort what broke a connection: a silence, the end of the time, or what the network said."""
        if isinstance(error, TimeoutError) and time.monotonic() >= self._deadline:
            return GateUnreachable(f"{self._name} did not finish in {self._limit_s:g} s")
        return not_reached(self._name, error, self._timeout_s)


def not_reached(where: str, error: OSError, timeout_s: float) -> GateError:
    """Sort what the network said of a connection that could not be made or that broke."""
    if isinstance(error, TimeoutError):
        return GateUnreachable(f"{where} did not answer in {timeout_s:g} s")
    if isinstance(error, ConnectionRefusedError):
        return GateUnreachable(f"{where} refuses connections: is the service on, and for this machine?")
    words = error.strerror or str(error) or type(error).__name__
    return GateUnreachable(f"{where}: {words}")

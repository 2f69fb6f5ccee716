"""Turns: a process works on a few requests at once, and the rest wait in the order they came.

Threads that all work at once hand the interpreter's lock around between their statements: each finishes
later, and the unlucky one last of all. A request that is still in work after HOLD_S waits for something else:
it goes on, but keeps nobody from his turn. A stream gives its place back as soon as it begins.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

HOLD_S = 0.05


class Turns:
    """The WSGI application `app` with so many `places` for requests in work."""

    def __init__(self, app: Callable[..., Iterable[bytes]], places: int) -> None:
        self._app = app
        self._places = places
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._inside: dict[threading.Lock, float] = {}  # since when, oldest first

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request in its turn."""
        ticket = self._enter()
        try:
            return self._app(environ, start_response)
        finally:
            self._leave(ticket)

    def _enter(self) -> threading.Lock:
        ticket = threading.Lock()
        ticket.acquire()
        with self._mutex:
            self._waiting.append(ticket)
            self._call_in()
        while not ticket.acquire(timeout=HOLD_S):
            with self._mutex:
                self._call_in()
        return ticket

    def _leave(self, ticket: threading.Lock) -> None:
        with self._mutex:
            self._inside.pop(ticket, None)
            self._call_in()

    def _call_in(self) -> None:
        """Take their places from those who are slow, and give what is free to those who wait longest."""
        now = time.monotonic()
        for ticket in [one for one, since in self._inside.items() if now - since >= HOLD_S]:
            del self._inside[ticket]
        while self._waiting and len(self._inside) < self._places:
            ticket = self._waiting.popleft()
            self._inside[ticket] = now
            ticket.release()

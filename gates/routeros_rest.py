"""RouterOS 7 by REST: JSON over HTTPS, a request per command, a few connections kept open side by side.

Manual: help.mikrotik.com/docs, "REST API". The service is called www-ssl (443); in its answers every value
is a text. One print brings a whole list, one removal many entries; only additions go one by one.
"""

import base64
import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gates.contract import GateError, GateMisconfigured, GateUnreachable
from gates.routeros_door import Answer, Call, Patience, no_login, refuse_forbidden

# Each request is a login of its own on the router: a handful at once is what its log and its processor bear.
PARALLEL = 4
MOST_BYTES = 128 << 20
_SERVER_FAULT = 500

Connect = Callable[[float], socket.socket]


class RestDoor:
    """HTTPS to one router; `connect` opens a checked connection, `limit_s` bounds the whole session."""

    def __init__(
        self, connect: Connect, where: str, user: str, password: str, *, timeout_s: float, limit_s: float
    ) -> None:
        self.name = f"REST {where}"
        self._connect = connect
        self._user = user
        self._patience = Patience(self.name, timeout_s, limit_s)
        credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}
        self._host = where
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def run(self, calls: Sequence[Call]) -> list[Answer]:
        """Send the calls over the connections, each taking the next; the first failure ends the rest."""
        answers = self._ask_all(calls) if len(calls) > 1 else [self._ask(call) for call in calls]
        refuse_forbidden(self._user, calls, answers)
        return answers

    def close(self) -> None:
        """Close the connections."""
        while self._idle:
            self._idle.pop().close()

    def _ask_all(self, calls: Sequence[Call]) -> list[Answer]:
        failed = threading.Event()

        def ask(call: Call) -> Answer:
            if failed.is_set():
                raise GateUnreachable(f"{self.name} failed at another call of the batch")
            try:
                return self._ask(call)
            except GateError:
                failed.set()
                raise

        with ThreadPoolExecutor(min(PARALLEL, len(calls))) as pool:
            pending = [pool.submit(ask, call) for call in calls]
        errors = [error for task in pending if (error := task.exception())]
        if errors:  # a right or a login that is refused says more than the calls that fell with it
            raise next((error for error in errors if isinstance(error, GateMisconfigured)), errors[0])
        return [task.result() for task in pending]

    def _ask(self, call: Call) -> Answer:
        method, path, body = request(call)
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        is_fresh = connection is None
        try:
            answer = self._exchange(connection or self._open(), method, path, body)
        except _Stale as stale:
            # A kept connection the router closed meanwhile. Should it have heard us all the same, saying it
            # twice does no harm: what is added is there already, what is removed is gone.
            if is_fresh:
                raise GateUnreachable(f"{self.name} closed the connection without an answer") from stale
            answer = self._exchange(self._open(), method, path, body)
        return self._sorted(*answer)

    def _open(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(self._host)
        connection.auto_open = 0  # else it would one day open a connection of its own, without TLS
        connection.sock = self._connect(self._patience.next_s())
        return connection

    def _exchange(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None
    ) -> tuple[int, bytes]:
        """Send one request and read its answer; the connection is kept if the router keeps it."""
        try:
            connection.sock.settimeout(self._patience.next_s())
            connection.request(method, path, body, self._headers)
            # Closed by itself too: it holds the socket of a connection the router wants ended.
            with connection.getresponse() as answer:
                data = answer.read(MOST_BYTES)
        except GateError:  # the time of the whole session is over
            connection.close()
            raise
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError) as error:
            connection.close()
            raise _Stale from error
        except OSError as error:
            connection.close()
            raise self._patience.judge(error) from error
        except http.client.HTTPException as error:
            connection.close()
            raise GateMisconfigured(f"{self.name} does not speak HTTP: {error!r}") from error
        if answer.will_close:
            connection.close()
        else:
            with self._lock:
                self._idle.append(connection)
        return answer.status, data

    def _sorted(self, status: int, data: bytes) -> Answer:
        """Sort an answer by its status and its JSON; raises what ends the whole session."""
        content: Any = None
        with contextlib.suppress(ValueError):
            content = json.loads(data) if data else {}
        words = _words(content)
        if status == http.client.UNAUTHORIZED:
            raise no_login(self._user, words or "401 Unauthorized")
        if content is None:
            raise GateMisconfigured(
                f"{self.name} answers {status} without JSON: is it a RouterOS 7 with the service www-ssl?"
            )
        if status == http.client.FORBIDDEN:
            words = f"not enough permissions: {words or '403 Forbidden'}"
        if (
            status >= _SERVER_FAULT and "not enough permissions" not in words
        ) or status == http.client.REQUEST_TIMEOUT:
            raise GateUnreachable(f"{self.name} answers {status}: {words or 'no reason given'}")
        if status >= http.client.BAD_REQUEST:
            return Answer(fault=words or f"answered {status}")
        rows = content if isinstance(content, list) else [content] if content else []
        if not all(isinstance(row, dict) for row in rows):
            raise GateMisconfigured(f"{self.name} answers JSON that is not RouterOS's")
        return Answer(tuple({name: str(value) for name, value in row.items()} for row in rows))


class _Stale(Exception):
    """The router closed the connection before it answered."""


def request(call: Call) -> tuple[str, str, bytes | None]:
    """Return method, path and body: PUT adds, PATCH sets, DELETE removes one, POST does the rest."""
    path, values = f"/rest{call.menu}", dict(call.values)
    if call.verb == "add":
        return "PUT", path, _json(values)
    if call.verb == "set":
        return "PATCH", f"{path}/{values.pop('.id')}", _json(values)
    if call.verb == "remove" and "," not in values[".id"]:
        return "DELETE", f"{path}/{values['.id']}", None
    if call.verb == "print":
        body: dict[str, object] = {".query": list(call.query)} if call.query else {}
        if call.properties:
            body[".proplist"] = list(call.properties)
        return "POST", f"{path}/print", _json(body)
    return "POST", f"{path}/{call.verb}", _json(values)


def _json(values: object) -> bytes:
    return json.dumps(values).encode()


def _words(content: object) -> str:
    """Return the router's reason: `detail` says it, `message` is only the name of the status."""
    if not isinstance(content, dict) or "error" not in content:
        return ""
    return str(content.get("detail") or content.get("message") or "")

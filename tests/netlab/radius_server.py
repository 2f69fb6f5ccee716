"""A real FreeRADIUS of a test's own: the stock SQL schema behind it, and a virtual server that is the NAS.

The NAS knows the sessions of the table `nas_sessions` and answers RFC 5176 requests by its unlang: it signs what
it answers (Message-Authenticator) and takes nothing that is not signed.
"""

import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

STOCK = Path("/etc/freeradius/3.0/mods-config/sql/main/postgresql")
SECRET, NAS_SECRET = "for-clients", "between-nas-and-us"
# Answers to this login are left unsigned, as by a NAS of old.
UNSIGNED = "unsigned"
# Its sessions the NAS will not end.
STUBBORN = "stubborn"

_TABLES = """
CREATE TABLE nas_sessions (session_id text PRIMARY KEY, filter text NOT NULL DEFAULT '');
INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES
  ('plan', 'Filter-Id', ':=', 'full'), ('linecard-walled', 'Filter-Id', ':=', 'walled'),
  ('linecard-slow', 'Filter-Id', ':=', 'slow'), ('linecard-closed', 'Filter-Id', ':=', 'nothing');
"""


@dataclass(frozen=True, slots=True)
class Reply:
    """What RADIUS answered to an Access-Request: accepted or not, and what came along."""

    is_accepted: bool
    filter_id: str
    klass: str


@dataclass(slots=True)
class Server:
    """The running server and the subscriber's side of it."""

    folder: Path
    url: str
    ports: Mapping[str, int]

    def log_in(self, login: str) -> Reply:
        """Ask for access as the NAS does when a subscriber dials in."""
        text = self._client(
            "auth", f'User-Name = "{login}", User-Password = "pw", NAS-IP-Address = 127.0.0.1'
        )
        return Reply(
            "Received Access-Accept" in text,
            "".join(re.findall(r'Filter-Id = "([^"]*)"', text)),
            "".join(re.findall(r"Class = (0x[0-9a-f]+)", text)),
        )

    def begin(self, login: str, session_id: str, klass: str = "", *, is_known: bool = True) -> None:
        """Begin a session: accounting tells it; the NAS knows it, unless it is a ghost from the beginning."""
        if is_known:
            self.run("INSERT INTO nas_sessions VALUES (%s)", session_id)
        self._account(login, session_id, "Start", klass)

    def stop(self, login: str, session_id: str) -> None:
        """Send the accounting packet that ends a session, as the NAS does once it has ended it."""
        self._account(login, session_id, "Stop")

    def knows(self, session_id: str) -> bool:
        """Whether the NAS has the session still."""
        return bool(self.run("SELECT 1 FROM nas_sessions WHERE session_id = %s", session_id))

    def run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement on the database as its owner."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            found = connection.execute(statement, values or None)
            return found.fetchall() if found.description else []

    def add(self, *logins: str) -> None:
        """Put subscribers on file as an operator does: a password and the group of a plan."""
        for login in logins:
            self.run(
                "INSERT INTO radcheck (username, attribute, op, value) VALUES (%s, 'Cleartext-Password', ':=', 'pw')",
                login,
            )
            self.run("INSERT INTO radusergroup (username, groupname, priority) VALUES (%s, 'plan', 1)", login)

    def _account(self, login: str, session_id: str, status: str, klass: str = "") -> None:
        words = f'User-Name = "{login}", Acct-Session-Id = "{session_id}", Acct-Status-Type = {status}, NAS-IP-Address = 127.0.0.1, Framed-IP-Address = 10.9.0.7'
        text = self._client("acct", words + (f", Class = {klass}" if klass else ""))
        assert "Received Accounting-Response" in text, text

    def _client(self, kind: str, words: str) -> str:
        command = ["radclient", "-x", "-r", "3", "-t", "5", f"127.0.0.1:{self.ports[kind]}", kind, SECRET]
        return subprocess.run(
            command, input=words, capture_output=True, text=True, timeout=30, check=False
        ).stdout


@contextmanager
def running(folder: Path, url: str) -> Iterator[Server]:
    """Load the stock schema into the database and run a FreeRADIUS on it; both ends are this test's own."""
    ports = dict(zip(("auth", "acct", "coa"), _free_ports(3), strict=True))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute((STOCK / "schema.sql").read_text())
        connection.execute(_TABLES)
        told = connection.info
        database = f"host={told.host} dbname={told.dbname} user={told.user}"
    (folder / "dictionary").write_text("$INCLUDE /usr/share/freeradius/dictionary\n")
    (folder / "queries.conf").write_text(_with_class((STOCK / "queries.conf").read_text()))
    words: dict[str, Any] = {
        "folder": folder,
        "database": database,
        "secret": SECRET,
        "nas_secret": NAS_SECRET,
    }
    words |= {"unsigned": UNSIGNED, "stubborn": STUBBORN, **ports}
    text = Path(__file__).with_name("radiusd.conf").read_text()
    (folder / "radiusd.conf").write_text(re.sub(r"@(\w+)@", lambda found: str(words[found[1]]), text))
    child = subprocess.Popen(
        ["/usr/sbin/freeradius", "-f", "-d", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(folder / "radius.log", child)
        yield Server(folder, url, ports)
    finally:
        child.terminate()
        child.wait(10)


def _with_class(queries: str) -> str:
    """Uncomment what its comment says to uncomment for the column `class`."""
    return re.sub(r"^(\s*(?:column_name|packet_xlat|reply_xlat) =)\s*# ", r"\1 ", queries, flags=re.MULTILINE)


def _wait(log: Path, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while not log.exists() or "Ready to process requests" not in log.read_text():
        assert child.poll() is None, log.read_text() if log.exists() else "it ended without a word"
        assert time.monotonic() < deadline, log.read_text() if log.exists() else "it does not come up"
        time.sleep(0.05)


def _free_ports(count: int) -> list[int]:
    holders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for holder in holders:
        holder.bind(("127.0.0.1", 0))
    found = [int(holder.getsockname()[1]) for holder in holders]
    for holder in holders:
        holder.close()
    return found

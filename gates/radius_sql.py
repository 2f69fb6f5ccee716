"""The tables of FreeRADIUS (its stock PostgreSQL schema): read and written for many logins at once.

Only rows of the logins that are asked for are touched: in `radusergroup` those of our groups, in `radcheck`
an `Auth-Type := Reject`, in `radreply` our mark, in `radacct` nothing unless ghosts are to be closed.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors as sql_errors

from gates.contract import Access, GateError, GateMisconfigured, GateRefused, GateUnreachable
from gates.radius_state import Change, Held, Session, mark_of

logger = logging.getLogger(__name__)

# One batch at a time: the stock schema has no key that would keep two rows of a login apart.
_LOCK = 0x6C63_7264

_GROUPS = """
    SELECT id, username, groupname FROM radusergroup
    WHERE username = ANY(%s) AND groupname = ANY(%s) ORDER BY priority, id
"""
_REJECTS = """
    SELECT id, username FROM radcheck
    WHERE username = ANY(%s) AND attribute = 'Auth-Type' AND op = ':=' AND value = 'Reject'
"""
_MARKS = """
    SELECT id, username, value FROM radreply
    WHERE username = ANY(%s) AND attribute = 'Class' AND value LIKE 'linecard/%%' ORDER BY id
"""
_SESSIONS = """
    SELECT username, radacctid, acctsessionid, host(nasipaddress), host(framedipaddress),
           extract(epoch FROM acctstarttime)::float8,
           extract(epoch FROM coalesce(acctupdatetime, acctstarttime))::float8, class
    FROM radacct WHERE acctstoptime IS NULL AND username = ANY(%s) ORDER BY radacctid
"""
_ADD_GROUPS = """
    INSERT INTO radusergroup (username, groupname, priority)
    SELECT login, name, %s FROM unnest(%s::text[], %s::text[]) AS added (login, name)
"""
_ADD_REJECTS = """
    INSERT INTO radcheck (username, attribute, op, value)
    SELECT login, 'Auth-Type', ':=', 'Reject' FROM unnest(%s::text[]) AS added (login)
"""
_ADD_MARKS = """
    INSERT INTO radreply (username, attribute, op, value)
    SELECT login, 'Class', '+=', mark FROM unnest(%s::text[], %s::text[]) AS added (login, mark)
"""
# Of several groups of ours the first one counts, as it does for RADIUS.
_RESTRICTED = """
    SELECT DISTINCT ON (username) username, groupname FROM radusergroup
    WHERE groupname = ANY(%s) ORDER BY username, priority, id
"""
_REJECTED = """
    SELECT DISTINCT c.username FROM radcheck c JOIN radreply r ON r.username = c.username
    WHERE c.attribute = 'Auth-Type' AND c.op = ':=' AND c.value = 'Reject'
      AND r.attribute = 'Class' AND r.value LIKE 'linecard/closed/%'
"""
# The last that was heard of a ghost is its end.
_CLOSE = """
    UPDATE radacct
    SET acctstoptime = coalesce(acctupdatetime, acctstarttime, now()), acctterminatecause = 'Lost-Carrier'
    WHERE radacctid = ANY(%s) AND acctstoptime IS NULL
"""
_WITH_ROWS = """
    SELECT groupname FROM radgroupreply WHERE groupname = ANY(%(names)s)
    UNION SELECT groupname FROM radgroupcheck WHERE groupname = ANY(%(names)s)
"""
_COUNTS = """
    SELECT (SELECT count(DISTINCT username) FROM radusergroup WHERE groupname = ANY(%s)),
           count(*), count(*) FILTER (WHERE class IS NULL OR class = ''), count(DISTINCT nasipaddress)
    FROM radacct WHERE acctstoptime IS NULL
"""
_NASES = "SELECT DISTINCT host(nasipaddress) FROM radacct WHERE acctstoptime IS NULL ORDER BY 1 LIMIT %s"
_EPOCH = """
    SELECT oid::text || '.' || relfilenode::text FROM pg_class WHERE oid = 'radusergroup'::regclass
"""


class Tables:
    """An open connection to the tables; `groups` name the group of each access that has one."""

    def __init__(
        self, connection: psycopg.Connection[Any], groups: Mapping[Access, str], priority: int
    ) -> None:
        self._connection, self._groups, self._priority = connection, groups, priority

    @contextmanager
    def batch(self) -> Iterator[int]:
        """One transaction, alone among the batches; gives the database's time in whole seconds."""
        with self._connection.transaction():
            self._run("SELECT pg_advisory_xact_lock(%s)", _LOCK)
            yield int(self._run("SELECT extract(epoch FROM now())::bigint")[0][0])

    def held(self, logins: Collection[str], *, is_notice_bare: bool = False) -> dict[str, Held]:
        """Return what the tables hold of each login."""
        names = list(logins)
        access_of = {name: access for access, name in self._groups.items()}
        found: dict[str, Held] = {login: Held(is_notice_bare=is_notice_bare) for login in names}
        for row, login, group in self._run(_GROUPS, names, list(access_of)):
            found[login].groups.append((row, access_of[group]))
        for row, login in self._run(_REJECTS, names):
            found[login].rejects.append(row)
        for row, login, text in self._run(_MARKS, names):
            found[login].marks.append(row)
            found[login].mark = mark_of(text) or found[login].mark
        for login, row, key, nas, framed, started_s, heard_s, text in self._run(_SESSIONS, names):
            session = Session(row, key, nas, framed, started_s, heard_s, mark_of(text))
            found[login].sessions.append(session)
        return found

    def restricted(self) -> dict[str, Access]:
        """Return the access of every login that a group or a rejection of ours restricts."""
        access_of = {name: access for access, name in self._groups.items()}
        found = {login: access_of[group] for login, group in self._run(_RESTRICTED, list(access_of))}
        found |= {login: "closed" for (login,) in self._run(_REJECTED)}
        return {login: access for login, access in found.items() if access != "open"}

    def write(self, changes: Mapping[str, Change]) -> None:
        """Carry the changes out, each kind of row in one statement."""
        gone: dict[str, list[int]] = defaultdict(list)
        groups, rejects, marks = [], [], []
        for login, wanted in changes.items():
            gone["radusergroup"] += wanted.groups
            gone["radcheck"] += wanted.rejects
            gone["radreply"] += wanted.marks
            if wanted.new_group is not None:
                groups.append((login, wanted.new_group))
            if wanted.is_new_reject:
                rejects.append(login)
            if wanted.new_mark is not None:
                marks.append((login, str(wanted.new_mark)))
        for table, rows in gone.items():
            if rows:
                self._run(f"DELETE FROM {table} WHERE id = ANY(%s)", rows)  # noqa: S608 - our own three names
        if groups:
            self._run(_ADD_GROUPS, self._priority, *map(list, zip(*groups, strict=True)))
        if rejects:
            self._run(_ADD_REJECTS, rejects)
        if marks:
            self._run(_ADD_MARKS, *map(list, zip(*marks, strict=True)))

    def close(self, sessions: Collection[int]) -> None:
        """End sessions of which the NAS knows nothing; without the right to it they stay."""
        try:
            self._run(_CLOSE, list(sessions))
        except sql_errors.InsufficientPrivilege as error:
            logger.warning("ghosts stay in radacct: %s", error)

    def without_rows(self, names: Collection[str]) -> set[str]:
        """Return the groups that neither check nor reply anything: their members would pass freely."""
        return set(names) - {name for (name,) in self._run(_WITH_ROWS, {"names": list(names)})}

    def counts(self) -> tuple[int, int, int, int]:
        """Count logins in our groups, live sessions, those without Class, and the NASes that have any."""
        restricted = [name for access, name in self._groups.items() if access != "open"]
        logins, sessions, unmarked, nases = self._run(_COUNTS, restricted)[0]
        return logins, sessions, unmarked, nases

    def nases(self, limit: int) -> list[str]:
        """Return addresses of NASes that have live sessions."""
        return [address for (address,) in self._run(_NASES, limit)]

    def epoch(self) -> str:
        """Return what changes when the table of groups is made anew, emptied or restored."""
        return str(self._run(_EPOCH)[0][0])

    def _run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        given = values[0] if len(values) == 1 and isinstance(values[0], dict) else values
        found = self._connection.execute(statement, given or None)
        return found.fetchall() if found.description else []


@contextmanager
def opened(
    groups: Mapping[Access, str], priority: int, *, timeout_s: float, **address: Any
) -> Iterator[Tables]:
    """Connect to the tables; `address` are keywords of libpq. Raises GateError with the database's words."""
    limit_ms = int(timeout_s * 1000)
    try:
        with psycopg.connect(
            **address,
            autocommit=True,
            connect_timeout=max(int(timeout_s), 1),
            application_name="linecard-gate",
            options=f"-c statement_timeout={limit_ms} -c lock_timeout={limit_ms}",
        ) as connection:
            yield Tables(connection, groups, priority)
    except psycopg.Error as error:
        raise _gate_error(error) from error


def _gate_error(error: psycopg.Error) -> GateError:
    words = " ".join(str(error).split())
    if isinstance(error, sql_errors.InsufficientPrivilege):
        return GateMisconfigured(f"the database user lacks a right: {words}")
    if isinstance(error, sql_errors.UndefinedTable | sql_errors.UndefinedColumn):
        return GateMisconfigured(f"this is not the stock schema of FreeRADIUS: {words}")
    if isinstance(error, psycopg.OperationalError):
        refused = ("authentication failed", "no password supplied", "does not exist", "pg_hba.conf")
        kind = GateMisconfigured if any(phrase in words for phrase in refused) else GateUnreachable
        return kind(f"the RADIUS database: {words}")
    return GateRefused(f"the RADIUS database: {words}")

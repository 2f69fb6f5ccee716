"""FreeRADIUS as a gate: a group for the next login, RFC 5176 for the live session.

The stock SQL tables say what the next Access-Accept carries; the NAS of a live session is asked to end it
(Disconnect-Request) or to change it in place (CoA-Request). A session begins under the access of its login
and is left alone while that is the wanted one.
"""

import ipaddress
import logging
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager

from gates import radius_client, radius_sql, radius_state
from gates.contract import Access, Finding, LineAccess, Outcome, PortRef
from gates.radius_client import Answer, Nas, Question
from gates.radius_packet import CAUSES, PASSING_CAUSES, SESSION_NOT_FOUND, Code, Kind
from gates.radius_settings import RadiusSettings
from gates.radius_state import Held, Session

logger = logging.getLogger(__name__)

# By login: what went wrong, and whether a person must mend it.
Faults = dict[str, tuple[str, bool]]
# How many NASes `check` asks for a session that nobody has.
_TRIED = 8
_NOBODY = b"linecard-check"


class RadiusGate:
    """Writes a batch of logins in one transaction, then asks the NASes of their live sessions."""

    def __init__(self, settings: RadiusSettings | None = None) -> None:
        self.settings = settings or RadiusSettings()
        self._is_in_place = self.settings.live == "coa"
        self._nases: dict[str, Nas | None] = {}

    def apply(self, wanted: Mapping[LineAccess, Access]) -> dict[int, Outcome]:
        """Write the groups, all or nothing, then end or change sessions that began under another access."""
        logins, outcomes = _by_login(wanted)
        if not logins:
            return outcomes
        with self._tables() as tables:
            bare = tables.without_rows(self._needed([*logins.values(), "notice"]))
            groups = self._groups(bare)
            held, faults = self._write(tables, logins, groups, bare)
            told, ghosts = self._tell(
                {login: found for login, found in held.items() if login not in faults}, logins, groups
            )
            if ghosts and self.settings.ghosts == "close":
                tables.close(ghosts)
        faults |= told
        for line, access in wanted.items():
            if line.line_id not in outcomes:
                error, needs_person = faults.get(line.login, (None, False))
                outcomes[line.line_id] = Outcome(line.line_id, None if error else access, error, needs_person)
        return outcomes

    def _write(
        self,
        tables: radius_sql.Tables,
        logins: Mapping[str, Access],
        groups: Mapping[Access, str],
        bare: Collection[str],
    ) -> tuple[dict[str, Held], Faults]:
        """Write what is wanted in one transaction; return what was before, and the logins left out."""
        by_reject = self.settings.closed_by == "reject"
        faults, changes = {}, {}
        with tables.batch() as now_s:
            held = tables.held(logins, is_notice_bare="notice" not in groups)
            for login, access in logins.items():
                if words := self._refusal(held[login], access, bare):
                    faults[login] = (words, True)
                elif change := radius_state.change(
                    held[login], access, groups, by_reject=by_reject, now_s=now_s
                ):
                    changes[login] = change
            tables.write(changes)
        return held, faults

    def read(self, lines: Iterable[LineAccess]) -> dict[int, Access | None]:
        """Look up the group of each login and what its live sessions began under; None without a login."""
        lines = list(lines)
        with self._tables() as tables:
            groups = self._groups(tables.without_rows(self._needed(["notice"])))
            logins = {line.login for line in lines if line.login}
            held = tables.held(logins, is_notice_bare="notice" not in groups)
        heard_after_s = time.time() - self.settings.silent_s
        return {
            line.line_id: held[line.login].seen(
                heard_after_s=heard_after_s, is_changed_in_place=self._is_in_place
            )
            if line.login
            else None
            for line in lines
        }

    def epoch(self) -> str | None:
        """Return what changes when the tables are restored or emptied."""
        with self._tables() as tables:
            return tables.epoch()

    def held(self) -> Mapping[str, Access] | None:
        """Return every login the tables restrict for us: by a group of ours, or rejected with our mark."""
        with self._tables() as tables:
            return tables.restricted()

    def check(self, ports: Sequence[PortRef] = ()) -> list[Finding]:
        """Count what the tables hold, and ask some NASes to end a session that nobody has.

        The answer "no such session" proves the secret both ways; nothing else can come of it.
        """
        with self._tables() as tables:
            logins, sessions, unmarked, nases = tables.counts()
            bare = tables.without_rows(self._needed(self.settings.groups))
            tried = tables.nases(_TRIED)
        live = f"{sessions} sessions are live on {nases} NASes, {unmarked} of them without Class"
        found = [Finding(f"The tables answer; {logins} logins are restricted, {live}")]
        if bare:
            words = f"No reply or check is set for: {', '.join(sorted(bare))}"
            found.append(Finding(words, is_good=False, advice="say it in radgroupreply"))
        return found + self._try(tried)

    def _try(self, addresses: Iterable[str]) -> list[Finding]:
        found, questions = [], []
        for address in addresses if self.settings.live != "leave" else ():
            nas = self._nas(address)
            if nas is None:
                words = f"No secret is set for NAS {address}"
                found.append(Finding(words, is_good=False, advice="add a line for it to the gate's secrets"))
            else:
                nobody = [(Kind.USER_NAME, _NOBODY), (Kind.ACCT_SESSION_ID, _NOBODY), _timestamp()]
                questions.append(Question(nas, Code.DISCONNECT_REQUEST, nobody))
        for question, answer in zip(questions, self._ask(questions), strict=True):
            said = "answers" if (is_good := _is_ghost(answer)) else _words(answer)
            advice = "" if is_good else "see that it listens, with this secret, and lets this machine in"
            found.append(Finding(f"NAS {question.nas.host}: {said}", is_good, advice))
        return found

    def _tell(
        self, held: Mapping[str, Held], wanted: Mapping[str, Access], groups: Mapping[Access, str]
    ) -> tuple[Faults, list[int]]:
        """Ask the NASes; return what went wrong by login, and the sessions that are not there any more."""
        faults: Faults = {}
        asked: list[tuple[str, Session]] = []
        questions: list[Question] = []
        for login, found in held.items():
            if self.settings.live == "leave":
                continue
            access = wanted[login]
            group = groups.get(access, "") if self._is_in_place and access != "closed" else ""
            for session in radius_state.to_tell(
                found, access, is_changed_in_place=self._is_in_place, is_named=bool(group)
            ):
                nas = self._nas(session.nas)
                if nas is None:
                    faults[login] = (f"no secret is set for NAS {session.nas} of its live session", True)
                else:
                    asked.append((login, session))
                    questions.append(self._question(nas, login, session, group))
        ghosts = []
        for (login, session), answer in zip(asked, self._ask(questions), strict=True):
            if _is_ghost(answer):
                ghosts.append(session.id)
                logger.info("NAS %s knows no session %s of %s: gone", session.nas, session.session_id, login)
            elif answer.packet is None or answer.packet.code not in (Code.DISCONNECT_ACK, Code.COA_ACK):
                said = f"NAS {session.nas}: {_words(answer)}"
                fate = "goes on" if answer.packet else "is not known"
                what = "its live session" if answer.packet else "what became of its live session"
                words = f"the next login is set, but {what} {fate}: {said}"
                faults[login] = (words, _needs_person(answer))
        return faults, ghosts

    def _question(self, nas: Nas, login: str, session: Session, group: str) -> Question:
        """Name the session by what every NAS knows of it (RFC 5176 3); in place, name its group too.

        Without a group to name there is no change in place: the session is asked to end.
        """
        address = ipaddress.ip_address(session.nas)
        attributes = [
            (Kind.USER_NAME, login.encode()),
            (Kind.NAS_IP_ADDRESS if address.version == 4 else Kind.NAS_IPV6_ADDRESS, address.packed),
            (Kind.ACCT_SESSION_ID, session.session_id.encode()),
            _timestamp(),
        ]
        if session.framed and ":" not in session.framed:
            attributes.append((Kind.FRAMED_IP_ADDRESS, ipaddress.ip_address(session.framed).packed))
        if group:
            return Question(nas, Code.COA_REQUEST, [*attributes, (Kind.FILTER_ID, group.encode())])
        return Question(nas, Code.DISCONNECT_REQUEST, attributes)

    def _ask(self, questions: list[Question]) -> list[Answer]:
        return radius_client.ask(questions, timeout_s=self.settings.timeout_s, tries=self.settings.tries)

    def _nas(self, address: str) -> Nas | None:
        if address not in self._nases:
            self._nases[address] = self.settings.nas(address)
        return self._nases[address]

    def _groups(self, bare: Collection[str]) -> dict[Access, str]:
        """Return the groups logins are put into; a notice whose group has no rows is led elsewhere.

        A login in such a group could lose what the groups of its plan reply.
        """
        groups = self.settings.groups
        return {access: name for access, name in groups.items() if access != "notice" or name not in bare}

    def _needed(self, accesses: Iterable[Access]) -> set[str]:
        """Return the groups that must restrict somebody: without any row they would let everybody pass."""
        by_reject = {"closed"} if self.settings.closed_by == "reject" else set()
        return {self.settings.groups[access] for access in set(accesses) - {"open"} - by_reject}

    def _refusal(self, held: Held, access: Access, bare: Collection[str]) -> str:
        if access != "closed" and held.is_reject_foreign:
            return "somebody else rejects this login: Auth-Type := Reject in radcheck is not ours"
        name = "" if access == "notice" else self.settings.groups.get(access, "")
        return f"the group {name} has no rows: its members would pass freely" if name in bare else ""

    def _tables(self) -> AbstractContextManager[radius_sql.Tables]:
        now = self.settings
        return radius_sql.opened(
            now.groups,
            now.priority,
            timeout_s=max(now.timeout_s * now.tries, 5),
            host=now.host,
            port=now.port,
            dbname=now.database,
            user=now.user,
            password=now.password.get_secret_value(),
            sslmode=now.tls,
        )


def _by_login(wanted: Mapping[LineAccess, Access]) -> tuple[dict[str, Access], dict[int, Outcome]]:
    """Return what is wanted of each login, and the outcome of lines that have none, or none of their own."""
    times = Counter(line.login for line in wanted)
    logins, outcomes = {}, {}
    for line, access in wanted.items():
        if line.login and times[line.login] == 1:
            logins[line.login] = access
            continue
        outcomes[line.line_id] = (
            Outcome(line.line_id, None, "several lines have this login", needs_person=True)
            if line.login
            else Outcome(line.line_id, access, is_bare=True)
        )
    return logins, outcomes


def _timestamp() -> tuple[int, bytes]:
    return Kind.EVENT_TIMESTAMP, int(time.time()).to_bytes(4, "big")


def _is_ghost(answer: Answer) -> bool:
    return answer.packet is not None and answer.packet.whole(Kind.ERROR_CAUSE) == SESSION_NOT_FOUND


def _needs_person(answer: Answer) -> bool:
    cause = answer.packet.whole(Kind.ERROR_CAUSE) if answer.packet else None
    return answer.packet is not None and cause not in PASSING_CAUSES


def _words(answer: Answer) -> str:
    if answer.packet is None:
        return answer.words
    cause = answer.packet.whole(Kind.ERROR_CAUSE)
    if cause is None:
        return "it refuses and does not say why"
    return f"{CAUSES.get(cause, 'it refuses')} (Error-Cause {cause})"

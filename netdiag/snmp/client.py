"""Ask an agent: get, walk, columns of a table, set; bounded, safe from many threads and after a fork.

A job is one thread, one connected UDP socket and pysnmp's message classes. The socket being its own, the
kernel tells refusal from silence and drops other senders' datagrams; nothing is shared between threads
or with a parent process but the cache of SNMPv3 engines; and an answer that has arrived is read even if
the machine was too busy to look for longer than the time-out, so a living agent is never called silent.
"""

import contextlib
import errno
import secrets
import socket
import time
from collections.abc import Iterator, Sequence

from netdiag import errors
from netdiag.snmp import message, security
from netdiag.snmp.message import Pdu, Value
from netdiag.snmp.target import SnmpTarget

GET_DEADLINE_S = 10.0
WALK_DEADLINE_S = 20.0
_GET_BATCH = 24
_BULK_VALUES = 60
_RESYNCS = 4
_IP_RECVERR, _IPV6_RECVERR = 11, 25


def get(target: SnmpTarget, *oids: str, deadline_s: float = GET_DEADLINE_S) -> dict[str, Value | None]:
    """Read single values; None where the agent has no such object. Raises SnmpFailed, BadAddress."""
    wanted = [message.check_oid(oid) for oid in oids]
    found: dict[str, Value | None] = {}
    with _open(target, deadline_s) as job:
        for start in range(0, len(wanted), _GET_BATCH):
            found.update(job.get(wanted[start : start + _GET_BATCH]))
    return found


def walk(
    target: SnmpTarget, base: str, *, max_rows: int = 10_000, deadline_s: float = WALK_DEADLINE_S
) -> list[tuple[str, Value]]:
    """Read everything under `base`, at most `max_rows` values, in the agent's order of OIDs.

    Raises SnmpSilent when the agent falls silent or `deadline_s` is over: half a table is no table.
    """
    plain = message.check_oid(base)
    rows = columns(target, [plain], max_rows=max_rows, deadline_s=deadline_s)
    return [(f"{plain}.{index}", values[plain]) for index, values in rows.items()]


def columns(
    target: SnmpTarget,
    bases: Sequence[str],
    *,
    max_rows: int = 10_000,
    deadline_s: float = WALK_DEADLINE_S,
) -> dict[str, dict[str, Value]]:
    """Read columns of a table side by side: row index -> column -> value. Raises SnmpFailed."""
    plain = [message.check_oid(base) for base in bases]
    with _open(target, deadline_s) as job:
        return job.columns(plain, max_rows)


def set_integer(
    target: SnmpTarget, oid: str, value: int, *, deadline_s: float = GET_DEADLINE_S
) -> int | None:
    """Set an INTEGER object and return what the agent acknowledged; raises SnmpFailed, BadAddress."""
    plain = message.check_oid(oid)
    with _open(target, deadline_s) as job:
        answer = job.ask(Pdu("set", _request_id(), ((plain, value),)))
    if answer.error_status:
        name = message.status_name(answer.error_status)
        # v1 has no other word for an object that may not be written.
        if answer.error_status in message.DENIALS or answer.error_status == message.NO_SUCH_NAME:
            raise errors.SnmpDenied(f"{target.host} does not allow setting {plain}: {name}")
        raise errors.SnmpBroken(f"{target.host} refused {value} for {plain}: {name}")
    acknowledged = answer.bindings[0][1] if answer.bindings else None
    return acknowledged if isinstance(acknowledged, int) else None


@contextlib.contextmanager
def _open(target: SnmpTarget, deadline_s: float) -> Iterator["_Job"]:
    try:
        info = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_DGRAM)[0]
    except (socket.gaierror, UnicodeError):
        raise errors.BadAddress(f"{target.host!r} is not an address") from None
    with socket.socket(info[0], info[1]) as sock:
        if info[0] == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        job = _Job(target, sock, time.monotonic() + deadline_s)
        with job.words():
            sock.connect(info[4])
        yield job


def _request_id() -> int:
    return secrets.randbelow(0x7FFFFFFF)


class _Job:
    """One conversation with one agent, over when its deadline is."""

    def __init__(self, target: SnmpTarget, sock: socket.socket, deadline: float) -> None:
        self._target = target
        self._socket = sock
        self._deadline = deadline
        self._security = security.choose(target)
        self._garbage = ""

    @contextlib.contextmanager
    def words(self) -> Iterator[None]:
        """Turn the kernel's word about the other end into ours."""
        where = f"{self._target.host}:{self._target.port}"
        try:
            yield
        except ConnectionRefusedError:
            raise errors.SnmpRefused(f"{where} refuses: nobody listens there") from None
        except TimeoutError:
            raise
        except OSError as fault:
            if fault.errno in {errno.EHOSTUNREACH, errno.ENETUNREACH}:
                raise errors.SnmpSilent(f"No answer from {where}: {fault.strerror}") from None
            raise errors.SnmpFailed(f"{where}: {fault.strerror}") from fault

    def ask(self, pdu: Pdu) -> Pdu:
        """Send a request until it is answered, as often as the target allows."""
        sends, resyncs = 0, 0
        while sends <= self._target.retries:
            with self.words():
                self._socket.send(self._security.wrap(pdu))
            try:
                answer = self._await(pdu.request_id)
            except security.Resync:
                resyncs += 1
                if resyncs > _RESYNCS:
                    raise errors.SnmpBroken(f"{self._target.host} keeps changing its SNMPv3 clock") from None
                continue
            if answer is not None:
                return answer
            if time.monotonic() >= self._deadline:
                break
            sends += 1
        raise self._silence()

    def _await(self, request_id: int) -> Pdu | None:
        """Wait for the answer with this id; None when the time-out is over."""
        until = min(time.monotonic() + self._target.timeout_s, self._deadline)
        while True:
            # Even with nothing left the socket is looked at once: the answer may be there already.
            self._socket.settimeout(max(until - time.monotonic(), 0.0005))
            try:
                with self.words():
                    wire = self._socket.recv(65535)
            except TimeoutError:
                return None
            try:
                pdu = self._security.unwrap(wire)
            except message.Garbage as fault:
                self._garbage = str(fault)
                continue
            if pdu.kind == "response" and pdu.request_id == request_id:
                return pdu

    def _says_hello(self) -> bool:
        """Tell a dead agent from one that drops what it cannot decrypt, as Net-SNMP does."""
        hello = self._security.hello()
        if hello is None:
            return False
        try:
            with self.words():
                self._socket.send(hello)
            self._await(-1)
        except security.Resync:
            return True
        except errors.SnmpFailed:
            return False
        return False

    def _silence(self) -> errors.SnmpFailed:
        where = f"{self._target.host}:{self._target.port}"
        if self._garbage:
            return errors.SnmpBroken(f"{where} answers, but not as SNMP should: {self._garbage}")
        if self._target.version == "3":
            if self._target.priv_protocol and self._says_hello():
                return errors.SnmpDenied(
                    f"{where} answers SNMPv3, but not this user's encrypted requests: "
                    "the privacy key or protocol is wrong"
                )
            return errors.SnmpSilent(f"No answer from {where} (SNMPv3)")
        return errors.SnmpSilent(
            f"No answer from {where}: silent, filtered, or the community is wrong "
            f"(SNMP v{self._target.version} cannot tell these apart)"
        )

    def get(self, oids: list[str]) -> dict[str, Value | None]:
        """Read single values; splits what is too big and what v1 refuses as a whole."""
        if not oids:
            return {}
        answer = self.ask(Pdu("get", _request_id(), tuple((oid, None) for oid in oids)))
        if answer.error_status == 0:
            return self._match(oids, answer)
        if answer.error_status == message.TOO_BIG and len(oids) > 1:
            half = len(oids) // 2
            return self.get(oids[:half]) | self.get(oids[half:])
        if answer.error_status == message.NO_SUCH_NAME and 1 <= answer.error_index <= len(oids):
            missing = oids[answer.error_index - 1]
            return self.get([oid for oid in oids if oid != missing]) | {missing: None}
        raise self._fault(answer)

    def _match(self, oids: list[str], answer: Pdu) -> dict[str, Value | None]:
        found = dict(answer.bindings)
        if any(oid not in found for oid in oids):
            raise errors.SnmpBroken(f"{self._target.host} answered other objects than asked for")
        return {oid: found[oid] for oid in oids}

    def _fault(self, answer: Pdu) -> errors.SnmpFailed:
        name = message.status_name(answer.error_status)
        if answer.error_status in message.DENIALS:
            return errors.SnmpDenied(f"{self._target.host} denies access: {name}")
        return errors.SnmpBroken(f"{self._target.host} reports {name}")

    def columns(self, bases: list[str], max_rows: int) -> dict[str, dict[str, Value]]:
        """Read columns side by side until each has ended or `max_rows` rows are there."""
        rows: dict[str, dict[str, Value]] = {}
        cursors = {base: base for base in bases}
        repetitions = max(1, _BULK_VALUES // max(1, len(bases)))
        while cursors and len(rows) < max_rows:
            active = list(cursors)
            answer = self._next([cursors[base] for base in active], repetitions)
            if answer.error_status == message.TOO_BIG and repetitions > 1:
                repetitions //= 2
                continue
            if answer.error_status == message.NO_SUCH_NAME and 1 <= answer.error_index <= len(active):
                del cursors[active[answer.error_index - 1]]
                continue
            if answer.error_status or not answer.bindings:
                raise self._fault(answer)
            self._fill(rows, cursors, active, answer)
        return dict(list(rows.items())[:max_rows])

    def _next(self, oids: list[str], repetitions: int) -> Pdu:
        bindings = tuple((oid, None) for oid in oids)
        if self._target.version == "1":
            return self.ask(Pdu("next", _request_id(), bindings))
        return self.ask(Pdu("bulk", _request_id(), bindings, max_repetitions=repetitions))

    def _fill(
        self, rows: dict[str, dict[str, Value]], cursors: dict[str, str], active: list[str], answer: Pdu
    ) -> None:
        for position, (oid, value) in enumerate(answer.bindings):
            base = active[position % len(active)]
            if base not in cursors:
                continue
            if value is None or not oid.startswith(base + "."):
                del cursors[base]
                continue
            if message.oid_tuple(oid) <= message.oid_tuple(cursors[base]):
                raise errors.SnmpBroken(f"{self._target.host} walks in circles at {oid}")
            cursors[base] = oid
            rows.setdefault(oid[len(base) + 1 :], {})[base] = value

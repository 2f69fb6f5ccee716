"""The database: one metadata, one door for commits, reading that cannot write."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg.errors
import structlog
from sqlalchemy import MetaData, create_engine, event, exc, text
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import DeclarativeBase, Session

from core import errors

log = structlog.get_logger()

# SQLAlchemy's code for "asked on, although the connection was lost and nothing was rolled back yet".
_ASKED_ON = "8s2b"
_AFTER_COMMIT = "linecard.after_commit"
_RESTED = "linecard.rested_since"
_TRUSTED_S = 2.0
# Through a wire that was cut for minutes TCP asks again only every two minutes: who waits for an answer there
# waits on after it is mended. So a connection that is not heard for 20 s (milliseconds, seconds) is given up.
_NOTICES_A_DEAD_WIRE = {
    "tcp_user_timeout": 20_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
}
_PICTURE: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


class Base(DeclarativeBase):
    """What every table of the product is declared on."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def engine_of(url: str, *, pool_size: int = 8, application_name: str = "linecard") -> Engine:
    """Make an engine for a PostgreSQL URL; every session runs in UTC and gives up a lock after 10 s."""
    plain = url.replace("postgres://", "postgresql://", 1).replace(
        "postgresql://", "postgresql+psycopg://", 1
    )
    engine = create_engine(
        plain,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_recycle=1800,
        native_inet_types=False,  # the models say text, and templates and JSON take nothing else
        connect_args={
            "connect_timeout": 5,
            "application_name": application_name,
            **_NOTICES_A_DEAD_WIRE,
            # Compiling a statement costs a second where it saves none: our queries are short.
            "options": "-c timezone=UTC -c jit=off -c lock_timeout=10000"
            " -c idle_in_transaction_session_timeout=60000",
        },
    )
    _ask_rested(engine)
    return engine


def _ask_rested(engine: Engine) -> None:
    """Ask a connection that rested in the pool whether it still lives; the pool then makes a new one.

    As pool_pre_ping, but not of one that answered a moment ago: a busy page takes three of them.
    """

    @event.listens_for(engine, "checkin")
    def rest(_connection: Any, record: Any) -> None:
        record.info[_RESTED] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ask(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get(_RESTED, time.monotonic()) < _TRUSTED_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except psycopg.Error as error:
            raise exc.DisconnectionError from error


class Database:
    """Hands out sessions: `transaction()` commits, `reading()` cannot write. Nobody else commits."""

    def __init__(self, bind: Engine | Connection) -> None:
        self.bind = bind
        # Inside a caller's transaction (a test's) the level is set already and cannot change.
        self._reads = self._glances = None
        if isinstance(bind, Engine):
            self._reads = bind.execution_options(**_PICTURE)
            self._glances = bind.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Run one use-case: commit at the end, roll back on any error.

        Raises Overtaken for a unique violation (with the constraint's name), Unavailable when the database
        does not answer or a lock was not had in time. Calls left with after_commit() run after the commit;
        their failure is logged and harms nothing.
        """
        with self._session() as session:
            try:
                with _translated():
                    yield session
                    session.commit()
            except BaseException:
                session.rollback()
                raise
            calls: list[Callable[[], object]] = session.info.pop(_AFTER_COMMIT, [])
        for call in calls:
            try:
                call()
            except Exception:
                log.warning("after_commit_failed", exc_info=True)

    @contextmanager
    def rehearsal(self) -> Iterator[Session]:
        """Do what a use-case would do, look at it, and have it all undone: nothing of it is committed."""
        with self._session() as session:
            try:
                with _translated():
                    yield session
            finally:
                session.expunge_all()
                session.rollback()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Read one consistent picture; PostgreSQL itself refuses any write."""
        with self._session(self._reads) as session:
            try:
                with _translated():
                    if self._reads is None:
                        session.execute(text("SET TRANSACTION READ ONLY"))
                    yield session
            finally:
                session.expunge_all()  # a rollback would empty the objects that were read
                session.rollback()

    @contextmanager
    def glance(self) -> Iterator[Session]:
        """Ask one question outside any transaction: a third of the way of reading(), for every request's own.

        Nothing but a SELECT may be asked; a test holds who may call it.
        """
        with self._session(self._glances) as session, _translated():
            yield session

    @contextmanager
    def _session(self, bind: Engine | None = None) -> Iterator[Session]:
        # create_savepoint lets a test hold the outer transaction while the code really commits.
        with Session(
            bind or self.bind, expire_on_commit=False, join_transaction_mode="create_savepoint"
        ) as session:
            yield session

    def dispose(self) -> None:
        """Close the pool: after a fork, and at the end."""
        if isinstance(self.bind, Engine):
            self.bind.dispose()


def after_commit(session: Session, call: Callable[[], object]) -> None:
    """Leave a call for after the commit: harmless to lose and to repeat. What must happen is a row."""
    session.info.setdefault(_AFTER_COMMIT, []).append(call)


def try_advisory_lock(session: Session, name: str) -> bool:
    """Take the transaction-wide lock called `name` if nobody has it; it ends with the transaction."""
    return bool(
        session.scalar(text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})
    )


def is_lost(error: Exception) -> bool:
    """Whether the error says that the connection is gone, and with it all of the transaction."""
    if isinstance(error, exc.DBAPIError):
        return error.connection_invalidated
    return isinstance(error, exc.PendingRollbackError) and error.code == _ASKED_ON


@contextmanager
def part(session: Session) -> Iterator[None]:
    """Run a part of a transaction that may fail alone: an error undoes the part, and nothing else."""
    with session.begin_nested():
        yield


@contextmanager
def tried(session: Session) -> Iterator[None]:
    """Run a part of a transaction to see what comes of it; the part is undone, whatever comes."""
    savepoint = session.begin_nested()
    try:
        yield
    finally:
        savepoint.rollback()


@contextmanager
def unprepared(session: Session) -> Iterator[None]:
    """Have each statement planned for its own values and the tables as they are now; no plan is kept."""
    connection: Any = session.connection().connection.driver_connection
    kept, connection.prepare_threshold = connection.prepare_threshold, None
    try:
        yield
    finally:
        connection.prepare_threshold = kept


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the driver's errors into ours."""
    try:
        yield
    except exc.IntegrityError as error:
        raise _conflict(error) from error
    except exc.DBAPIError as error:
        raise _unavailable(error) from error
    except exc.PendingRollbackError as error:
        if not is_lost(error):
            raise
        raise _unanswered() from error
    except exc.TimeoutError as error:
        raise errors.Unavailable("All database connections are in use; try again in a moment") from error


def _conflict(error: exc.IntegrityError) -> Exception:
    cause = error.orig
    if isinstance(cause, (psycopg.errors.UniqueViolation, psycopg.errors.ExclusionViolation)):
        return errors.Overtaken("This exists already", cause.diag.constraint_name)
    return error


def _unavailable(error: exc.DBAPIError) -> Exception:
    cause: Any = error.orig
    waited = (
        psycopg.errors.LockNotAvailable,
        psycopg.errors.DeadlockDetected,
        psycopg.errors.SerializationFailure,
    )
    if isinstance(cause, waited):
        return errors.Unavailable("Somebody else is changing the same record; try again")
    if error.connection_invalidated or isinstance(error, (exc.OperationalError, exc.InterfaceError)):
        return _unanswered()
    return error


def _unanswered() -> errors.Unavailable:
    return errors.Unavailable("The database does not answer; try again in a moment")

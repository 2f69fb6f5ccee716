"""Fixtures for everybody: what the machine must have, real throwaway servers, settings."""

import fcntl
import gc
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import coverage
import pytest
import structlog
from xdist.scheduler.loadscope import LoadScopeScheduling

from core import secrets
from core.settings import Settings

ROOT = Path(__file__).parents[1]
IS_STRICT = os.environ.get("REQUIRE") == "all"

CHROMIUM = ("chromium-headless-shell", "chromium", "chromium-browser")
_RADIUS_SCHEMA = Path("/etc/freeradius/3.0/mods-config/sql/main/postgresql/schema.sql")
_NEEDS: dict[str, tuple[str, Callable[[], bool]]] = {
    "root": ("root", lambda: os.geteuid() == 0),
    "ip": ("ip (iproute2)", lambda: _has("ip")),
    "nft": ("nft (nftables)", lambda: _has("nft")),
    "sshd": ("sshd and ssh (OpenSSH)", lambda: _has("sshd") and _has("ssh")),
    "snmpd": ("snmpd and snmpget (Net-SNMP)", lambda: _has("snmpd") and _has("snmpget")),
    "freeradius": (
        "FreeRADIUS with PostgreSQL and radclient",
        lambda: _has("radclient") and _RADIUS_SCHEMA.exists(),
    ),
    "chromium": ("Chromium", lambda: any(map(_has, CHROMIUM))),
}
_LEFT_OUT = "left out: needs "


def _has(program: str) -> bool:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None


@pytest.fixture(scope="session")
def need() -> Callable[..., None]:
    """Leave the test out when the machine lacks something; fail instead under REQUIRE=all."""

    def check(*names: str) -> None:
        missing = [_NEEDS[name][0] for name in names if not _NEEDS[name][1]()]
        if missing and IS_STRICT:
            pytest.fail(f"this machine lacks {', '.join(missing)} and REQUIRE=all is set", pytrace=False)
        if missing:
            pytest.skip(f"{_LEFT_OUT}{', '.join(missing)}")

    return check


class _ByFile(LoadScopeScheduling):
    """Deal out files as a whole, for their module fixtures; those that use the laboratory to one worker.

    Tests marked `singly` share nothing: they are dealt out one by one. (xdist 3.8's own loadgroup does not
    group under pytest 9.2.)
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return {0: "product_lab", 3: nodeid}.get(_place(ROOT / path), path)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ByFile | None:
    """Take our own way of dealing out for `--dist loadfile`."""
    return _ByFile(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the laboratory, which takes longest, then the `early`; what goes singly fills the gaps at the end."""
    items.sort(key=lambda item: _place(item.path))


@cache
def _place(path: Path) -> int:
    words = path.read_text()
    if "product_lab" in words:
        return 0
    return 1 if "pytest.mark.early" in words else 3 if "pytest.mark.singly" in words else 2


def pytest_configure() -> None:
    """Log exceptions plainly, as the product does: with every local variable one takes seconds to write.

    And collect no garbage while modules are imported: a third of the time until the first test.
    """
    gc.disable()
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Look for garbage again, but no more among what was imported: that stays until the end."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Any:
    """Do not measure what is marked `unmeasured`: tracing costs half as much again as the test itself."""
    measuring = coverage.Coverage.current() if item.get_closest_marker("unmeasured") else None
    if measuring:
        measuring.stop()
    try:
        return (yield)
    finally:
        if measuring:
            measuring.start()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Under REQUIRE=all a skipped test, however it was skipped, is a failed one."""
    report = yield
    if IS_STRICT and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped and REQUIRE=all is set: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Any:
    """The same for a module that skips itself as a whole."""
    report = yield
    if IS_STRICT and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid} was skipped and REQUIRE=all is set: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say in one line what was left out."""
    reports = terminalreporter.stats.get("skipped", [])
    reasons = [str(report.longrepr[2] if isinstance(report.longrepr, tuple) else "") for report in reports]
    needs = ", ".join(reason.partition(_LEFT_OUT)[2] for reason in reasons if _LEFT_OUT in reason)
    lacking = sorted({need for need in needs.split(", ") if need})
    if lacking:
        number = sum(_LEFT_OUT in reason for reason in reasons)
        words = f"{number} tests left out: this machine lacks {', '.join(lacking)}"
        terminalreporter.write_line(words, yellow=True)
        if "LEFT_OUT" in os.environ:  # `make test` says it again at the end, and how to get it
            with Path(os.environ["LEFT_OUT"]).open("a") as file:
                file.write(f"{words}\n")


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Real PostgreSQL and Valkey, started by whoever asks first, shared by all workers of this run."""
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    base = tmp_path_factory.getbasetemp()
    folder = base.parent if is_worker else base
    state = folder / "servers.json"
    with (folder / "servers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not state.exists():
            _start_servers(state, os.getppid() if is_worker else os.getpid())
    found: dict[str, str] = json.loads(state.read_text())
    return found


def _start_servers(state: Path, pid: int) -> None:
    log = state.with_suffix(".log")
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "throwaway.py"), str(state), str(pid)],
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            start_new_session=True,
        )
    deadline = time.monotonic() + 60
    while not state.exists():
        if child.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"the throwaway servers did not start:\n{log.read_text()}", pytrace=False)
        time.sleep(0.02)
    child.returncode = 0  # it ends with the run; nobody waits for it


_names = count(1)


@pytest.fixture(scope="session")
def worker_number() -> int:
    """This pytest-xdist worker's number; 0 when there are none."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])


@pytest.fixture(scope="session")
def make_database(servers: dict[str, str], worker_number: int) -> Callable[[], str]:
    """Return a function that clones the migrated template and gives the clone's URL."""
    from linecard import migrate

    def make() -> str:
        name = f"t{worker_number}_{next(_names)}"
        migrate.create_database(servers["database"], name, "linecard_template")
        return servers["database"].replace("/linecard?", f"/{name}?")

    return make


@pytest.fixture(scope="session")
def postgres_url(make_database: Callable[[], str]) -> str:
    """Return the URL of this worker's own migrated database; keep it clean, or use fresh_database."""
    return make_database()


@pytest.fixture(scope="session")
def _engine(postgres_url: str) -> Iterator[Any]:
    from core import db

    engine = db.engine_of(postgres_url, application_name="linecard-tests")
    yield engine
    engine.dispose()


@pytest.fixture
def database(_engine: Any) -> Iterator[Any]:
    """Return a core.db.Database whose commits are real to the code and gone after the test.

    It is one connection: for threads, processes or several transactions at once use fresh_database.
    """
    from core import db

    with _engine.connect() as connection:
        outer = connection.begin()
        yield db.Database(connection)
        outer.rollback()


@pytest.fixture
def worker_database(_engine: Any) -> Any:
    """Return a core.db.Database on the worker's own database, for rehearsals: each a transaction, undone."""
    from core import db

    return db.Database(_engine)


@pytest.fixture
def session(database: Any) -> Iterator[Any]:
    """Return a session inside `database.transaction()`, for tests that call domain functions directly."""
    with database.transaction() as session:
        yield session


@pytest.fixture
def fresh_url(make_database: Callable[[], str], servers: dict[str, str]) -> Iterator[str]:
    """Return the URL of a migrated database of this test's own, for other processes to use."""
    from linecard import migrate

    url = make_database()
    yield url
    migrate.drop_database(servers["database"], url.partition("@/")[2].partition("?")[0])


@pytest.fixture
def fresh_database(fresh_url: str) -> Iterator[Any]:
    """Return a core.db.Database on a database of this test's own: many connections, real commits."""
    from core import db

    made = db.Database(db.engine_of(fresh_url, application_name="linecard-tests"))
    yield made
    made.dispose()


@pytest.fixture
def redis_url(servers: dict[str, str], worker_number: int) -> str:
    """Return the redis-py URL of this worker's own database on a real Valkey, empty at the beginning.

    The broker's database (tasks.celery_app.broker_url: number + 8) is emptied with it.
    """
    import redis

    url = servers["queue"].replace("db=0", f"db={worker_number}")
    for number in (worker_number, worker_number + 8):
        with redis.Redis.from_url(servers["queue"].replace("db=0", f"db={number}")) as client:
            client.flushdb()
    return url


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[Any]:
    """Return a client of redis_url."""
    import redis

    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    """Return a function that builds valid settings: `make_settings(web={"port": 1}, cutoff={...})`."""

    def make(**sections: dict[str, Any]) -> Settings:
        tables: dict[str, dict[str, Any]] = {
            "web": {"secret_key": "x" * 43},
            "data": {"folder": str(tmp_path / "var")},
            "secrets": {"keys": [secrets.new_key()]},
        }
        for name, table in sections.items():
            tables[name] = {**tables.get(name, {}), **table}
        return Settings.model_validate(tables)

    return make


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """Return valid settings that name no server: enough for code that is given its database."""
    return make_settings()


@pytest.fixture
def server_settings(make_settings: Callable[..., Settings], fresh_url: str, redis_url: str) -> Settings:
    """Return settings that name a database of this test's own and the worker's queue."""
    return make_settings(data={"database_url": fresh_url, "queue_url": redis_url})


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return the running product with the demo ISP (tests.product.Product), one for each worker.

    All begin with copies of one seeded folder; a first start from nothing has a test of its own.
    """
    from tests import product

    base = tmp_path_factory.getbasetemp()
    seed = product.sown(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)
    with product.running(seed=seed) as made:
        yield made


@pytest.fixture(scope="session")
def product_lab(product: Any, need: Callable[..., None]) -> Any:
    """Return the running product, pointed at a laboratory of its own."""
    need("root", "ip", "nft", "snmpd")
    product.lab_up()
    return product

"""`linecard up`: the whole product on one machine, in the foreground, until Ctrl-C."""

import http.client
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from core import settings as settings_of
from core.settings import Settings
from linecard import embedded, lock, migrate, ports, probes, programs, seed, supervisor
from linecard.errors import StartError
from linecard.lock import Holder
from linecard.programs import BEAT, DEMO, GARDEN, PROBE, WEB, WORK

LEAST_FREE_BYTES = 100_000_000
ANSWERS_S = 90.0
STOP_ORDER = ((BEAT, WEB, GARDEN), (PROBE, probes.LAB_PROBE, WORK), (DEMO,), ("valkey",), ("postgresql",))


def run(settings: Settings, *, has_demo: bool = True) -> int:
    """Start everything, watch it, stop it in order; returns the exit code. Raises StartError."""
    data = settings.data.folder.absolute()
    embedded.make_folder(data)
    _check_disk(data)
    log_folder = data / "log"
    embedded.make_folder(log_folder)
    with lock.held(data, "`linecard up`") as held:
        ports.check_free(settings.web.host, settings.web.port)
        if settings.garden.is_on:
            ports.check_free(settings.garden.host, settings.garden.port, section="garden")
        os.umask(0o077)
        with supervisor.Supervisor(log_folder, keep_fds=(held.fileno(),)) as watcher:
            try:
                with _disk_in_words(data):
                    look = _start(settings, data, watcher, held, has_demo=has_demo)
                watcher.watch(look)
            except supervisor.Stopped:
                return 0
            finally:
                watcher.stop(STOP_ORDER)
    return 0


def _start(
    settings: Settings, data: Path, watcher: supervisor.Supervisor, held: IO[str], *, has_demo: bool
) -> Callable[[], None]:
    """Start the parts; return what is to be looked at from time to time while they run."""
    began = time.monotonic()
    address = f"http://{settings.web.host}:{settings.web.port}"
    urls = _start_servers(settings, data, watcher)
    lock.tell(held, Holder(os.getpid(), "`linecard up`", address, urls.database, urls.queue))
    _tell_children(data, urls)
    if _needs_migration(urls.database):
        watcher.say("Preparing the database ...")
        watcher.run(programs.command("migrate", "migrate"))
    is_demo = _make_demo(data, watcher) if has_demo else False
    prefix = probes.open_pocket(urls, watcher) if is_demo else []
    if is_demo:
        watcher.start(programs.demo_agents(prefix))
    watcher.start(
        programs.web(),
        *([programs.garden(settings)] if settings.garden.is_on else []),
        programs.worker(settings, PROBE, prefix),
        programs.worker(settings, WORK),
        programs.beat(settings),
    )
    lab = probes.LabWatch(settings, urls, watcher)
    lab.look()
    health = Health(settings)
    if watcher.wait_until(health.is_well, ANSWERS_S):
        watcher.say(f"\nLinecard is ready after {time.monotonic() - began:.1f} s:  {address}/")
    else:
        watcher.say(f"\nLinecard runs, but not every part answers yet ({health.said}):  {address}/")
        watcher.say("`linecard doctor` says what is wrong.")
    if settings.garden.is_on:
        watcher.say(f"The page for customers who are cut off:  {settings.garden.address}/")
    if is_demo:
        watcher.say(json.loads((data / seed.MARK).read_text())["words"])
    watcher.say(f"Data and logs: {data}    Stop: Ctrl-C\n")
    return lab.look


def _start_servers(settings: Settings, data: Path, watcher: supervisor.Supervisor) -> embedded.Urls:
    servers = embedded.Servers(data, embedded.configured(settings))
    for server, name, version in (
        (servers.postgres, "PostgreSQL", servers.postgres and servers.postgres.binaries.major),
        (servers.valkey, "Valkey", servers.valkey and ".".join(map(str, servers.valkey.binary.version))),
    ):
        if server:
            watcher.say(f"{name} {version} ({server.origin}) on a private socket")
    found = servers.prepare()
    watcher.start(*found)
    watcher.wait_ready(*(program.name for program in found))
    return servers.urls


def _tell_children(data: Path, urls: embedded.Urls) -> None:
    """Leave in the environment what the children must know; they read the same settings file."""
    os.environ["LINECARD_CONFIG"] = str(settings_of.path_of_file().absolute())
    os.environ["LINECARD_DATA__FOLDER"] = str(data)
    os.environ["LINECARD_DATA__DATABASE_URL"] = urls.database
    os.environ["LINECARD_DATA__QUEUE_URL"] = urls.queue
    os.environ["PYTHONUNBUFFERED"] = "1"


def _needs_migration(url: str) -> bool:
    try:
        return migrate.current(url) != migrate.heads()
    except migrate.DatabaseError as error:
        raise StartError(f"The database does not answer: {str(error).strip()}") from error


def _make_demo(data: Path, watcher: supervisor.Supervisor) -> bool:
    """Fill an empty database with the demo ISP, once; return whether this data folder's is the demo."""
    mark = data / seed.MARK
    if not mark.exists():
        watcher.say("Creating the demo ISP ...")
        watcher.run(programs.command("demo", "demo", "--if-empty", "--mark", str(mark)))
    return bool(json.loads(mark.read_text()).get("is_demo"))


class Health:
    """Asks the web server whether every part is up; remembers what it said."""

    def __init__(self, settings: Settings) -> None:
        host = settings.web.host
        self._host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
        self._port = settings.web.port
        self.said = "no answer"

    def is_well(self) -> bool:
        """Return whether /healthz answers 200."""
        line = http.client.HTTPConnection(self._host, self._port, timeout=3)
        try:
            line.request("GET", "/healthz")
            answer = line.getresponse()
            self.said = answer.read(500).decode(errors="replace").strip()
        except (OSError, http.client.HTTPException) as error:
            self.said = str(error)
            return False
        finally:
            line.close()
        return answer.status == http.client.OK


def _check_disk(data: Path) -> None:
    free = shutil.disk_usage(data).free
    if free < LEAST_FREE_BYTES:
        raise StartError(
            f"The disk is full: {free / 1e6:.0f} MB are left for {data}, at least "
            f"{LEAST_FREE_BYTES / 1e6:.0f} MB are needed. Free some space, or set another data.folder."
        )


@contextmanager
def _disk_in_words(data: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StartError(f"{error.filename or data}: {error.strerror}") from error

"""The servers the product runs itself: PostgreSQL and Valkey, on private unix sockets, no TCP port.

Order: a configured URL, a server installed on this machine, the one from the `embedded` extra.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from core.settings import Settings
from linecard import children, lock, postgres, valkey
from linecard.errors import StartError

# A unix socket's path has at most 107 bytes (unix(7)); the longest of ours is PostgreSQL's.
_PATH_LIMIT = 107
_LONGEST_NAME = "/pg/.s.PGSQL.5432.lock"


@dataclass(frozen=True)
class Urls:
    """Where the database and the queue are."""

    database: str = ""
    queue: str = ""


def run_folder(data: Path) -> Path:
    """Return the folder of the sockets: `run` in the data folder, or a short one elsewhere.

    Elsewhere when that path is too long, or leads through a folder of root's that the database's user
    cannot enter.
    """
    near = data.absolute() / "run"
    is_short = len(os.fsencode(f"{near}{_LONGEST_NAME}")) <= _PATH_LIMIT
    is_root = os.geteuid() == 0
    if is_short and (not is_root or not data.parent.exists() or postgres.anybody_may_enter(data.parent)):
        return near
    mark = hashlib.sha256(os.fsencode(data.absolute())).hexdigest()[:10]
    base = "/run" if is_root else os.environ.get("XDG_RUNTIME_DIR", "")
    if base and len(base) < 60 and os.access(base, os.W_OK):
        return Path(base) / f"linecard-{mark}"
    return Path(tempfile.gettempdir()) / f"linecard-{os.geteuid()}-{mark}"


def make_folder(folder: Path) -> None:
    """Make a folder of ours; as root the database's other user must be able to pass through it.

    Raises StartError when it is another user's: somebody may have made it before us to listen in.
    """
    mode = 0o711 if os.geteuid() == 0 else 0o700
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=mode)
        owner = folder.lstat().st_uid
        if owner != os.geteuid() or folder.is_symlink():
            raise StartError(
                f"{folder} belongs to {postgres.name_of(owner)}, but this is "
                f"{postgres.name_of(os.geteuid())}. Run as its owner, or choose another data.folder."
            )
        folder.chmod(mode)
    except PermissionError as error:
        raise StartError(
            f"{folder}: {postgres.name_of(os.geteuid())} may not write here. "
            "Choose another data.folder, or run as the folder's owner."
        ) from error
    except OSError as error:
        raise StartError(f"{folder}: {error.strerror}") from error


class Servers:
    """The servers of one data folder: those for which no URL is configured."""

    def __init__(self, data: Path, configured: Urls = Urls(), *, throwaway: bool = False) -> None:
        make_folder(data)
        run = run_folder(data)
        make_folder(run)
        self.postgres = self.valkey = None
        self.urls = configured
        if not configured.database:
            self.postgres = postgres.Postgres(data / "postgres", run / "pg", throwaway=throwaway)
            self.urls = replace(self.urls, database=self.postgres.url())
        if not configured.queue:
            self.valkey = valkey.Valkey(data / "queue", run / "queue.sock", throwaway=throwaway)
            self.urls = replace(self.urls, queue=self.valkey.url())

    def prepare(self) -> list[children.Program]:
        """Make their folders and return how to run them."""
        programs = []
        for server in (self.valkey, self.postgres):
            if server:
                server.prepare()
                programs.append(server.program())
        return programs


def configured(settings: Settings) -> Urls:
    """Return the URLs the settings name; empty where `linecard` is to run its own server."""
    given = settings.data
    return Urls(
        given.database_url.get_secret_value() if given.database_url else "",
        given.queue_url.get_secret_value() if given.queue_url else "",
    )


@contextmanager
def attached(settings: Settings, *, queue: bool = False) -> Iterator[Urls]:
    """Reach the database (and the queue) for a command: configured, of a running `up`, or run for the block.

    Raises StartError.
    """
    urls = configured(settings)
    if urls.database and (urls.queue or not queue):
        yield urls
        return
    data = settings.data.folder
    running = lock.holder(data)
    if running and running.database:
        yield Urls(running.database, running.queue)
        return
    make_folder(data)
    with lock.held(data, "a `linecard` command"):
        wanted = urls if queue else replace(urls, queue=urls.queue or "-")
        with serving(data, wanted) as served:
            yield served


@contextmanager
def serving(data: Path, configured: Urls = Urls(), *, throwaway: bool = False) -> Iterator[Urls]:
    """Run the servers for the length of a block; their output goes to `servers.log` in the data folder.

    They end with the calling thread whatever happens to it. Raises StartError.
    """
    servers = Servers(data, configured, throwaway=throwaway)
    with ExitStack() as stack:
        log = stack.enter_context((data / "servers.log").open("ab"))
        for program in servers.prepare():
            child = children.spawn(program, log)
            stack.callback(children.stop, child, program)
            if not children.wait_ready(child, program):
                raise StartError(f"{program.name} did not start; the last of its log:\n{_tail(data)}")
        yield servers.urls


@contextmanager
def throwaway() -> Iterator[Urls]:
    """Run both servers in a folder that is removed afterwards: for tests and benchmarks."""
    folder = Path(tempfile.mkdtemp(prefix="lc-"))
    try:
        with serving(folder, throwaway=True) as urls:
            yield urls
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tail(data: Path) -> str:
    lines = (data / "servers.log").read_text(errors="replace").splitlines()
    return "\n".join(lines[-15:])

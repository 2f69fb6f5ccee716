"""The servers the product runs itself: PostgreSQL and Valkey, on private unix sockets, no TCP port.

Order: a configured URL, a server installed on this machine, the one from the `embedded` extra.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from linecard import children, postgres, valkey
from linecard.errors import StartError

# A unix socket's path has at most 107 bytes (unix(7)); the longest of ours is PostgreSQL's.
_PATH_LIMIT = 107
_LONGEST_NAME = "/pg/.s.PGSQL.5432.lock"


@dataclass(frozen=True)
class Urls:
    """Where the database and the queue are."""

    database: str
    queue: str


def run_folder(data: Path) -> Path:
    """Return the folder of the sockets: `run` in the data folder, elsewhere if that path is too long."""
    near = data.absolute() / "run"
    if len(os.fsencode(f"{near}{_LONGEST_NAME}")) <= _PATH_LIMIT:
        return near
    mark = hashlib.sha256(os.fsencode(data.absolute())).hexdigest()[:10]
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base and os.geteuid() != 0 and len(base) < 60 and os.access(base, os.W_OK):
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
    """The pair for one data folder."""

    def __init__(self, data: Path, *, throwaway: bool = False) -> None:
        make_folder(data)
        run = run_folder(data)
        make_folder(run)
        self.postgres = postgres.Postgres(data / "postgres", run / "pg", throwaway=throwaway)
        self.valkey = valkey.Valkey(data / "queue", run / "queue.sock", throwaway=throwaway)

    @property
    def urls(self) -> Urls:
        """Where they answer."""
        return Urls(self.postgres.url(), self.valkey.url())


def redis_url_for_celery(url: str) -> str:
    """Turn a redis-py URL into the form Celery's transport takes: `redis+socket://` for a unix socket."""
    if not url.startswith("unix://"):
        return url
    path, _, query = url.removeprefix("unix://").partition("?")
    number = next((part[3:] for part in query.split("&") if part.startswith("db=")), "0")
    return f"redis+socket://{path}?virtual_host={number}"


@contextmanager
def serving(data: Path, *, throwaway: bool = False) -> Iterator[Urls]:
    """Run both servers for the length of a block; their output goes to `servers.log` in the data folder.

    They end with the calling thread whatever happens to it. Raises StartError.
    """
    servers = Servers(data, throwaway=throwaway)
    with ExitStack() as stack:
        log = stack.enter_context((data / "servers.log").open("ab"))
        for server in (servers.postgres, servers.valkey):
            server.prepare()
            program = server.program()
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

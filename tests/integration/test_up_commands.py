"""The commands of the shell on real servers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from core.db import Database
from linecard import embedded, init, lock, migrate
from linecard.errors import StartError
from registry import staff
from registry.models import AuditEvent

ROOT = Path(__file__).resolve().parents[2]


class Shell:
    """Runs the command with settings of its own."""

    def __init__(self, folder: Path, **environ: str) -> None:
        init.write(folder / "config.toml")
        own = {
            "PYTHONPATH": str(ROOT),
            "LINECARD_CONFIG": str(folder / "config.toml"),
            "LINECARD_DATA__FOLDER": str(folder / "var"),
        }
        self.environ = {**os.environ, **own, **environ}

    def run(self, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Run `linecard WORDS` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "linecard", *words],
            input=typed,
            capture_output=True,
            text=True,
            env=self.environ,
            timeout=60,
            check=False,
        )


@pytest.fixture
def shell(tmp_path: Path, fresh_url: str, redis_url: str) -> Shell:
    return Shell(tmp_path, LINECARD_DATA__DATABASE_URL=fresh_url, LINECARD_DATA__QUEUE_URL=redis_url)


def test_create_staff_adds_a_person_who_can_sign_in_and_leaves_a_line_of_history(
    shell: Shell, fresh_database: Database
) -> None:
    words = ("create-staff", "Ann", "--role", "administrator", "--name", "Ann Lee")
    done = shell.run(*words, typed="a long enough pass phrase\n")
    assert (done.returncode, done.stdout) == (0, "ann may sign in as administrator.\n"), done.stderr
    with fresh_database.reading() as session:
        ann = staff.find_by_login(session, "ann")
        assert ann
        assert staff.verify_password(ann, "a long enough pass phrase")
        line = session.scalars(select(AuditEvent)).one()
        assert (line.action, line.staff_name[:6]) == ("staff.created", "shell:")
    again = shell.run(*words, typed="a long enough pass phrase\n")
    assert again.returncode == 1
    assert "taken" in again.stderr


def test_create_staff_refuses_a_role_that_does_not_exist_and_a_short_password(shell: Shell) -> None:
    done = shell.run("create-staff", "bob", "--role", "king", typed="a long enough pass phrase\n")
    assert done.returncode == 1
    assert "There is no role king" in done.stderr
    assert "administrator" in done.stderr
    done = shell.run("create-staff", "bob", "--role", "noc", typed="x\n")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_migrate_goes_down_and_up_again(shell: Shell, fresh_url: str) -> None:
    assert migrate.current(fresh_url) == migrate.heads()
    assert shell.run("migrate", "--down", "base").returncode == 0
    assert migrate.current(fresh_url) == set()
    done = shell.run("migrate")
    assert done.returncode == 0, done.stderr
    assert migrate.current(fresh_url) == migrate.heads()


def test_the_cutoff_is_rehearsed_for_a_date_and_changes_nothing(shell: Shell) -> None:
    done = shell.run("cutoff", "--dry-run", "--date", "2026-11-22")
    assert done.returncode == 0, done.stderr
    assert "Night of 2026-11-22, rehearsed; nothing is changed." in done.stdout
    assert "0 cut, 0 let in" in done.stdout


def test_doctor_names_every_trouble_and_what_to_do(shell: Shell) -> None:
    done = shell.run("doctor")
    assert done.returncode == 1
    assert "ok      database    PostgreSQL" in done.stdout
    assert "ok      queue" in done.stdout
    assert "TROUBLE heartbeat   beat has never run: `linecard up`" in done.stdout
    assert "TROUBLE workers     nobody serves the queue work: start `linecard up`" in done.stdout
    assert "need attention" in done.stdout
    shell.run("migrate", "--down", "base")
    assert "TROUBLE schema      is not of this version: run `linecard migrate`" in shell.run("doctor").stdout


def test_doctor_tells_servers_that_do_not_answer(tmp_path: Path) -> None:
    shell = Shell(
        tmp_path,
        LINECARD_DATA__DATABASE_URL="postgresql://nobody@127.0.0.1:1/none",
        LINECARD_DATA__QUEUE_URL="redis://127.0.0.1:1/0",
    )
    done = shell.run("doctor")
    assert done.returncode == 1
    assert "TROUBLE database    does not answer" in done.stdout
    assert "TROUBLE queue       does not answer" in done.stdout


def test_a_command_uses_the_servers_of_whoever_holds_the_data_folder(
    make_settings: object, tmp_path: Path
) -> None:
    settings = make_settings(data={"folder": str(tmp_path)})  # type: ignore[operator]
    with lock.held(tmp_path, "a test") as held:
        lock.tell(held, lock.Holder(os.getpid(), "a test", "", "postgresql://there", "unix://there"))
        with embedded.attached(settings, queue=True) as urls:
            assert urls == embedded.Urls("postgresql://there", "unix://there")
    assert lock.holder(tmp_path) is None


def test_two_do_not_hold_one_data_folder(tmp_path: Path) -> None:
    with (
        lock.held(tmp_path, "`linecard up`"),
        pytest.raises(StartError, match=f"`linecard up` .process {os.getpid()}. already runs on"),
        lock.held(tmp_path, "another"),
    ):
        pass


def test_the_lock_s_file_is_read_by_its_owner_only_and_survives_rubbish(tmp_path: Path) -> None:
    (tmp_path / "up.lock").write_text("{rubbish")
    with lock.held(tmp_path, "a test") as held:
        assert json.loads((tmp_path / "up.lock").read_text())["pid"] == os.getpid()
        assert os.fstat(held.fileno()).st_mode & 0o077 == 0

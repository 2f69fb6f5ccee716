"""The command line: what there is, quick to start, and how faults are told."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.settings import Settings
from linecard import cli, doctor, embedded, migrate, programs, rights

COMMANDS = (
    "init",
    "up",
    "migrate",
    "demo",
    "doctor",
    "create-staff",
    "cutoff",
    "lab",
    "worker",
    "beat",
    "version",
)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert all(f"    {name}" in said for name in COMMANDS)


@pytest.mark.parametrize(
    "words", [[], ["cutoff"], ["create-staff", "ann"], ["worker", "web"], ["cutoff", "--date", "x"]]
)
def test_wrong_usage_ends_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2
    assert "usage: linecard" in capsys.readouterr().err


def test_a_missing_settings_file_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LINECARD_CONFIG", str(tmp_path / "config.toml"))
    assert cli.main(["up"]) == 1
    assert "`linecard init` writes one" in capsys.readouterr().err
    assert cli.main(["init"]) == 0
    assert cli.main(["init"]) == 1
    assert "exists and is left as it is" in capsys.readouterr().err


def test_the_command_starts_without_the_heavy_libraries() -> None:
    ask = (
        "import sys\nfrom linecard import cli\n"
        "try:\n cli.main(['--help'])\nexcept SystemExit: pass\n"
        "print([name for name in ('sqlalchemy', 'celery', 'flask', 'alembic', 'scapy', 'psycopg') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_probe_worker_serves_the_queues_of_its_pop_with_threads(settings: Settings) -> None:
    argv = programs.worker(settings, "probe", ["ip", "netns", "exec", "x"]).argv
    assert argv[:4] == ("ip", "netns", "exec", "x")
    assert "probe.core,gate.core" in argv
    assert argv[argv.index("-P") + 1] == "threads"
    work = programs.worker(settings, "work").argv
    assert work[work.index("-P") + 1] == "prefork"
    assert work[work.index("-Q") + 1] == "work"


def test_the_newest_revision_is_read_from_the_files_as_alembic_does() -> None:
    from alembic.script import ScriptDirectory

    assert migrate.heads() == set(ScriptDirectory(str(migrate.folder())).get_heads())


def test_a_configured_url_is_used_as_it_is(make_settings: object) -> None:
    made = make_settings(data={"database_url": "postgresql://a/b", "queue_url": "redis://c/0"})  # type: ignore[operator]
    assert embedded.configured(made) == embedded.Urls("postgresql://a/b", "redis://c/0")
    assert embedded.configured(make_settings()) == embedded.Urls("", "")  # type: ignore[operator]


def test_a_short_data_folder_keeps_its_sockets_and_a_long_one_does_not(tmp_path: Path) -> None:
    assert embedded.run_folder(Path("/srv/linecard")) == Path("/srv/linecard/run")
    long = Path("/srv") / ("x" * 100)
    assert embedded.run_folder(long) != long / "run"
    assert embedded.run_folder(long) == embedded.run_folder(long)
    assert embedded.run_folder(long) != embedded.run_folder(long / "y")


@pytest.mark.parametrize(
    ("off_s", "is_well", "words"), [(0.1, True, "agrees"), (60, False, "run NTP"), (-3, False, "by 3 s")]
)
def test_a_clock_that_is_off_is_trouble(off_s: float, is_well: bool, words: str) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC).timestamp()
    found = doctor.clock_of(now + off_s, now)
    assert found.is_well is is_well
    assert words in found.words


def test_a_clock_of_the_past_is_trouble() -> None:
    assert doctor.clock_of(0.0, 0.0).is_well is False


def test_parts_that_are_silent_are_told_apart_from_those_that_never_ran(settings: Settings) -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    beats = {"beat": now - timedelta(seconds=20), "work": now - timedelta(minutes=9), "probe.east": now}
    found = {finding.words.split(" ")[0]: finding for finding in doctor.heartbeats_of(settings, beats, now)}
    assert found["beat"].is_well is True
    assert found["work"].is_well is False
    assert "is silent since 2026-11-22 11:51 UTC" in found["work"].words
    assert "has never run" in found["probe.core"].words
    assert found["probe.east"].is_well is True


def test_rounds_that_are_late_or_failed_are_told_by_pop_and_kind(settings: Settings) -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    minute = timedelta(minutes=1)
    rows = [
        ("core", "customers", None, now + 4 * minute, None, 0.4, ""),
        ("core", "devices", 20, now - 2 * minute, None, 0.4, ""),
        ("north", "devices", None, now - 2 * minute, None, 0.4, ""),
        ("north", "customers", None, now - 60 * minute, now + minute, 700.0, ""),
        ("north", "counters", None, now + minute, None, None, "No raw socket here"),
    ]
    found = [(one.is_well, one.words) for one in doctor.rounds_of(settings, rows, now)]
    assert found[0] == (True, "customers of core every 300 s, 0.4 s late")
    assert found[1][0] is False
    assert found[1][1].startswith("devices of core are 120 s late (every 20 s)")
    assert found[2] == (True, "devices of north every 60 s, 120.0 s late"), (
        "two rounds missed are no trouble yet"
    )
    assert found[3] == (True, "customers of north every 300 s, 700.0 s late"), "somebody is at it"
    assert found[4] == (False, "counters of north: the last round failed: No raw socket here")


def test_the_settings_file_s_mode_and_missing_keys_are_told(make_settings: object, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.touch(mode=0o644)
    path.chmod(0o644)
    made = make_settings(secrets={"keys": []}, web={"host": "0.0.0.0"})  # type: ignore[operator]
    words = [finding.words for finding in doctor.settings_of_file(made, path) if finding.is_well is not True]
    assert ["chmod 600" in words[0], "secrets.keys is empty" in words[1], "without TLS" in words[2]] == [
        True
    ] * 3


def test_what_may_be_sent_is_said_with_the_way_to_allow_it() -> None:
    found = dict(enumerate(rights.look()))
    assert found
    if not rights.has_raw_sockets():
        assert any("CAP_NET_RAW" in words for _, words in found.values())

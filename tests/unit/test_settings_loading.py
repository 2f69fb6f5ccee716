"""Settings: file and environment in, one frozen object out, every fault in one message."""

import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from billing import rules
from core import settings
from core.settings import SettingsError
from linecard import init
from linecard.errors import StartError

KEY = "k" * 40


def _write(folder: Path, text: str = "") -> Path:
    path = folder / "config.toml"
    path.write_text(f'{text}\n[web]\nsecret_key = "{KEY}"\n' if "[web]" not in text else text)
    return path


def test_an_almost_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    found = settings.load(_write(tmp_path), {})
    assert (found.web.host, found.web.port) == ("127.0.0.1", 8765)
    assert found.data.database_url is None


def test_the_environment_beats_the_file(tmp_path: Path) -> None:
    path = _write(tmp_path, f'[web]\nport = 1\nsecret_key = "{KEY}"')
    environ = {
        "LINECARD_WEB__PORT": "8000",
        "LINECARD_WEB__IS_HTTPS": "true",
        "LINECARD_CUTOFF__SKIP_WEEKDAYS": "5, 6",
        "LINECARD_GEOCODING__COUNTRIES": '["ua", "pl"]',
        "LINECARD_CONFIG": "not read here",
        "OTHER__THING": "1",
    }
    found = settings.load(path, environ)
    assert found.web.port == 8000
    assert found.web.is_https is True
    assert found.cutoff.skip_weekdays == (5, 6)
    assert found.geocoding.countries == ("ua", "pl")


def test_every_fault_is_told_at_once_with_its_path(tmp_path: Path) -> None:
    path = _write(
        tmp_path, '[web]\nport = 99999\nprot = 1\n[isp]\ncurrency = "EURO"\ntime_zone = "Kyiv"\n[wbe]\n'
    )
    environ = {
        "LINECARD_CUTOFF__GRACE_DAYS": "three",
        "LINECARD_NO__THING": "1",
        "LINECARD_SECRETS__KEYS": "[,",
    }
    with pytest.raises(SettingsError) as caught:
        settings.load(path, environ)
    told = str(caught.value)
    for words in (
        "web.port: Input should be less than or equal to 65535",
        "web.prot: there is no such setting",
        "web.secret_key: must be set",
        "isp.currency: no such currency: EURO",
        "isp.time_zone: no such time zone: Kyiv",
        "wbe: there is no such setting",
        "cutoff.grace_days",
        "LINECARD_NO__THING: there is no such setting",
        "LINECARD_SECRETS__KEYS: not a list",
    ):
        assert words in told
    assert "9 fault(s)" in told


def test_a_fault_never_shows_the_secret(tmp_path: Path) -> None:
    path = _write(tmp_path, '[web]\nsecret_key = "hunter2"')
    with pytest.raises(SettingsError) as caught:
        settings.load(path, {})
    assert "web.secret_key" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert KEY not in repr(settings.load(_write(tmp_path, f'[web]\nsecret_key = "{KEY}"'), {}))


def test_a_secret_may_stand_in_a_file_or_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    monkeypatch.setenv("QUEUE", "redis://somewhere/0")
    text = f'[web]\nsecret_key = "file:{tmp_path}/key"\n[data]\nqueue_url = "env:QUEUE"'
    found = settings.load(_write(tmp_path, text), {})
    assert found.web.secret_key.get_secret_value() == KEY
    assert found.data.queue_url
    assert found.data.queue_url.get_secret_value() == "redis://somewhere/0"


@pytest.mark.parametrize(
    ("value", "words"),
    [("file:/no/such/key", "cannot read /no/such/key: No such file"), ("env:NO_SUCH", "NO_SUCH is not set")],
)
def test_a_secret_that_is_not_there_is_a_fault(tmp_path: Path, value: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        settings.load(_write(tmp_path, f'[web]\nsecret_key = "{value}"'), {})


def test_no_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="linecard init"):
        settings.load(tmp_path / "config.toml", {})


def test_a_broken_file_says_where(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="line 2"):
        settings.load(_write(tmp_path, "[web]\nport = = 1"), {})


def test_sums_are_written_as_money_with_the_decimals_of_the_isps_currency(tmp_path: Path) -> None:
    text = '[isp]\ncurrency = "{}"\n[cutoff]\nminimum_debt = {}\nlate_fee = "2.50"\n'
    found = rules.rules_of(settings.load(_write(tmp_path, text.format("EUR", "1.10")), {}))
    assert (found.minimum_debt_minor, found.late_fee_minor) == (110, 250)
    assert (found.late_fee_minimum_minor, found.interest_minimum_minor) == (1000, 100)
    environ = {"LINECARD_CUTOFF__MINIMUM_DEBT": "1.105", "LINECARD_CUTOFF__LATE_FEE": "7"}
    found = rules.rules_of(settings.load(_write(tmp_path, text.format("KWD", 1)), environ))
    assert (found.minimum_debt_minor, found.late_fee_minor) == (1105, 7000)
    with pytest.raises(SettingsError) as caught:
        settings.load(_write(tmp_path, text.format("JPY", "1.5")), {})
    for name in ("minimum_debt", "late_fee"):
        assert f"cutoff.{name}: JPY has 0 decimal places, not more" in str(caught.value)
    with pytest.raises(SettingsError, match=r"minimum_debt_minor: is cutoff\.minimum_debt now, written as"):
        settings.load(_write(tmp_path, "[cutoff]\nminimum_debt_minor = 250"), {})


def test_settings_do_not_change(tmp_path: Path) -> None:
    found = settings.load(_write(tmp_path), {})
    with pytest.raises(ValidationError):
        found.web.port = 1


def test_the_environment_may_name_the_file() -> None:
    assert settings.path_of_file({}) == Path("config.toml")
    assert settings.path_of_file({"LINECARD_CONFIG": "/etc/l.toml"}) == Path("/etc/l.toml")


def test_init_writes_fresh_keys_for_its_owner_only(tmp_path: Path) -> None:
    first, second = tmp_path / "a.toml", tmp_path / "b.toml"
    init.write(first)
    init.write(second)
    assert first.stat().st_mode & 0o777 == 0o600
    keys = [tomllib.loads(path.read_text()) for path in (first, second)]
    assert keys[0]["web"]["secret_key"] != keys[1]["web"]["secret_key"]
    assert keys[0]["secrets"]["keys"] != keys[1]["secrets"]["keys"]
    assert settings.load(first, {}).secrets.keys


def test_init_never_overwrites(tmp_path: Path) -> None:
    path = _write(tmp_path)
    before = path.read_text()
    with pytest.raises(StartError, match="exists"):
        init.write(path)
    assert path.read_text() == before

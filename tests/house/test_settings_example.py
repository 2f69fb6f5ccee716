"""config.example.toml and the settings' model say the same, both ways."""

import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from core.settings import Section, Settings

EXAMPLE = Path(__file__).resolve().parents[2] / "config.example.toml"
UNSET = re.compile(r'^# ([a-z_]+) = ("[^"]*")', re.MULTILINE)


def _defaults() -> dict[str, dict[str, Any]]:
    """Every setting with its default, as TOML would write it; None where there is none."""
    found: dict[str, dict[str, Any]] = {}
    for section, field in Settings.model_fields.items():
        model = field.annotation
        assert isinstance(model, type)
        assert issubclass(model, Section)
        found[section] = {}
        for key, one in model.model_fields.items():
            value = None if one.default is PydanticUndefined else one.default
            plain = value.get_secret_value() if isinstance(value, SecretStr) else value
            plain = str(plain) if isinstance(plain, Path) else plain
            found[section][key] = list(plain) if isinstance(plain, tuple) else plain
    return found


def _example() -> dict[str, dict[str, Any]]:
    """The example's values; a commented line stands for a setting that has no default."""
    text = EXAMPLE.read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = tomllib.loads(text)
    for section, body in re.findall(r"^\[(\w+)\]\n(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL):
        for key, _ in UNSET.findall(body):
            assert key not in found[section]
            found[section][key] = None
    return found


def test_the_example_names_every_setting_with_its_default_and_no_other() -> None:
    assert _example() == _defaults()


def test_the_example_says_something_about_every_section() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    for section in Settings.model_fields:
        body = text.partition(f"[{section}]\n")[2].partition("\n[")[0]
        assert "#" in body, section


def test_the_example_with_its_blanks_filled_is_valid() -> None:
    text = re.sub(r"^# ([a-z_]+ = )", r"\1", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    text = text.replace('secret_key = "..."', f'secret_key = "{"k" * 40}"')
    Settings.model_validate(tomllib.loads(text))

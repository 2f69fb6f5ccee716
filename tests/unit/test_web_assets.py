"""The front end's sources: colours readable in both themes, icons that exist, a lock without addresses."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "webapp" / "static" / "src"
TOKENS = (SOURCES / "css" / "tokens.css").read_text()


def _block(opening: str) -> dict[str, str]:
    start = TOKENS.index(opening) + len(opening)
    return dict(re.findall(r"(--[\w-]+):\s*([^;]+);", TOKENS[start : TOKENS.index("}", start)]))


LIGHT = _block(":root {")
DARK = LIGHT | _block(':root:not([data-theme="light"]) {')


def _luminance(colour: str) -> float:
    channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_dark_theme_is_the_same_by_choice_and_by_system():
    assert _block(':root[data-theme="dark"] {') == _block(':root:not([data-theme="light"]) {')


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "papers"),
    [
        ("--ink", ["--sheet", "--ground", "--hover"]),
        ("--ink-2", ["--sheet", "--ground", "--sunk"]),
        ("--ink-3", ["--sheet", "--sheet-2", "--sunk", "--ground", "--hover"]),
        ("--accent-ink", ["--sheet", "--accent-wash", "--hover"]),
        ("--on-accent", ["--accent"]),
        ("--sheet", ["--bad"]),
        *[
            (f"--{tone}", ["--sheet", f"--{tone}-wash"])
            for tone in ("ok", "warn", "bad", "info", "off", "violet")
        ],
    ],
)
def test_words_are_readable_on_their_paper(theme, ink, papers):
    for paper in papers:
        assert _contrast(theme[ink], theme[paper]) >= 4.5, (ink, paper)


def test_every_icon_named_in_a_template_is_in_the_sprite():
    known = {line for line in (SOURCES / "icons.txt").read_text().split() if line}
    named = {}
    for template in (ROOT / "templates").rglob("*.html"):
        source = template.read_text()
        for pattern in (r'\bicon\("([\w-]+)"', r'\bicon_name="([\w-]+)"', r"\bicon_name=\'([\w-]+)\'"):
            named |= dict.fromkeys(re.findall(pattern, source), template.name)
    missing = {name: template for name, template in named.items() if name not in known}
    assert not missing


def test_no_template_carries_an_inline_style_or_script():
    for template in (ROOT / "templates").rglob("*.html"):
        if "mail" in template.parts:
            continue
        source = template.read_text()
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=\"|javascript:", source), template
        assert not re.search(r"<script(?![^>]*\ssrc=)", source), template


def test_the_npm_lock_names_no_download_address():
    lock = json.loads((ROOT / "package-lock.json").read_text())
    packages = [package for name, package in lock["packages"].items() if name]
    assert packages
    assert not [package for package in packages if "resolved" in package]
    assert all("integrity" in package for package in packages)

"""Every template compiles, escapes, and holds no inline code or style: the Content-Security-Policy allows none."""

import re
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))

INLINE = {
    "an inline style": re.compile(r"<[^>]*\sstyle\s*=", re.IGNORECASE),
    "an inline handler": re.compile(
        r"<[^>]*\son(click|change|submit|load|input|error|key\w+)\s*=", re.IGNORECASE
    ),
    "an inline script": re.compile(r"<script(?![^>]*\bsrc=)[^>]*>", re.IGNORECASE),
    "an htmx handler": re.compile(r"\bhx-on[:-]", re.IGNORECASE),
    "a style block": re.compile(r"<style\b", re.IGNORECASE),
    "unescaped output": re.compile(r"\|\s*safe\b"),
    "another host": re.compile(r"""(?:src|href)\s*=\s*["']https?://""", re.IGNORECASE),
}

# Sent to a page of their own, or answered by an error: there is nothing else to fill in.
REFUSED_ELSEWHERE = {("customers/forms/_ticket_open.html", "assign")}


class _AnyName(dict[str, object]):
    """Filters that the application adds: known by name only when it runs."""

    def __contains__(self, name: object) -> bool:
        return True

    def get(self, name: str, default: object = None) -> object:
        return super().get(name, str)

    def __getitem__(self, name: str) -> object:
        return super().get(name, str)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT / "templates"))


def test_there_are_templates() -> None:
    assert len(TEMPLATES) > 20


@pytest.mark.parametrize("path", TEMPLATES, ids=_name)
def test_the_template_compiles(path: Path) -> None:
    environment = Environment(
        loader=FileSystemLoader(ROOT / "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do", "jinja2.ext.loopcontrols"],
    )
    source = path.read_text(encoding="utf-8")
    environment.filters = _AnyName(environment.filters)
    environment.tests = _AnyName(environment.tests)
    environment.compile(source, filename=str(path))


def test_every_form_has_a_place_for_what_is_wrong_with_it_as_a_whole() -> None:
    """A conflict belongs to no field: where `faults` is missing the form would come back without a word."""
    missing = set()
    for path in TEMPLATES:
        source = path.read_text(encoding="utf-8")
        for form in re.findall(
            r"(?:forms\.hidden\(|\{\{ )([\w.]+?)(?:\)|\.hidden_tag\(|\.csrf_token\b)", source
        ):
            if not re.search(rf"faults\({re.escape(form)}\)", source):
                missing.add((_name(path), form))
    assert missing == REFUSED_ELSEWHERE


@pytest.mark.parametrize("path", TEMPLATES, ids=_name)
def test_the_template_holds_nothing_inline(path: Path) -> None:
    source = re.sub(r"\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    found = {what: match.group(0) for what, pattern in INLINE.items() if (match := pattern.search(source))}
    assert found == {}

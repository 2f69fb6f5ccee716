"""Texts in the sources -> the catalogues, and what is wrong with a catalogue. No network, no database.

Found are: the gettext functions (templates and webapp), `N_` and `NN_` (core.words, netdiag.text), and the
constant words of the errors of core.errors, their fields included.
"""

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages import Catalog, pofile
from babel.messages.catalog import Message
from jinja2 import Environment

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).parent
PACKAGES = ("core", "billing", "registry", "desk", "gates", "netdiag", "tasks", "webapp")
COMMAND = "make texts"
WIDTH = 110

ERRORS = frozenset({"Invalid", "NotFound", "Forbidden", "Conflict", "Overtaken", "Busy", "Unavailable"})
ONE = frozenset({"gettext", "lazy_gettext", "_", "N_"})
TWO = frozenset({"ngettext", "lazy_ngettext", "NN_"})
_PLACE = re.compile(r"%\((\w+)\)")
_VOLATILE = re.compile(  # heads that would differ at every run, or say nothing
    r'^"(Project-Id-Version|Report-Msgid-Bugs-To|POT-Creation-Date|PO-Revision-Date|Last-Translator|Generated-By):'
    r".*\n",
    re.MULTILINE,
)

Key = str | tuple[str, str]
Found = dict[Key, set[str]]


def codes() -> list[str]:
    """Return the languages that have a catalogue."""
    return sorted(path.parent.parent.name for path in FOLDER.glob("*/LC_MESSAGES/messages.po"))


def of_sources(root: Path = ROOT) -> Found:
    """Return every text of the sources (a pair for a plural) with the files it stands in."""
    found: Found = {}
    for path in sorted((root / "templates").rglob("*.html")):
        for text in _of_template(path.read_text(encoding="utf-8")):
            found.setdefault(text, set()).add(path.relative_to(root).as_posix())
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            for text in _of_code(path.read_text(encoding="utf-8")):
                found.setdefault(text, set()).add(path.relative_to(root).as_posix())
    return found


def _of_template(source: str) -> Iterator[Key]:
    environment = Environment(
        extensions=["jinja2.ext.i18n", "jinja2.ext.do", "jinja2.ext.loopcontrols"], autoescape=True
    )
    for _line, name, text in environment.extract_translations(source):
        words = [one for one in ((text,) if isinstance(text, str) else text) if one]  # None: a value
        if name in TWO and len(words) > 1:
            yield words[0], words[1]
        elif words:
            yield words[0]


def _of_code(source: str) -> Iterator[Key]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ERRORS:
                fields = [part for part in node.args[1:] if isinstance(part, ast.Dict)]
                yield from (text for part in node.args[:1] + fields for text in _constants(part))
            elif name in TWO and len(node.args) > 1:
                yield from zip(_constants(node.args[0]), _constants(node.args[1]), strict=True)
            elif name in ONE and node.args:
                yield from _constants(node.args[0])


def _constants(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.strip():
        yield node.value
    elif isinstance(node, ast.Dict):
        for value in node.values:
            yield from _constants(value)
    elif isinstance(node, ast.IfExp):
        yield from _constants(node.body)
        yield from _constants(node.orelse)


def path_of(code: str) -> Path:
    """Return where a language's catalogue is."""
    return FOLDER / code / "LC_MESSAGES" / "messages.po"


def read(code: str) -> Catalog:
    """Return a language's catalogue as it is on disk."""
    with path_of(code).open("rb") as text:
        return pofile.read_po(text, locale=code)


def update(code: str, found: Found) -> None:
    """Add the new texts, drop those that are gone, keep every translation; sorted, no line numbers."""
    before = read(code)
    after = Catalog(locale=code, header_comment=before.header_comment, fuzzy=False)
    for text, files in found.items():
        known = before.get(text[0] if isinstance(text, tuple) else text)
        string = known.string if known and known.pluralizable == isinstance(text, tuple) else ""
        after.add(text, string, [(file, 0) for file in sorted(files)])
    written = io.BytesIO()
    pofile.write_po(written, after, width=WIDTH, sort_output=True, include_lineno=False)
    path_of(code).write_text(_VOLATILE.sub("", written.getvalue().decode()), encoding="utf-8")


def faults(code: str, found: Found) -> list[str]:
    """Return what is wrong with a catalogue, a line for each fault; empty when it is whole."""
    catalogue = read(code)
    kept = {_key(message): message for message in catalogue if message.id}
    lines = [f"not in the catalogue: {text!r}" for text in found if text not in kept]
    lines += [f"no longer in the sources: {text!r}" for text in kept if text not in found]
    lines += [f"obsolete: {message.id!r}" for message in catalogue.obsolete.values()]
    for message in kept.values():
        lines += [f"{fault}: {message.id!r}" for fault in _faults(message, catalogue.num_plurals)]
    return lines


def _key(message: Message) -> Key:
    return message.id if isinstance(message.id, str) else (message.id[0], message.id[1])


def _faults(message: Message, plurals: int) -> Iterator[str]:
    strings = message.string if isinstance(message.string, (tuple, list)) else (message.string,)
    ids = message.id if isinstance(message.id, (tuple, list)) else (message.id,)
    if message.fuzzy:
        yield "fuzzy"
    if not all(strings):
        yield "not translated"
    elif message.pluralizable and len(strings) != plurals:
        yield f"{plurals} plural forms are needed"
    elif any(set(_PLACE.findall(text)) != set(_PLACE.findall(ids[-1])) for text in strings):
        yield "other placeholders"
    elif any(text.count("%%") != ids[-1].count("%%") for text in strings):
        yield "other percent signs"

"""Every text of the sources is in every catalogue, translated, with the placeholders and plurals it needs."""

from pathlib import Path

import pytest

from webapp.translations import catalogue

HOW = f"""
Run `{catalogue.COMMAND}` (python -m webapp.translations), translate what it lists in
webapp/translations/<language>/LC_MESSAGES/messages.po, and see docs/texts.md."""


@pytest.fixture(scope="module")
def found() -> catalogue.Found:
    return catalogue.of_sources()


@pytest.mark.parametrize("code", catalogue.codes())
def test_the_catalogue_is_whole(code: str, found: catalogue.Found) -> None:
    faults = catalogue.faults(code, found)
    assert not faults, f"{code}: {len(faults)} to do\n" + "\n".join(faults) + HOW


def test_there_is_a_second_language() -> None:
    assert "uk" in catalogue.codes()


def test_texts_are_found_wherever_they_are_marked(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.html").write_text(
        "{{ _('Plain') }} {{ _('Owes %(sum)s', sum=sum) }} {{ ngettext('%(num)s day', '%(num)s days', days) }}"
    )
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "things.py").write_text(
        'raise errors.Conflict("It is taken", {"name": "Another has it"})\n'
        'words = N_("%(who)s was " "first", who=who)\n'
        'many = NN_("%(count)s port", "%(count)s ports", 3)\n'
        'raise errors.Conflict(words, "uq_things_name")\n'
        'log.info("not a text")\n'
    )
    assert set(catalogue.of_sources(tmp_path)) == {
        "Plain",
        "Owes %(sum)s",
        ("%(num)s day", "%(num)s days"),
        "It is taken",
        "Another has it",
        "%(who)s was first",
        ("%(count)s port", "%(count)s ports"),
    }


def test_what_is_wrong_with_a_catalogue_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    file = catalogue.path_of("uk")
    file.parent.mkdir(parents=True)
    file.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "Empty"\nmsgstr ""\n\n'
        '#, fuzzy\nmsgid "Nearly"\nmsgstr "Майже"\n\n'
        'msgid "Owes %(sum)s"\nmsgstr "Борг %(suma)s"\n\n'
        'msgid "%(num)s day"\nmsgid_plural "%(num)s days"\nmsgstr[0] "%(num)s день"\nmsgstr[1] "%(num)s дні"\n\n'
        'msgid "Gone"\nmsgstr "Немає"\n\n'
        '#~ msgid "Old"\n#~ msgstr "Старе"\n',
        encoding="utf-8",
    )
    texts: list[catalogue.Key] = ["Empty", "Nearly", "Owes %(sum)s", ("%(num)s day", "%(num)s days"), "New"]
    faults = catalogue.faults("uk", {text: set() for text in texts})
    assert sorted(fault.partition(":")[0] for fault in faults) == [
        "fuzzy",
        "no longer in the sources",
        "not in the catalogue",
        "not translated",
        "not translated",  # one of the three plural forms of Ukrainian is missing
        "obsolete",
        "other placeholders",
    ]


def test_an_update_keeps_what_is_translated_and_drops_what_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    file = catalogue.path_of("uk")
    file.parent.mkdir(parents=True)
    file.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "Kept"\nmsgstr "Лишилось"\n\nmsgid "Gone"\nmsgstr "Немає"\n',
        encoding="utf-8",
    )
    found: catalogue.Found = {"Kept": {"templates/a.html"}, "New": {"templates/b.html"}}
    catalogue.update("uk", found)
    first = file.read_text(encoding="utf-8")
    assert {(message.id, message.string) for message in catalogue.read("uk") if message.id} == {
        ("Kept", "Лишилось"),
        ("New", ""),
    }
    catalogue.update("uk", found)
    assert file.read_text(encoding="utf-8") == first

"""Groups of accounts: their grace, and whether debt cuts them at all."""

from flask import Response, url_for
from flask_babel import gettext

from registry import account_groups, names
from webapp import identity, permissions, rendering, runtime, waking
from webapp.setup import pages
from webapp.setup.forms import AccountGroupForm

KEYS = {
    "name": lambda row: names.sort_key(row[0].name),
    "grace": lambda row: row[0].grace_days,
    "accounts": lambda row: row[1],
}


@permissions.required("setup.view")
def listing() -> Response:
    """List the groups with how many accounts each has."""
    found = runtime.current()
    with found.database.reading() as session:
        groups = account_groups.list_all(session)
        limits = found.policy.rules(session)
    rows = pages.short_list(
        groups, KEYS, "name", id_of=lambda row: row[0].id, words_of=lambda row: (row[0].name,)
    )
    usual, excluded = limits.grace_days, limits.excluded_groups
    return pages.show_list("setup/account_groups.html", rows, usual=usual, excluded=excluded)


@permissions.required("cutoff.policy")
def add() -> Response:
    """Add a group."""
    form = AccountGroupForm()
    if form.accept(lambda: _save(None, form)):
        rendering.say(gettext("The group is added."))
        return rendering.go("setup.account_groups")
    title = gettext("Add a debt group")
    return pages.show(pages.Frame(title, form.ROWS, url_for("setup.account_groups")), form)


@permissions.required("cutoff.policy")
def edit(group_id: int) -> Response:
    """Change a group: from now on, for everybody in it."""
    with runtime.current().database.reading() as session:
        group = account_groups.get(session, group_id)
        counts = {one.id: count for one, count in account_groups.list_all(session)}
    form = AccountGroupForm(obj=group)
    if form.accept(lambda: _save(group_id, form)):
        rendering.say(gettext("Saved."))
        return rendering.go("setup.account_groups")
    users = {"accounts": counts[group_id]} if counts.get(group_id) else {}
    url = url_for("setup.remove_account_group", group_id=group_id)
    removal = pages.Removal(url, group.name, users)
    frame = pages.Frame(group.name, form.ROWS, url_for("setup.account_groups"), removal=removal)
    return pages.show(frame, form)


def _save(group_id: int | None, form: AccountGroupForm) -> None:
    with runtime.current().database.transaction() as session:
        account_groups.save(
            session,
            identity.actor(),
            group_id,
            name=form.name.data or "",
            grace_days=form.grace_days.data,
            is_never_cut=form.is_never_cut.data,
        )
        waking.let_in(session)


@permissions.required("cutoff.policy")
def remove(group_id: int) -> Response:
    """Remove a group nobody is in."""
    return pages.remove(
        lambda session: account_groups.remove(session, identity.actor(), group_id),
        stay_url=url_for("setup.edit_account_group", group_id=group_id),
        endpoint="setup.account_groups",
    )

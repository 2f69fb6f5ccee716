"""The cutoff's policy: what is in force, its versions, and a new one, seen before it is saved."""

from datetime import date
from typing import Any

from flask import Response, request, url_for
from flask_babel import gettext

from billing import accrual, policies
from billing.models import CutoffPolicy
from billing.rules import Rules
from core import clock, errors
from core.words import N_
from registry import account_groups, cutoff_policies
from registry.cutoff_policies import Prospect
from webapp import identity, permissions, rendering, runtime
from webapp.setup import pages, policy_form

PAGE = 20
MEANWHILE = N_("Somebody saved another version meanwhile; look at it first")


@permissions.required("setup.view")
def show() -> Response:
    """Show the policy in force and its versions, newest first."""
    now = runtime.current()
    asked = request.args.get("after", "")
    before = int(asked) if asked.isdecimal() and len(asked) < 9 else None
    with now.database.reading() as session:
        limits = policies.in_force(session, now.settings)
        newest = policies.newest(session)
        found, following = cutoff_policies.history(session, now.settings, before=before, limit=PAGE)
        groups = {group.id: group.name for group, _ in account_groups.list_all(session)}
    return rendering.page_or_fragment(
        "setup/policy.html",
        "setup/policy.html",
        rows=_rows(limits, groups),
        version=limits.version,
        left_to_file=[policy_form.LABELS[name] for name in policies.left_to_file(newest)] if newest else [],
        versions=[(one, _changes(one.changed, groups)) for one in found],
        next=following,
    )


def _told(name: str, value: Any, groups: dict[int, str]) -> str:
    currency = runtime.current().settings.isp.currency
    return policy_form.told(name, value, currency=currency, groups=groups, show=rendering.format_money)


def _rows(limits: Rules, groups: dict[int, str]) -> list[tuple[Any, str]]:
    labels = policy_form.LABELS
    return [(labels[name], _told(name, getattr(limits, name), groups)) for name in policies.FIELDS]


def _changes(changed: dict[str, tuple[Any, Any]], groups: dict[int, str]) -> list[tuple[Any, str, str]]:
    return [
        (policy_form.LABELS[name], _told(name, was, groups), _told(name, is_, groups))
        for name, (was, is_) in changed.items()
    ]


@permissions.required("cutoff.policy")
def change() -> Response:
    """Make a new version, from the one in force or (`from`) from an older one; seen, then saved."""
    now = runtime.current()
    currency = now.settings.isp.currency
    with now.database.reading() as session:
        limits = policies.in_force(session, now.settings)
        start, restores = _start(session, limits)
        groups = [(group.id, _name(group)) for group, _ in account_groups.list_all(session)]
    values = policy_form.values_of(start, currency) | {
        "over": limits.version,
        "restores": restores,
        "why": gettext("Back to version %(version)s", version=restores) if restores else "",
    }
    form = policy_form.policy_form(currency, groups, values)
    if request.form.get("confirmed") == "yes" and _is_as_shown(form, limits):
        if form.accept(lambda: _save(form)):
            now.policy.forget()
            rendering.say(gettext("Version %(version)s is in force.", version=form.result.version))
            return rendering.go("setup.cutoff_policy")
        return _page(form, None, ())
    shown = _look(form, limits)
    changed = _changes(policies.difference(limits, form.rules(limits)), dict(groups)) if shown else []
    if not shown:
        return _page(form, None, changed)
    wanted = form.rules(limits)
    return _page(form, shown, changed, policy_form.seal(wanted), _reaches_back(limits, wanted))


def _reaches_back(limits: Rules, wanted: Rules) -> date | None:
    """Return from which day interest differs, where that is in a month that is over."""
    differs_on = accrual.first_difference(limits.interest_rates, wanted.interest_rates)
    this_month = clock.today(runtime.current().settings.isp.time_zone).replace(day=1)
    return differs_on if differs_on and differs_on < this_month else None


def _page(
    form: Any, shown: Prospect | None, changed: Any, seal: str = "", reaches_back: date | None = None
) -> Response:
    title = gettext("A new version of the policy")
    frame = pages.Frame(title, (), url_for("setup.cutoff_policy"))
    has_faults = form.is_submitted() and (form.errors or form.form_errors)
    return rendering.page_or_fragment(
        "setup/policy_form.html",
        "setup/policy_form.html",
        form.status if has_faults else 200,
        frame=frame,
        form=form,
        shown=shown,
        changed=changed,
        seal=seal,
        reaches_back=reaches_back,
    )


def _name(group: Any) -> str:
    if not group.is_never_cut:
        return str(group.name)
    return gettext("%(name)s (the group itself says so)", name=group.name)


def _start(session: Any, limits: Rules) -> tuple[Rules, int | None]:
    """Return what the form begins with, and the version it goes back to."""
    asked = request.args.get("from", "")
    if not (asked.isdecimal() and len(asked) < 9):
        return limits, None
    return policies.as_of(session, int(asked), limits), int(asked)


def _is_as_shown(form: Any, limits: Rules) -> bool:
    """Whether what is to be saved is what the second look showed."""
    try:
        return bool(form.validate() and form.shown.data == policy_form.seal(form.rules(limits)))
    except errors.Invalid:
        return False


def _look(form: Any, limits: Rules) -> Prospect | None:
    """Return what the form's policy would change today, once it is sent and right."""
    if not form.validate_on_submit():
        return None
    now = runtime.current()
    try:
        wanted = form.rules(limits)
        if form.over.data != str(limits.version):
            raise errors.Overtaken(MEANWHILE)
        if faults := policies.faults_of(wanted):
            raise errors.Invalid("The policy is not complete", faults)
        if limits.version and not policies.difference(limits, wanted):
            raise errors.Invalid("Nothing differs from the version in force")
        with now.database.reading() as session:
            today = clock.today(now.settings.isp.time_zone)
            return cutoff_policies.prospect(session, today, limits, wanted)
    except errors.Invalid as error:
        form.refuse(error)
    except errors.Overtaken as error:
        form.clash(error)
    return None


def _save(form: Any) -> CutoffPolicy:
    now = runtime.current()
    restores = int(form.restores.data) if (form.restores.data or "").isdecimal() else None
    with now.database.transaction() as session:
        seen = policies.at_version(session, int(form.over.data), now.settings)
        return cutoff_policies.save(
            session,
            identity.actor(),
            form.rules(seen),
            over=seen,
            why=form.why.data or "",
            restores=restores,
        )

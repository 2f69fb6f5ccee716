"""Articles: the price list that work orders are billed by."""

from dataclasses import dataclass
from typing import Any

from flask import Response, url_for
from flask_babel import gettext

from billing import articles, vat
from billing.articles import Goods
from billing.models import Article, ArticleUnit, VatRate
from core.money import Money
from registry import names, price_list
from webapp import identity, permissions, rendering, runtime
from webapp.setup import pages
from webapp.setup.price_forms import article_form


@dataclass(frozen=True, slots=True)
class Row:
    """An article with its price, its VAT rate's name and how many customers' work orders hold it."""

    article: Article
    price: Money
    rate: str
    given: int


KEYS = {
    "name": lambda row: names.sort_key(row.article.name),
    "price": lambda row: row.price.minor,
    "unit": lambda row: row.article.unit,
    "vat": lambda row: names.sort_key(row.rate) if row.rate else None,
    "given": lambda row: row.given,
}


@permissions.required("setup.view")
def listing() -> Response:
    """List the articles."""
    with runtime.current().database.reading() as session:
        counts, rates = articles.counts(session), articles.rates(session)
        made = [
            Row(
                one,
                Money(one.price_minor, one.currency),
                rates[one.vat_rate_id].name if one.vat_rate_id else "",
                counts.get(one.id, 0),
            )
            for one in articles.list_all(session)
        ]
    rows = pages.short_list(
        made,
        KEYS,
        "name",
        id_of=lambda row: row.article.id,
        words_of=lambda row: (row.article.name, row.rate),
    )
    return pages.show_list("setup/articles.html", rows)


@permissions.required("price.edit")
def add() -> Response:
    """Add an article, priced in the company's currency."""
    currency = runtime.current().settings.isp.currency
    form = article_form(currency, _rates())()
    if form.accept(lambda: _add(form, currency)):
        rendering.say(gettext("The article is added."))
        return rendering.go("setup.articles")
    return pages.show(pages.Frame(gettext("Add an article"), form.ROWS, url_for("setup.articles")), form)


def _add(form: Any, currency: str) -> None:
    with runtime.current().database.transaction() as session:
        price_list.add_article(session, identity.actor(), _goods(form), currency=currency)


@permissions.required("price.edit")
def edit(article_id: int) -> Response:
    """Change an article; what is not billed yet is asked at the new price."""
    with runtime.current().database.reading() as session:
        found, given = articles.get(session, article_id), articles.counts(session).get(article_id, 0)
    form = article_form(found.currency, _rates())(
        name=found.name,
        unit=found.unit,
        price=Money(found.price_minor, found.currency),
        is_net="yes" if found.is_net else "no",
        vat_rate_id=found.vat_rate_id or "",
        is_offered=found.is_offered,
    )
    if form.accept(lambda: _change(article_id, form)):
        rendering.say(gettext("Saved."))
        return rendering.go("setup.articles")
    note = gettext("Work that is not billed yet is asked at the new price; what is billed stays as it is.")
    users = {"customers": given} if given else {}
    removal = pages.Removal(url_for("setup.remove_article", article_id=article_id), found.name, users)
    return pages.show(pages.Frame(found.name, form.ROWS, url_for("setup.articles"), note, removal), form)


def _change(article_id: int, form: Any) -> None:
    with runtime.current().database.transaction() as session:
        price_list.change_article(session, identity.actor(), article_id, _goods(form))


def _goods(form: Any) -> Goods:
    return Goods(
        name=form.name.data or "",
        unit=ArticleUnit(form.unit.data),
        price_minor=form.price.data.minor,
        is_net=form.is_net.data == "yes",
        vat_rate_id=form.vat_rate_id.data,
        is_offered=form.is_offered.data,
    )


def _rates() -> list[VatRate]:
    with runtime.current().database.reading() as session:
        return vat.list_all(session)


@permissions.required("price.edit")
def remove(article_id: int) -> Response:
    """Remove an article nothing has."""
    return pages.remove(
        lambda session: price_list.remove_article(session, identity.actor(), article_id),
        stay_url=url_for("setup.edit_article", article_id=article_id),
        endpoint="setup.articles",
    )

"""Articles: the price list of work, what an account's work orders hold from the start, and charging by them.

Quantities are hundredths of a piece or an hour.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from billing import ledger, liabilities, prices, vat
from billing.acts import Act
from billing.ledger import Author, Posted
from billing.liabilities import Charge
from billing.models import Article, ArticleUnit, StandingArticle, VatRate
from core import db, errors, money
from core.words import N_

HUNDREDTHS = 100
MOST_HUNDREDTHS = 10_000_000


@dataclass(frozen=True, slots=True)
class Goods:
    """What an article says: its name, what it is counted in, the price of one (minor units)."""

    name: str
    unit: ArticleUnit
    price_minor: int
    is_net: bool = False
    vat_rate_id: int | None = None
    is_offered: bool = True


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of an article an account's work orders hold from the start, and on which tickets."""

    quantity_hundredths: int
    is_on_orders: bool = True
    is_on_service: bool = False


@dataclass(frozen=True, slots=True)
class Sold:
    """So much of an article, of the day the work was done; `key` lets it be charged once."""

    article: Article
    quantity_hundredths: int
    worked_on: date
    key: str


def list_all(session: Session) -> list[Article]:
    """Return the price list: what is offered first, then by name."""
    return list(session.scalars(select(Article).order_by(Article.is_offered.desc(), Article.name)))


def offered(session: Session, currency: str) -> list[Article]:
    """Return what is offered in that currency, by name."""
    query = select(Article).where(Article.is_offered, Article.currency == currency)
    return list(session.scalars(query.order_by(Article.name)))


def get(session: Session, article_id: int) -> Article:
    """Return the article; raises NotFound."""
    found = session.get(Article, article_id)
    if found is None:
        raise errors.NotFound("There is no such article")
    return found


def counts(session: Session) -> dict[int, int]:
    """Return how many customers have each article standing, by its id; those nobody has are left out."""
    query = select(StandingArticle.article_id, func.count()).group_by(StandingArticle.article_id)
    return dict(session.execute(query).all())


def create(session: Session, goods: Goods, *, currency: str) -> Article:
    """Add an article priced in that currency; raises Invalid at the faulty field."""
    return _save(session, Article(unit=goods.unit, currency=currency), goods)


def change(session: Session, article_id: int, goods: Goods) -> Article:
    """Change an article: what is not charged yet is asked at the new price. Raises Invalid, NotFound."""
    found = get(session, article_id)
    if goods.unit is not found.unit:
        raise errors.Invalid("In use", {"unit": N_("Make a new article for another unit")})
    return _save(session, found, goods)


def remove(session: Session, article_id: int) -> None:
    """Remove an article no customer and no work order has; raises NotFound, Conflict."""
    found = get(session, article_id)
    try:
        with db.part(session):
            session.execute(delete(Article).where(Article.id == article_id))
    except IntegrityError as error:
        words = N_("%(name)s is in use and cannot be removed; stop offering it", name=found.name)
        raise errors.Conflict(words) from error


def of_account(session: Session, account_id: int) -> list[StandingArticle]:
    """Return what the account's work orders hold from the start, by name of the article."""
    query = (
        select(StandingArticle)
        .join(StandingArticle.article)
        .options(joinedload(StandingArticle.article))
        .where(StandingArticle.account_id == account_id)
    )
    return list(session.scalars(query.order_by(Article.name)))


def standing(session: Session, standing_id: int) -> StandingArticle:
    """Return one article an account's work orders hold; raises NotFound."""
    found = session.get(StandingArticle, standing_id, options=[joinedload(StandingArticle.article)])
    if found is None:
        raise errors.NotFound("This customer has no such article")
    return found


def give(
    session: Session, account_id: int, author: Author, article_id: int, wanted: Standing
) -> StandingArticle:
    """Let every new work order of the account hold an article; raises NotFound, Invalid at the field."""
    account, article = ledger.lock_account(session, account_id), get(session, article_id)
    check_currency(article, account.currency)
    made = StandingArticle(
        account_id=account_id,
        article_id=article_id,
        article=article,
        author_id=author.staff_id,
        author=author.name,
    )
    _set(made, wanted)
    try:
        with db.part(session):
            session.add(made)
    except IntegrityError as error:
        words = N_("The customer has this article already")
        raise errors.Invalid("Given already", {"article_id": words}) from error
    return made


def change_standing(session: Session, standing_id: int, wanted: Standing) -> StandingArticle:
    """Let new work orders hold another quantity; those there are stay. Raises NotFound, Invalid."""
    found = standing(session, standing_id)
    _set(found, wanted)
    session.flush()
    return found


def take(session: Session, standing_id: int) -> None:
    """Let new work orders not hold the article any more; raises NotFound."""
    session.delete(standing(session, standing_id))
    session.flush()


def rates(session: Session) -> Mapping[int, VatRate]:
    """Return the VAT rates with their percents by id, as asked() takes them."""
    return {rate.id: rate for rate in vat.list_all(session)}


def asked(
    article: Article, quantity_hundredths: int, on: date, known: Mapping[int, VatRate]
) -> tuple[int, int | None]:
    """Return what so much of an article costs, gross in minor units, and the VAT (hundredths) of that day."""
    percent = vat.percent_on(known[article.vat_rate_id], on) if article.vat_rate_id is not None else None
    price = prices.round_ratio(article.price_minor * quantity_hundredths, HUNDREDTHS)
    if article.is_net and percent:
        price += prices.round_ratio(price * percent, 10_000)
    return price, percent


def charge(session: Session, account_id: int, act: Act, sold: Sequence[Sold]) -> list[Posted]:
    """Charge what was sold, each once by its key, on one document; dated and taxed on the day of the work.

    Raises NotFound, Invalid, Conflict when a key charged something else, or the day has no VAT percent.
    """
    account, known = ledger.lock_account(session, account_id), rates(session)
    found = []
    for one in sold:
        check_currency(one.article, account.currency)
        amount, percent = asked(one.article, one.quantity_hundredths, one.worked_on, known)
        if percent is None and one.article.vat_rate_id is not None:
            rate = known[one.article.vat_rate_id].name
            words = N_(
                "VAT rate %(rate)s has no percent on %(day)s: add it first", rate=rate, day=one.worked_on
            )
            raise errors.Conflict(words)
        found.append(Charge(amount, percent, _words(one), one.key, one.worked_on))
    return liabilities.charge_all(session, account, act, found)


def in_words(quantity_hundredths: int) -> str:
    """Return a quantity as a plain number: "2.5"."""
    return f"{(Decimal(quantity_hundredths) / HUNDREDTHS).normalize():f}"


def check_quantity(quantity_hundredths: int) -> None:
    """Raise Invalid at `quantity` unless it is 0 to 100 000 with two decimals."""
    if not 0 <= quantity_hundredths <= MOST_HUNDREDTHS:
        raise errors.Invalid("Not a quantity", {"quantity": N_("A quantity is 0 to 100 000")})


def check_currency(article: Article, currency: str) -> None:
    """Raise Invalid at `article_id` unless the article is priced in the currency."""
    if article.currency != currency:
        words = N_("%(name)s is in another currency", name=article.name)
        raise errors.Invalid("Another currency", {"article_id": words})


def _words(one: Sold) -> str:
    """Return what the customer reads: "Work, hours worked: 2.5", "Socket × 2", "Travel"."""
    name, count = one.article.name, in_words(one.quantity_hundredths)
    if one.article.unit is ArticleUnit.HOUR:
        return N_("%(what)s, hours worked: %(count)s", what=name, count=count)
    return name if one.quantity_hundredths == HUNDREDTHS else f"{name} × {count}"


def _set(found: StandingArticle, wanted: Standing) -> None:
    check_quantity(wanted.quantity_hundredths)
    if not (wanted.is_on_orders or wanted.is_on_service):
        words = N_("Choose work orders, service calls or both")
        raise errors.Invalid("Nowhere", {"is_on_orders": words})
    found.quantity_hundredths = wanted.quantity_hundredths
    found.is_on_orders, found.is_on_service = wanted.is_on_orders, wanted.is_on_service


def _save(session: Session, found: Article, goods: Goods) -> Article:
    faults: dict[str, str] = {}
    if not 0 < len(goods.name.strip()) <= 120:
        faults["name"] = N_("Write a name of at most 120 characters")
    if not 0 < goods.price_minor < money.LIMIT_MINOR:
        faults["price"] = N_("The price must be above zero")
    if goods.vat_rate_id is not None and session.get(VatRate, goods.vat_rate_id) is None:
        faults["vat_rate_id"] = N_("There is no such VAT rate")
    if goods.is_net and goods.vat_rate_id is None:
        faults["vat_rate_id"] = N_("A net price needs a VAT rate")
    if faults:
        raise errors.Invalid("The article is not complete", faults)
    try:
        with db.part(session):
            found.name, found.price_minor, found.is_net = goods.name.strip(), goods.price_minor, goods.is_net
            found.vat_rate_id, found.is_offered = goods.vat_rate_id, goods.is_offered
            session.add(found)
    except IntegrityError as error:
        raise errors.Invalid("The name is taken", {"name": "Another article has this name"}) from error
    return found

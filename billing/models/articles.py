"""The tables of articles: what work orders are billed by, and what each customer's hold from the start."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from billing.models.words import ArticleUnit
from core.columns import CreatedAt, Id, Minor, choice
from core.db import Base


class Article(Base):
    """A line of the price list of work: what one piece, or one hour, costs; `is_net`: VAT comes on top."""

    __tablename__ = "articles"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(120), unique=True)
    unit: Mapped[ArticleUnit] = mapped_column(choice(ArticleUnit))
    price_minor: Mapped[Minor]
    currency: Mapped[str] = mapped_column(String(3))
    is_net: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    vat_rate_id: Mapped[int | None] = mapped_column(ForeignKey("vat_rates.id"), index=True)
    is_offered: Mapped[bool] = mapped_column(default=True, server_default=text("true"))

    __table_args__ = (CheckConstraint("price_minor > 0", name="price"),)


class StandingArticle(Base):
    """What new work orders of an account hold from the start, or its service calls (faults), or both.

    0 of an article by the hour waits for the real hours.
    """

    __tablename__ = "standing_articles"

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    article_id: Mapped[int] = mapped_column(ForeignKey("articles.id"), index=True)
    quantity_hundredths: Mapped[int]
    is_on_orders: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    is_on_service: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    author_id: Mapped[int | None] = mapped_column(BigInteger)
    author: Mapped[str] = mapped_column(String(120))
    given_at: Mapped[CreatedAt]

    article: Mapped[Article] = relationship(lazy="raise")

    __table_args__ = (
        UniqueConstraint("account_id", "article_id"),
        CheckConstraint("quantity_hundredths BETWEEN 0 AND 10000000", name="quantity"),
        CheckConstraint("is_on_orders OR is_on_service", name="somewhere"),
    )

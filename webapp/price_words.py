"""What prices are called in forms: for how long one is, and where its VAT stands."""

from flask_babel import lazy_gettext

from billing.models import PeriodKind
from webapp.forms import choices

ONCE = choices((PeriodKind.ONCE, lazy_gettext("once")))
RECURRING = choices(
    (PeriodKind.MONTH, lazy_gettext("a month")),
    (PeriodKind.QUARTER, lazy_gettext("a quarter")),
    (PeriodKind.HALF_YEAR, lazy_gettext("half a year")),
    (PeriodKind.YEAR, lazy_gettext("a year")),
    (PeriodKind.WEEK, lazy_gettext("a week")),
    (PeriodKind.DAY, lazy_gettext("a day")),
)
NET = choices(("no", lazy_gettext("VAT included")), ("yes", lazy_gettext("VAT on top")))

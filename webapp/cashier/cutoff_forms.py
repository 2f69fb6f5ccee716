"""The forms of the cutoff plan: what is said of rows, releasing the brake, undoing."""

from typing import Any

from flask_babel import gettext, lazy_gettext
from wtforms import DateField, StringField
from wtforms.validators import InputRequired, Length, Optional, ValidationError

from core import errors
from core.words import N_
from webapp.forms import REQUIRED, Form, ParagraphField, TextField

ACTS = ("approve", "remove", "defer", "reset", "undo", "disconnect")
NEED_REASON = ("remove", "defer", "undo", "disconnect")


class ReviewForm(Form):
    """What is done to the rows that are ticked, or to all the filters leave."""

    # The buttons and the box of the page, so not drawn as hidden fields.
    act = StringField()
    scope = StringField()
    note = TextField(lazy_gettext("Why"), [Length(max=300)])
    until = DateField(lazy_gettext("Until the end of"), [Optional()])

    def checked(self) -> str:
        """Return the act; raises Invalid at the field that is missing."""
        act = str(self.act.data or "")
        if act not in ACTS:
            raise errors.Invalid("Choose what to do")
        if act in NEED_REASON and not self.note.data:
            raise errors.Invalid("No reason", {"note": N_("Write why")})
        if act == "defer" and self.until.data is None:
            raise errors.Invalid("No day", {"until": N_("Say until when")})
        return act


class ReleaseForm(Form):
    """Why a braked plan is right all the same; how many it cuts is typed: nobody does it by a slip."""

    typed = TextField(
        lazy_gettext("Type how many it cuts off"),
        [InputRequired(REQUIRED)],
        render_kw={"inputmode": "numeric", "autocomplete": "off"},
    )
    reason = ParagraphField(
        lazy_gettext("Why this plan is right"), [InputRequired(REQUIRED), Length(max=1000)]
    )

    def __init__(self, cut_count: int, **more: Any) -> None:
        super().__init__(**more)
        self.cut_count = cut_count

    def validate_typed(self, field: Any) -> None:
        """Compare what was typed with the plan."""
        if str(field.data or "").strip() != str(self.cut_count):
            raise ValidationError(gettext("The plan cuts off another number."))


class UndoForm(Form):
    """Why a whole run is undone, and until when who was cut by it is left alone."""

    reason = TextField(lazy_gettext("Why"), [InputRequired(REQUIRED), Length(max=300)])
    spare_until = DateField(
        lazy_gettext("Cut nobody of them again until the end of"),
        [Optional()],
        description=lazy_gettext("Left empty, the next plan may cut them again."),
    )

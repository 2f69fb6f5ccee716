"""The URLs of the cashier."""

from flask import Blueprint

from webapp.cashier import (
    charge_runs,
    cutoff,
    dunning,
    money,
    money_out,
    owed,
    services,
    suspensions,
    what_if,
)

blueprint = Blueprint("cashier", __name__)

for _rule, _name, _view, _methods in (
    ("/customers/<int:customer_id>/money", "statement", money.statement, ["GET"]),
    ("/customers/<int:customer_id>/money/payment", "payment", money.payment, ["GET", "POST"]),
    ("/customers/<int:customer_id>/money/payback", "payback", money.payback, ["GET", "POST"]),
    ("/customers/<int:customer_id>/money/refund", "refund", money_out.refund, ["GET", "POST"]),
    ("/customers/<int:customer_id>/money/transfer", "transfer", money_out.transfer, ["GET", "POST"]),
    ("/customers/<int:customer_id>/money/promise", "promise", money.promise, ["GET", "POST"]),
    ("/customers/<int:customer_id>/money/what-if", "what_if", what_if.ask, ["GET"]),
    ("/promises/<int:promise_id>/withdraw", "withdraw_promise", money.withdraw_promise, ["POST"]),
    ("/ledger/<int:entry_id>", "entry", money_out.entry, ["GET"]),
    ("/ledger/<int:entry_id>/reverse", "reverse", money.reverse, ["GET", "POST"]),
    ("/customers/<int:customer_id>/money/terms", "terms", services.terms, ["GET", "POST"]),
    ("/customers/<int:customer_id>/services/new", "add_service", services.add, ["GET", "POST"]),
    ("/customers/<int:customer_id>/services/first-charge", "first_charge", services.first_charge, ["GET"]),
    ("/services/<int:subscription_id>/change", "change_service", services.change, ["GET", "POST"]),
    ("/services/<int:subscription_id>/change/effect", "change_effect", services.change_effect, ["GET"]),
    ("/services/<int:subscription_id>/change/<on>/forget", "forget_change", services.forget_change, ["POST"]),
    ("/services/<int:subscription_id>/end", "end_service", services.end, ["GET", "POST"]),
    ("/services/<int:subscription_id>/end/effect", "end_effect", services.end_effect, ["GET"]),
    ("/services/<int:subscription_id>/suspend", "suspend", suspensions.suspend, ["GET", "POST"]),
    ("/services/<int:subscription_id>/suspend/effect", "suspend_effect", suspensions.suspend_effect, ["GET"]),
    ("/services/<int:subscription_id>/let-in", "let_in", suspensions.let_in, ["POST"]),
    ("/customers/<int:customer_id>/money/charge", "charge", owed.charge, ["GET", "POST"]),
    ("/customers/<int:customer_id>/liabilities/new", "add_liability", owed.add, ["GET", "POST"]),
    ("/customers/<int:customer_id>/liabilities/effect", "liability_effect", owed.add_effect, ["GET"]),
    ("/liabilities/<int:liability_id>/end", "end_liability", owed.end, ["GET", "POST"]),
    ("/liabilities/<int:liability_id>/take-back", "take_back_liability", owed.take_back, ["POST"]),
    ("/customers/<int:customer_id>/discounts/new", "give_discount", owed.give, ["GET", "POST"]),
    ("/customers/<int:customer_id>/discounts/choices", "discount_choices", owed.choices, ["GET"]),
    ("/discounts/<int:given_id>/end", "end_discount", owed.end_discount, ["POST"]),
    ("/suspensions/<int:planned_id>/forget", "forget_suspension", suspensions.forget, ["POST"]),
    ("/reminders", "dunning", dunning.listing, ["GET"]),
    ("/reminders/steps/new", "add_dunning_step", dunning.add_step, ["GET", "POST"]),
    ("/reminders/steps/<int:step_id>", "edit_dunning_step", dunning.edit_step, ["GET", "POST"]),
    ("/reminders/steps/<int:step_id>/remove", "remove_dunning_step", dunning.remove_step, ["POST"]),
    ("/charges", "charge_runs", charge_runs.listing, ["GET"]),
    ("/charges/run", "start_charge_run", charge_runs.start, ["POST"]),
    ("/debtors", "debtors", cutoff.debtors, ["GET"]),
    ("/cutoff", "cutoff", cutoff.runs, ["GET"]),
    ("/cutoff/plan", "plan", cutoff.plan, ["POST"]),
    ("/cutoff/<int:run_id>", "run", cutoff.run, ["GET"]),
    ("/cutoff/<int:run_id>/apply", "apply", cutoff.apply, ["POST"]),
    ("/cutoff/<int:run_id>/discard", "discard", cutoff.discard, ["POST"]),
):
    blueprint.add_url_rule(_rule, _name, _view, methods=_methods)

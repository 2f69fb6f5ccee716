"""The statements of the charge run: what is due, what it costs, its entries and its documents, as one set."""

# What is billed, subscriptions under their terms in force and liabilities alike. Terms to come end these.
_SOURCES = """
    SELECT s.id AS subscription_id, NULL::bigint AS liability_id, s.account_id, s.terms_no,
           greatest(s.starts_on, s.terms_from) AS from_on,
           least(s.ends_on, planned.starts_on - 1) AS to_on,
           p.period, s.bill_day, s.bill_month, coalesce(s.is_postpaid, p.is_postpaid) AS is_postpaid,
           s.quantity, p.is_net, p.vat_rate_id, p.name AS words,
           coalesce(s.price_minor, CASE WHEN s.quantity > 1 THEN (
               SELECT v.price_minor FROM plan_prices v
               WHERE v.plan_id = p.id AND v.from_quantity <= s.quantity ORDER BY v.from_quantity DESC LIMIT 1
           ) END, p.price_minor) AS unit_minor
    FROM subscriptions s
    JOIN plans p ON p.id = s.plan_id
    LEFT JOIN (
        SELECT subscription_id, min(starts_on) AS starts_on FROM planned_changes GROUP BY subscription_id
    ) planned ON planned.subscription_id = s.id
    WHERE s.starts_on <= :on {of_accounts}
  UNION ALL
    SELECT NULL, s.id, s.account_id, 1, s.starts_on, s.ends_on, s.period, s.bill_day, s.bill_month,
           s.is_postpaid, s.quantity, s.is_net, s.vat_rate_id, s.description, s.price_minor
    FROM liabilities s
    WHERE s.starts_on <= :on {of_accounts}
"""

_CHARGED = """
    CASE WHEN b.subscription_id IS NOT NULL THEN (
        SELECT max(e.period_start) FROM ledger_entries e
        WHERE e.subscription_id = b.subscription_id AND e.terms_no = b.terms_no AND e.kind = 'charge'
    ) ELSE (
        SELECT max(e.period_start) FROM ledger_entries e
        WHERE e.liability_id = b.liability_id AND e.kind = 'charge'
    ) END
"""

# Every period after the last charged one that has begun, or is over when it is paid afterwards.
_DUE = f"""
    SELECT b.*, billing_begin(b.period, b.bill_day, n.ordinal) AS whole_start,
           billing_begin(b.period, b.bill_day, n.ordinal + billing_step(b.period))
               - billing_begin(b.period, b.bill_day, n.ordinal) AS whole_days,
           d.period_start, d.period_end,
           CASE WHEN b.is_postpaid THEN d.period_end + 1 ELSE d.period_start END AS dated_on
    FROM ({_SOURCES}) b
    CROSS JOIN LATERAL (SELECT {_CHARGED} AS start) charged
    CROSS JOIN LATERAL generate_series(
        greatest(
            billing_ordinal(b.period, b.bill_day, b.bill_month, b.from_on),
            billing_ordinal(b.period, b.bill_day, b.bill_month, charged.start) + billing_step(b.period)
        ),
        billing_ordinal(
            b.period, b.bill_day, b.bill_month,
            CASE WHEN b.period = 'once' THEN b.from_on ELSE least(:on, b.to_on) END
        ),
        billing_step(b.period)
    ) AS n (ordinal)
    CROSS JOIN LATERAL (
        SELECT greatest(billing_begin(b.period, b.bill_day, n.ordinal), b.from_on) AS period_start,
               CASE WHEN b.period = 'once' THEN b.from_on ELSE least(
                   billing_begin(b.period, b.bill_day, n.ordinal + billing_step(b.period)) - 1, b.to_on
               ) END AS period_end
    ) d
    WHERE b.from_on <= :on AND (b.to_on IS NULL OR b.to_on >= b.from_on)
      AND (NOT b.is_postpaid OR d.period_end < :on)
"""

# Percents add up, then sums come off, then VAT comes on top of a net price (see billing.prices.whole_minor).
_PRICED = f"""
    SELECT due.*, vat.percent_hundredths AS vat_hundredths,
           CASE WHEN due.is_net
               THEN off.minor + round(off.minor * coalesce(vat.percent_hundredths, 0) / 10000)
               ELSE off.minor END AS whole_minor
    FROM ({_DUE}) due
    LEFT JOIN (
        SELECT vat_rate_id, percent_hundredths, valid_from,
               lead(valid_from) OVER (PARTITION BY vat_rate_id ORDER BY valid_from) AS valid_to
        FROM vat_percents
    ) vat ON vat.vat_rate_id = due.vat_rate_id AND vat.valid_from <= due.dated_on
         AND (vat.valid_to IS NULL OR vat.valid_to > due.dated_on)
    LEFT JOIN LATERAL (
        SELECT sum(l.percent_hundredths) AS hundredths, sum(l.amount_minor) AS minor
        FROM account_discounts g JOIN discounts l ON l.id = g.discount_id
        WHERE due.subscription_id IS NOT NULL AND g.account_id = due.account_id
          AND (g.subscription_id IS NULL OR g.subscription_id = due.subscription_id)
          AND g.starts_on <= due.period_start AND (g.ends_on IS NULL OR g.ends_on >= due.period_start)
    ) letters ON true
    CROSS JOIN LATERAL (
        SELECT greatest(0, round(
            due.unit_minor::numeric * due.quantity
            * (10000 - least(10000, coalesce(letters.hundredths, 0))) / 10000
        ) - coalesce(letters.minor, 0)) AS minor
    ) off
"""

# A part is what falls to its last day less what falls to the eve of its first, each rounded by itself; days
# of a suspension that bills less are stretches of their own (see billing.prices.part_minor).
_SUMMED = f"""
    SELECT priced.*,
        CASE WHEN reduced.subscription_id IS NULL THEN
            round(priced.whole_minor * (priced.period_end - priced.whole_start + 1) / priced.whole_days)
            - round(priced.whole_minor * (priced.period_start - priced.whole_start) / priced.whole_days)
        ELSE (
            SELECT coalesce(sum(
                round(priced.whole_minor * t.percent * (t.last_day - priced.whole_start + 1)
                      / (100 * priced.whole_days))
                - round(priced.whole_minor * t.percent * (t.first_day - priced.whole_start)
                        / (100 * priced.whole_days))
            ), 0)
            FROM (
                SELECT s.day AS first_day,
                       coalesce(lead(s.day) OVER (ORDER BY s.day) - 1, priced.period_end) AS last_day,
                       coalesce((
                           SELECT min(k.billed_percent) FROM suspension_locks k
                           WHERE k.subscription_id = priced.subscription_id AND k.billed_percent < 100
                             AND k.from_on <= s.day AND (k.to_on IS NULL OR k.to_on >= s.day)
                       ), 100) AS percent
                FROM (
                    SELECT priced.period_start AS day
                    UNION SELECT k.from_on FROM suspension_locks k
                    WHERE k.subscription_id = priced.subscription_id AND k.billed_percent < 100
                    UNION SELECT k.to_on + 1 FROM suspension_locks k
                    WHERE k.subscription_id = priced.subscription_id AND k.billed_percent < 100
                ) s
                WHERE s.day BETWEEN priced.period_start AND priced.period_end
            ) t
        ) END AS minor
    FROM ({_PRICED}) priced
    LEFT JOIN (
        SELECT DISTINCT subscription_id FROM suspension_locks WHERE billed_percent < 100
    ) reduced ON reduced.subscription_id = priced.subscription_id
"""

_OF_ACCOUNTS = "AND s.account_id = ANY (:accounts)"

DUE_ACCOUNTS = f"""
    SELECT a.id FROM accounts a
    WHERE a.id IN (SELECT due.account_id FROM ({_DUE}) due WHERE due.unit_minor > 0)
    ORDER BY a.id
"""

_CHARGE = f"""
    WITH written AS (
        INSERT INTO ledger_entries (
            account_id, kind, amount_minor, currency, balance_after_minor, dated_on, due_on, method,
            subscription_id, liability_id, terms_no, period_start, period_end, whole_minor, vat_hundredths,
            description, author_id, author
        )
        SELECT a.id, 'charge', -d.minor, a.currency,
               a.balance_minor - sum(d.minor) OVER (
                   PARTITION BY a.id ORDER BY d.dated_on, d.subscription_id, d.liability_id, d.period_start
               ),
               d.dated_on, :on + coalesce(a.payment_days, :payment_days), 'none',
               d.subscription_id, d.liability_id, d.terms_no, d.period_start, d.period_end,
               d.whole_minor, d.vat_hundredths, d.words, :author_id, :author
        FROM ({_SUMMED}) d JOIN accounts a ON a.id = d.account_id
        WHERE d.minor > 0
        ORDER BY a.id, d.dated_on, d.subscription_id, d.liability_id, d.period_start
        ON CONFLICT DO NOTHING
        RETURNING id, account_id, amount_minor, currency
    ),
    summed AS (
        SELECT account_id, currency, sum(amount_minor) AS minor, array_agg(id) AS ids
        FROM written GROUP BY account_id, currency
    ),
    moved AS (
        UPDATE accounts a SET balance_minor = a.balance_minor + summed.minor
        FROM summed WHERE a.id = summed.account_id
        RETURNING a.id, a.documented, a.currency, -summed.minor AS minor, summed.ids
    )
    SELECT id, documented, currency, minor, ids FROM moved ORDER BY id
"""


def due_accounts(*, of_accounts: bool) -> str:
    """Return the query of the accounts with something to charge; parameters on, accounts."""
    return DUE_ACCOUNTS.format(of_accounts=_OF_ACCOUNTS if of_accounts else "")


CHARGE = _CHARGE.replace("{of_accounts}", _OF_ACCOUNTS)

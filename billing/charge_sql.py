"""The statements of the charge run: what is due, what it costs, its entries and its documents, as one set."""

# What is billed, subscriptions under their terms in force and liabilities alike. Terms to come end these.
_SOURCES = """
    SELECT s.id AS subscription_id, NULL::bigint AS liability_id, s.account_id, s.terms_no,
           greatest(s.starts_on, s.terms_from) AS from_on,
           least(s.ends_on, planned.starts_on - 1) AS to_on, s.ends_on, s.free_until,
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
    SELECT NULL, s.id, s.account_id, 1, s.starts_on, s.ends_on, s.ends_on, NULL,
           s.period, s.bill_day, s.bill_month, s.is_postpaid,
           s.quantity, s.is_net, s.vat_rate_id, s.description, s.price_minor
    FROM liabilities s
    WHERE s.starts_on <= :on {of_accounts}
"""

# Every period after the last charged one, or the last that cost nothing, that has begun, or is over when it
# is paid afterwards. Each step
# is worked out once (MATERIALIZED): folded into the next it would be worked out for every use of its
# columns. Of an array the planner expects ten elements, of a series a thousand: the first is nearer to the
# one or two there are.
_DUE = f"""
    sources AS MATERIALIZED ({_SOURCES}),
    numbered AS MATERIALIZED (
        SELECT b.*, billing_step(b.period) AS step,
               billing_ordinal(b.period, b.bill_day, b.bill_month, b.from_on) AS first_ordinal,
               billing_ordinal(
                   b.period, b.bill_day, b.bill_month,
                   CASE WHEN b.period = 'once' THEN b.from_on ELSE least(:on, b.to_on) END
               ) AS last_ordinal,
               greatest(b.free_until, CASE WHEN b.subscription_id IS NOT NULL THEN (
                   SELECT max(e.period_start) FROM ledger_entries e
                   WHERE e.subscription_id = b.subscription_id AND e.terms_no = b.terms_no
                     AND e.kind = 'charge'
               ) ELSE (
                   SELECT max(e.period_start) FROM ledger_entries e
                   WHERE e.liability_id = b.liability_id AND e.kind = 'charge'
               ) END) AS charged_on
        FROM sources b
        WHERE b.from_on <= :on AND (b.to_on IS NULL OR b.to_on >= b.from_on)
    ),
    spans AS MATERIALIZED (
        SELECT b.*, billing_begin(b.period, b.bill_day, n.ordinal) AS whole_start,
               billing_begin(b.period, b.bill_day, n.ordinal + b.step) AS next_start
        FROM numbered b
        CROSS JOIN LATERAL unnest(ARRAY(SELECT generate_series(
            greatest(
                b.first_ordinal,
                billing_ordinal(b.period, b.bill_day, b.bill_month, b.charged_on) + b.step
            ),
            b.last_ordinal, b.step
        ))) AS n (ordinal)
    ),
    due AS MATERIALIZED (
        SELECT b.*, b.next_start - b.whole_start AS whole_days,
               CASE WHEN b.is_postpaid THEN b.period_end + 1 ELSE b.period_start END AS dated_on,
               CASE WHEN b.is_postpaid THEN b.period_end ELSE b.period_start END AS taxed_on
        FROM (
            SELECT spans.*, greatest(whole_start, from_on) AS period_start,
                   CASE WHEN period = 'once' THEN from_on ELSE least(next_start - 1, to_on) END AS period_end
            FROM spans
        ) b
        WHERE NOT b.is_postpaid OR b.period_end < :on
    )
"""

# Percents add up, then sums come off, then VAT comes on top of a net price (see billing.prices.whole_minor):
# the VAT of the day the supply is taxed on, which is over with its period when that is paid afterwards. What
# is sold with a VAT rate that has no percent on the day is refused, and what follows it waits: a period left
# out would never be charged behind another.
_PRICED = """
    letters AS MATERIALIZED (
        SELECT g.account_id, g.subscription_id, g.starts_on, g.ends_on, l.percent_hundredths, l.amount_minor
        FROM account_discounts g JOIN discounts l ON l.id = g.discount_id
        WHERE g.account_id = ANY (:accounts)
    ),
    lowered AS (
        SELECT due.subscription_id, due.period_start, sum(l.percent_hundredths) AS hundredths,
               coalesce(sum(l.amount_minor), 0) AS minor
        FROM due JOIN letters l ON l.account_id = due.account_id
             AND (l.subscription_id IS NULL OR l.subscription_id = due.subscription_id)
             AND l.starts_on <= due.period_start AND (l.ends_on IS NULL OR l.ends_on >= due.period_start)
        WHERE due.subscription_id IS NOT NULL
        GROUP BY due.subscription_id, due.period_start
    ),
    vat AS MATERIALIZED (
        SELECT vat_rate_id, percent_hundredths, valid_from,
               lead(valid_from) OVER (PARTITION BY vat_rate_id ORDER BY valid_from) AS valid_to
        FROM vat_percents
    ),
    offered AS MATERIALIZED (
        SELECT due.*, vat.percent_hundredths AS vat_hundredths,
               greatest(0, round(
                   due.unit_minor::numeric * due.quantity
                   * (10000 - least(10000, coalesce(f.hundredths, 0))) / 10000
               ) - coalesce(f.minor, 0)) AS asked
        FROM due
        LEFT JOIN lowered f ON f.subscription_id = due.subscription_id AND f.period_start = due.period_start
        LEFT JOIN vat ON vat.vat_rate_id = due.vat_rate_id AND vat.valid_from <= due.taxed_on
             AND (vat.valid_to IS NULL OR vat.valid_to > due.taxed_on)
    ),
    refused AS MATERIALIZED (
        SELECT coalesce(subscription_id, -liability_id) AS source, vat_rate_id, min(taxed_on) AS since,
               count(*) AS periods
        FROM offered
        WHERE vat_rate_id IS NOT NULL AND vat_hundredths IS NULL AND asked > 0
        GROUP BY subscription_id, liability_id, vat_rate_id
    ),
    priced AS MATERIALIZED (
        SELECT o.*, CASE WHEN o.is_net
                   THEN o.asked + round(o.asked * coalesce(o.vat_hundredths, 0) / 10000)
                   ELSE o.asked END AS whole_minor
        FROM offered o
    )
"""

# A part is what falls to its last day less what falls to the eve of its first, each rounded by itself; days
# of a suspension that bills less weigh less (see billing.prices.part_minor).
_SUMMED = """
    reduced AS MATERIALIZED (
        SELECT k.subscription_id, k.from_on, k.to_on, k.billed_percent
        FROM suspension_locks k
        WHERE k.billed_percent < 100 AND k.subscription_id IN (SELECT subscription_id FROM due)
    ),
    lessening AS MATERIALIZED (
        SELECT * FROM priced WHERE subscription_id IN (SELECT subscription_id FROM reduced)
    ),
    stretched AS MATERIALIZED (
        SELECT p.subscription_id, p.period_start, p.whole_days, p.whole_minor, t.day AS first_day,
               coalesce(
                   lead(t.day) OVER (PARTITION BY p.subscription_id, p.period_start ORDER BY t.day) - 1,
                   p.period_end
               ) AS last_day,
               coalesce((
                   SELECT min(k.billed_percent) FROM reduced k
                   WHERE k.subscription_id = p.subscription_id AND k.from_on <= t.day
                     AND (k.to_on IS NULL OR k.to_on >= t.day)
               ), 100) AS percent
        FROM lessening p
        CROSS JOIN LATERAL (
            SELECT p.whole_start AS day
            UNION SELECT k.from_on FROM reduced k WHERE k.subscription_id = p.subscription_id
            UNION SELECT k.to_on + 1 FROM reduced k WHERE k.subscription_id = p.subscription_id
        ) t
        WHERE t.day BETWEEN p.whole_start AND p.period_end
    ),
    lessened AS MATERIALIZED (
        SELECT subscription_id, period_start,
               round(whole_minor * sum(percent * (last_day - first_day + 1)) / (100 * whole_days))
               - round(
                   whole_minor * sum(percent * greatest(0, least(last_day, period_start - 1) - first_day + 1))
                   / (100 * whole_days)
               ) AS minor
        FROM stretched GROUP BY subscription_id, period_start, whole_minor, whole_days
    ),
    costed AS MATERIALIZED (
        SELECT p.*, less.minor IS NOT NULL AS is_lessened, coalesce(
                   less.minor,
                   round(p.whole_minor * (p.period_end - p.whole_start + 1) / p.whole_days)
                   - round(p.whole_minor * (p.period_start - p.whole_start) / p.whole_days)
               ) AS minor
        FROM priced p
        LEFT JOIN lessened less
          ON less.subscription_id = p.subscription_id AND less.period_start = p.period_start
    )
"""

_OF_ACCOUNTS = "AND s.account_id = ANY (:accounts)"

DUE_ACCOUNTS = f"""
    WITH {_DUE}
    SELECT DISTINCT account_id FROM due ORDER BY account_id
"""

# What the charge statement refuses, and until when: of a source (a subscription, or a liability below zero).
REFUSED = f"""
    WITH {_DUE}, {_PRICED}
    SELECT r.source, v.name AS rate, r.since FROM refused r JOIN vat_rates v ON v.id = r.vat_rate_id
""".replace("{of_accounts}", _OF_ACCOUNTS)

# Who may have something to charge, at the price of one look into an index each: nothing charged reaches the
# day itself, or the end, or, paid afterwards, the eve of the period it lies in. The charge statement decides.
CANDIDATES = """
    SELECT DISTINCT s.account_id
    FROM (
        SELECT s.account_id, s.id AS subscription_id, NULL::bigint AS liability_id, s.terms_no, p.period,
               s.bill_day, s.bill_month, s.ends_on, coalesce(s.is_postpaid, p.is_postpaid) AS is_postpaid,
               s.free_until
        FROM subscriptions s JOIN plans p ON p.id = s.plan_id
        WHERE s.starts_on <= :on AND s.terms_from IS NOT DISTINCT FROM least(s.terms_from, :on)
      UNION ALL
        SELECT l.account_id, NULL, l.id, 1, l.period, l.bill_day, l.bill_month, l.ends_on, l.is_postpaid, NULL
        FROM liabilities l WHERE l.starts_on <= :on
    ) s
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN s.ends_on < :on THEN s.ends_on
            WHEN s.is_postpaid THEN billing_begin(
                s.period, s.bill_day, billing_ordinal(s.period, s.bill_day, s.bill_month, :on)
            ) - 1
            ELSE :on END AS day
    ) reached
    WHERE (s.free_until >= reached.day) IS NOT TRUE
      AND CASE WHEN s.subscription_id IS NOT NULL THEN NOT EXISTS (
        SELECT FROM ledger_entries e
        WHERE e.subscription_id = s.subscription_id AND e.terms_no = s.terms_no AND e.kind = 'charge'
          AND e.period_end >= reached.day
    ) ELSE NOT EXISTS (
        SELECT FROM ledger_entries e
        WHERE e.liability_id = s.liability_id AND e.kind = 'charge'
          AND (e.period_end >= reached.day OR s.period = 'once')
    ) END
    ORDER BY s.account_id
"""

# A charge of closed days is dated the first open one (:open_on); its period stays what it is.
# What costs nothing by its price leaves no entry but a mark, so that no later price asks for it. Not so what
# is free because it is suspended, or cut short by terms to come: that may still cost something.
_CHARGE = f"""
    WITH {_DUE}, {_PRICED}, {_SUMMED},
    written AS (
        INSERT INTO ledger_entries (
            account_id, kind, amount_minor, currency, balance_after_minor, dated_on, due_on, method,
            subscription_id, liability_id, terms_no, period_start, period_end, whole_minor, vat_hundredths,
            quantity, description, author_id, author
        )
        SELECT a.id, 'charge', -d.minor, a.currency,
               a.balance_minor - sum(d.minor) OVER (
                   PARTITION BY a.id ORDER BY d.dated_on, d.subscription_id, d.liability_id, d.period_start
               ),
               greatest(d.dated_on, :open_on), :made_on + coalesce(a.payment_days, :payment_days), 'none',
               d.subscription_id, d.liability_id, d.terms_no, d.period_start, d.period_end,
               d.whole_minor, d.vat_hundredths, d.quantity, d.words, :author_id, :author
        FROM costed d JOIN accounts a ON a.id = d.account_id
        WHERE d.minor > 0
          AND coalesce(d.subscription_id, -d.liability_id) NOT IN (SELECT source FROM refused)
        ORDER BY a.id, d.dated_on, d.subscription_id, d.liability_id, d.period_start
        ON CONFLICT DO NOTHING
        RETURNING id, account_id, amount_minor, currency
    ),
    moved AS (
        UPDATE accounts a SET balance_minor = a.balance_minor + summed.minor
        FROM (SELECT account_id, sum(amount_minor) AS minor FROM written GROUP BY account_id) summed
        WHERE a.id = summed.account_id
        RETURNING a.id, a.documented, a.payer_id IS NULL AS is_nameless
    ),
    passed AS (
        UPDATE subscriptions s SET free_until = f.until
        FROM (
            SELECT subscription_id,
                   max(CASE WHEN whole_minor = 0 THEN next_start - 1 ELSE period_end END) AS until
            FROM costed
            WHERE minor = 0 AND (
                whole_minor = 0
                OR NOT is_lessened AND period_end = least(next_start - 1, ends_on)
            ) AND subscription_id NOT IN (SELECT source FROM refused)
            GROUP BY subscription_id
        ) f
        WHERE s.id = f.subscription_id
    )
    SELECT m.documented, w.currency, -sum(w.amount_minor) AS minor, count(DISTINCT w.account_id) AS accounts,
           array_agg(w.id) AS ids, count(*) FILTER (WHERE m.is_nameless) AS nameless,
           NULL AS rate, NULL::date AS since, 0 AS periods
    FROM written w JOIN moved m ON m.id = w.account_id
    GROUP BY m.documented, w.currency
  UNION ALL
    SELECT NULL, NULL, 0, 0, NULL, 0, v.name, min(r.since), sum(r.periods)
    FROM refused r JOIN vat_rates v ON v.id = r.vat_rate_id
    GROUP BY v.name
    ORDER BY currency, documented, rate
"""

# What a batch asks for stands in memory, near together: looks into an index cost little, and plans that go by
# them hold when the tables grow under the run. And once a batch: through which day the books are closed.
BEGIN = "SELECT books_closed_through() FROM set_config('random_page_cost', '1.1', true)"


def due_accounts(*, of_accounts: bool) -> str:
    """Return the query of the accounts with something to charge; parameters on, accounts."""
    return DUE_ACCOUNTS.format(of_accounts=_OF_ACCOUNTS if of_accounts else "")


CHARGE = _CHARGE.replace("{of_accounts}", _OF_ACCOUNTS)

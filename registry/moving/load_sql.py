"""The statements of moving in: recognise what is there, make what is not. Tables: see stage.py."""

RECOGNISE = (
    """
    UPDATE moving_customers m SET is_known = true, customer_id = c.id, account_id = c.account_id
    FROM external_identities x JOIN customers c ON c.id = x.object_id
    WHERE x.system = :system AND x.kind = 'customer' AND x.external_id = m.ref
    """,
    """
    UPDATE moving_customers m SET is_known = true, customer_id = c.id, account_id = c.account_id
    FROM customers c WHERE c.number = m.number AND NOT m.is_known AND NOT EXISTS (
        SELECT FROM external_identities x
        WHERE x.system = :system AND x.kind = 'customer' AND x.object_id = c.id
    )
    """,
    """
    UPDATE moving_plans m SET is_known = true, plan_id = p.id
    FROM external_identities x JOIN plans p ON p.id = x.object_id
    WHERE x.system = :system AND x.kind = 'plan' AND x.external_id = m.ref
    """,
    """
    UPDATE moving_plans m SET is_known = true, plan_id = p.id
    FROM plans p WHERE NOT m.is_known AND p.name = m.name AND p.currency = :currency AND p.period = m.period
      AND p.price_minor = m.price_minor AND p.is_net = m.is_net
    """,
    """
    UPDATE moving_plans m SET name = left(m.name, 100) || ' (' || left(m.ref, 16) || ')'
    WHERE NOT m.is_known AND (
        EXISTS (SELECT FROM plans p WHERE p.name = m.name)
        OR EXISTS (SELECT FROM moving_plans o WHERE o.name = m.name AND o.ref < m.ref)
    )
    """,
    """
    UPDATE moving_services m SET is_known = true, subscription_id = x.object_id
    FROM external_identities x
    WHERE x.system = :system AND x.kind = 'subscription' AND x.external_id = m.ref
    """,
    """
    UPDATE moving_networks m SET is_known = true, network_id = n.id
    FROM networks n WHERE n.cidr = m.cidr
    """,
    """
    UPDATE moving_customers SET customer_id = nextval(pg_get_serial_sequence('customers', 'id')),
           account_id = nextval(pg_get_serial_sequence('accounts', 'id'))
    WHERE NOT is_known
    """,
    """
    UPDATE moving_plans SET plan_id = nextval(pg_get_serial_sequence('plans', 'id')) WHERE NOT is_known
    """,
    """
    UPDATE moving_services s SET subscription_id = nextval(pg_get_serial_sequence('subscriptions', 'id'))
    FROM moving_customers c WHERE c.ref = s.customer_ref AND NOT c.is_known AND NOT s.is_known
    """,
    """
    UPDATE moving_networks SET network_id = nextval(pg_get_serial_sequence('networks', 'id'))
    WHERE NOT is_known
    """,
)

TAKEN = """
SELECT c.number FROM moving_customers m JOIN customers c ON c.number = m.number
WHERE NOT EXISTS (
    SELECT FROM external_identities x
    WHERE x.system = :system AND x.kind = 'customer' AND x.object_id = c.id AND x.external_id = m.ref
)
ORDER BY c.number LIMIT 20
"""

KNOWN = "SELECT count(*) FROM moving_customers WHERE is_known"

NEW_CUSTOMERS = "SELECT customer_id FROM moving_customers WHERE NOT is_known ORDER BY customer_id"

# Payers never change: one with the tax number follows the one without.
TAX_NUMBERS = """
WITH written AS (
    INSERT INTO payers (
        id, name, address, country, tax_number, number, email, language, takes_documents
    )
    SELECT nextval(pg_get_serial_sequence('payers', 'id')), p.name, p.address, p.country, m.tax_number,
        p.number,
           p.email, p.language, p.takes_documents
    FROM moving_customers m
    JOIN accounts a ON a.id = m.account_id
    JOIN payers p ON p.id = a.payer_id
    WHERE NOT m.is_known AND m.tax_number <> ''
    RETURNING id, number
)
UPDATE accounts a SET payer_id = w.id
FROM written w JOIN moving_customers m ON m.number = w.number
WHERE a.id = m.account_id AND NOT m.is_known
"""

_IDENTITIES = """
INSERT INTO external_identities (system, kind, external_id, object_id, batch_id)
SELECT :system, '{kind}', ref, {id}, :batch_id FROM {table} m WHERE NOT is_known AND {id} IS NOT NULL
"""


def _identities(kind: str, table: str, column: str) -> str:
    return _IDENTITIES.format(kind=kind, table=table, id=column)


# In this order: each needs those before it. Services of customers who were there already are theirs to keep.
MAKE = {
    "accounts": """
        INSERT INTO accounts (id, currency, payment_days)
        SELECT account_id, :currency, payment_days FROM moving_customers WHERE NOT is_known ORDER BY
            account_id
    """,
    "customers": """
        INSERT INTO customers (id, number, kind, first_name, last_name, company_name, sort_name, status,
                               account_id, alert, created_at, version)
        SELECT customer_id, number, kind, first_name, last_name, company_name, sort_name, status, account_id,
               left(alert, 500), coalesce(created_at, now()), 1
        FROM moving_customers WHERE NOT is_known ORDER BY customer_id
    """,
    "customer ids": _identities("customer", "moving_customers", "customer_id"),
    "contacts": """
        INSERT INTO contacts (customer_id, name, phone, email, is_primary)
        SELECT c.customer_id, m.name, m.phone, m.email, m.is_primary
        FROM moving_contacts m JOIN moving_customers c ON c.ref = m.customer_ref AND NOT c.is_known
        ORDER BY c.customer_id, m.ctid
    """,
    "addresses": """
        INSERT INTO addresses (customer_id, kind, street, building, unit, city, region, postcode, country,
                               sort_text)
        SELECT c.customer_id, m.kind, m.street, m.building, m.unit, m.city, m.region, m.postcode, m.country,
               m.sort_text
        FROM moving_addresses m JOIN moving_customers c ON c.ref = m.customer_ref AND NOT c.is_known
    """,
    "notes": """
        INSERT INTO notes (customer_id, content, author, author_id)
        SELECT customer_id, note, :author, CAST(:author_id AS bigint)
        FROM moving_customers WHERE NOT is_known AND note <> ''
    """,
    "vat rates": """
        INSERT INTO vat_rates (name)
        SELECT DISTINCT 'VAT ' || trim_scale(vat_hundredths / 100.0) || ' %'
        FROM (SELECT vat_hundredths FROM moving_plans WHERE NOT is_known
              UNION SELECT vat_hundredths FROM moving_liabilities) m
        WHERE vat_hundredths IS NOT NULL
        ON CONFLICT DO NOTHING
    """,
    "vat percents": """
        INSERT INTO vat_percents (vat_rate_id, valid_from, percent_hundredths)
        SELECT r.id, DATE '2000-01-01', m.vat_hundredths
        FROM (SELECT vat_hundredths FROM moving_plans UNION SELECT vat_hundredths FROM moving_liabilities) m
        JOIN vat_rates r ON r.name = 'VAT ' || trim_scale(m.vat_hundredths / 100.0) || ' %'
        WHERE NOT EXISTS (SELECT FROM vat_percents p WHERE p.vat_rate_id = r.id)
    """,
    "plans": """
        INSERT INTO plans (id, name, price_minor, is_net, currency, period, vat_rate_id, down_kbps, up_kbps,
            is_offered)
        SELECT m.plan_id, m.name, m.price_minor, m.is_net, :currency, m.period, r.id, m.down_kbps, m.up_kbps,
            m.is_offered
        FROM moving_plans m
        LEFT JOIN vat_rates r ON r.name = 'VAT ' || trim_scale(m.vat_hundredths / 100.0) || ' %'
        WHERE NOT m.is_known ORDER BY m.plan_id
    """,
    "plan ids": _identities("plan", "moving_plans", "plan_id"),
    "subscriptions": """
        INSERT INTO subscriptions (id, account_id, plan_id, price_minor, quantity, starts_on, ends_on,
            terms_from,
                                   bill_day, bill_month, is_postpaid)
        SELECT m.subscription_id, c.account_id, p.plan_id, m.price_minor, m.quantity, m.starts_on, m.ends_on,
               greatest(m.billed_from, m.starts_on), m.bill_day, m.bill_month, m.is_postpaid
        FROM moving_services m
        JOIN moving_customers c ON c.ref = m.customer_ref AND NOT c.is_known
        JOIN moving_plans p ON p.ref = m.plan_ref
        WHERE NOT m.is_known ORDER BY m.subscription_id
    """,
    "subscription ids": _identities("subscription", "moving_services", "subscription_id"),
    "lines": """
        INSERT INTO lines (subscription_id, customer_id, login)
        SELECT m.subscription_id, c.customer_id, g.login
        FROM moving_services m JOIN moving_customers c ON c.ref = m.customer_ref AND NOT c.is_known
        LEFT JOIN moving_logins g ON g.ref = m.ref
        WHERE NOT m.is_known
    """,
    "percents off": """
        INSERT INTO discounts (name, percent_hundredths)
        SELECT DISTINCT trim_scale(off_hundredths / 100.0) || ' % off', off_hundredths
        FROM moving_services m JOIN moving_customers c ON c.ref = m.customer_ref AND NOT c.is_known
        WHERE off_hundredths > 0 AND NOT m.is_known
        ON CONFLICT DO NOTHING
    """,
    "sums off": """
        INSERT INTO discounts (name, amount_minor, currency)
        SELECT DISTINCT round(off_minor / CAST(:unit AS numeric), CAST(:places AS integer)) || ' '
               || CAST(:currency AS text) || ' off', off_minor, CAST(:currency AS text)
        FROM moving_services m JOIN moving_customers c ON c.ref = m.customer_ref AND NOT c.is_known
        WHERE off_minor > 0 AND NOT m.is_known
        ON CONFLICT DO NOTHING
    """,
    "discounts": """
        INSERT INTO account_discounts (account_id, subscription_id, discount_id, starts_on, ends_on, author,
                                       author_id)
        SELECT c.account_id, m.subscription_id, d.id, m.starts_on, m.ends_on, :author, CAST(:author_id AS
            bigint)
        FROM moving_services m
        JOIN moving_customers c ON c.ref = m.customer_ref AND NOT c.is_known
        JOIN discounts d
          ON (d.percent_hundredths = m.off_hundredths
              AND d.name = trim_scale(m.off_hundredths / 100.0) || ' % off')
          OR (d.amount_minor = m.off_minor
              AND d.name = round(m.off_minor / CAST(:unit AS numeric), CAST(:places AS integer)) || ' '
                  || CAST(:currency AS text) || ' off')
        WHERE NOT m.is_known
    """,
    "liabilities": """
        WITH made AS (
            INSERT INTO liabilities (account_id, description, price_minor, vat_rate_id, period, starts_on,
                                     ends_on, bill_day, bill_month, is_postpaid, author, author_id)
            SELECT c.account_id, left(m.description, 200), m.price_minor, r.id, m.period, m.starts_on,
                m.ends_on,
                   m.bill_day, m.bill_month, m.is_postpaid, :author, CAST(:author_id AS bigint)
            FROM moving_liabilities m
            JOIN moving_customers c ON c.ref = m.customer_ref AND NOT c.is_known
            LEFT JOIN vat_rates r ON r.name = 'VAT ' || trim_scale(m.vat_hundredths / 100.0) || ' %'
            RETURNING id
        )
        INSERT INTO external_identities (system, kind, external_id, object_id, batch_id)
        SELECT :system, 'liability', 'import ' || :batch_id || ' no ' || id, id, :batch_id FROM made
    """,
    "networks": """
        INSERT INTO networks (id, name, cidr, vlan)
        SELECT network_id, name, cidr, vlan FROM moving_networks m
        WHERE NOT is_known AND NOT EXISTS (SELECT FROM networks n WHERE n.cidr && m.cidr)
    """,
    "network ids": """
        INSERT INTO external_identities (system, kind, external_id, object_id, batch_id)
        SELECT :system, 'network', m.ref, m.network_id, :batch_id
        FROM moving_networks m JOIN networks n ON n.id = m.network_id WHERE NOT m.is_known
        ON CONFLICT DO NOTHING
    """,
    "ip addresses": """
        INSERT INTO ip_addresses (address, network_id, customer_id, line_id, mac, description)
        SELECT * FROM (
            SELECT DISTINCT ON (m.address) m.address, n.id, c.customer_id, NULL::bigint, m.mac,
                   left(m.description, 200)
            FROM moving_nodes m
            JOIN moving_customers c ON c.ref = m.customer_ref AND NOT c.is_known
            JOIN networks n ON n.cidr >>= m.address
            ORDER BY m.address, m.ref
        ) found
        -- A prefix around somebody's address is the slip of the two.
        ORDER BY masklen(address) DESC, address
        ON CONFLICT DO NOTHING
    """,
    "history": """
        INSERT INTO audit_events (staff_id, staff_name, action, customer_id, object_kind, object_id,
            changes, note)
        SELECT CAST(:author_id AS bigint), left(:author, 120), 'customer.imported', customer_id, 'import',
               :batch_id, jsonb_build_object('number', jsonb_build_array(NULL, number),
                                             'external_id', jsonb_build_array(NULL, ref)), ''
        FROM moving_customers WHERE NOT is_known
    """,
}

NEW_SERVICES = """
SELECT m.subscription_id FROM moving_services m
JOIN moving_customers c ON c.ref = m.customer_ref AND NOT c.is_known
WHERE NOT m.is_known ORDER BY 1
"""

# Groups of subscriptions to lock, each with what its lock says before the ids.
IDLE = """
SELECT c.status, array_agg(m.subscription_id) FROM moving_services m
JOIN moving_customers c ON c.ref = m.customer_ref AND NOT c.is_known
WHERE NOT m.is_known AND c.status <> 'connected' GROUP BY c.status
"""
HELD = """
SELECT c.off_words, array_agg(m.subscription_id) FROM moving_services m
JOIN moving_customers c ON c.ref = m.customer_ref AND NOT c.is_known
WHERE NOT m.is_known AND c.off_words <> '' GROUP BY c.off_words
"""
SUSPENDED = """
SELECT m.suspended_percent, m.suspended_to, array_agg(m.subscription_id) FROM moving_services m
JOIN moving_customers c ON c.ref = m.customer_ref AND NOT c.is_known
WHERE NOT m.is_known AND m.is_suspended GROUP BY m.suspended_percent, m.suspended_to
"""

# What lowers the balance is due: the source's days after its own day, an opening debt at once.
MONEY = """
INSERT INTO moving_entries (account_id, place, kind, amount_minor, dated_on, due_on, method, reference,
                            description, author, author_id, key)
SELECT c.account_id, m.place, m.kind, m.minor, m.dated_on,
       CASE WHEN m.minor < 0 AND m.kind IN ('charge', 'adjustment') THEN
           m.dated_on + coalesce(m.due_days, c.payment_days, CAST(:payment_days AS integer)) END,
       m.method, m.reference, m.description, coalesce(nullif(m.author, ''), :author),
       CASE WHEN m.author = '' THEN CAST(:author_id AS bigint) END,
       'moved:' || :system || ':' || m.ref || ':' || c.account_id
FROM moving_money m JOIN moving_customers c ON c.ref = m.customer_ref
WHERE NOT c.is_known OR (:updates AND EXISTS (
    SELECT FROM external_identities x
    WHERE x.system = :system AND x.kind = 'customer' AND x.external_id = c.ref
))
"""

"""What is asked of an LMS database, by the columns of its schema (doc/lms.pgsql)."""

# Columns that older schemas do not have, and what they would say there.
LATER = {
    ("cash", "currencyvalue"): "1",
    ("assignments", "count"): "1",
    ("assignments", "backwardperiod"): "0",
    ("assignments", "commited"): "1",
    ("tariffs", "currency"): "NULL::text",
    ("tariffs", "period"): "NULL::smallint",
    ("liabilities", "currency"): "NULL::text",
    ("nodes", "ipaddr_pub"): "0",
    ("networks", "vlanid"): "NULL::smallint",
    ("documents", "fullnumber"): "NULL::text",
}

COLUMNS = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = ANY (current_schemas(false))
"""

CUSTOMERS = """
SELECT id, extid, lastname, name, status, type, deleted, ten, notes, info, message, creationdate, paytime
FROM customers ORDER BY id
"""

CONTACTS = "SELECT customerid, name, contact, coalesce(type, 0) FROM customercontacts ORDER BY customerid, id"

ADDRESSES = """
SELECT l.customer_id, l.type, a.street, a.house, a.flat, a.city, a.state, a.zip, c.ccode
FROM customer_addresses l JOIN addresses a ON a.id = l.address_id
LEFT JOIN countries c ON c.id = a.country_id
ORDER BY l.customer_id, l.id
"""

NETWORKS = """
SELECT n.id, n.name, host('0.0.0.0'::inet + n.address), n.mask, {vlan}
FROM networks n {vlans} WHERE n.address > 0 ORDER BY n.id
"""
VLANS = "LEFT JOIN vlans v ON v.id = n.vlanid"

NODES = """
SELECT n.id, n.ownerid, n.name, host('0.0.0.0'::inet + n.ipaddr), coalesce({nodes.ipaddr_pub}, 0) AS public,
       host('0.0.0.0'::inet + coalesce({nodes.ipaddr_pub}, 0)), n.access,
       (SELECT mac FROM macs m WHERE m.nodeid = n.id ORDER BY m.id LIMIT 1)
FROM nodes n WHERE n.ownerid > 0 ORDER BY n.id
"""

TARIFFS = """
SELECT t.id, t.name, t.value, {tariffs.period}, x.value, t.downceil, t.downrate, t.upceil, t.uprate,
    t.disabled,
       {tariffs.currency}
FROM tariffs t JOIN taxes x ON x.id = t.taxid ORDER BY t.id
"""

# Suspended: by itself, or with all of his by an assignment of nothing that holds on the opening day.
ASSIGNMENTS = """
SELECT a.id, a.customerid, a.tariffid, a.liabilityid, l.name, l.value, lx.value, a.period, a.at, a.datefrom,
       a.dateto, a.settlement, a.pdiscount, a.vdiscount, {assignments.count}, {assignments.backwardperiod},
       a.suspended, s.id IS NOT NULL AS all_suspended, coalesce(s.dateto, 0), {liabilities.currency}
FROM assignments a
LEFT JOIN liabilities l ON l.id = a.liabilityid
LEFT JOIN taxes lx ON lx.id = l.taxid
LEFT JOIN LATERAL (
    SELECT o.id, o.dateto FROM assignments o
    WHERE o.customerid = a.customerid AND o.tariffid IS NULL AND o.liabilityid IS NULL
      AND o.datefrom <= %(opening)s AND (o.dateto > %(opening)s OR o.dateto = 0)
    ORDER BY (o.dateto = 0) DESC, o.dateto DESC LIMIT 1
) s ON true
WHERE (a.tariffid IS NOT NULL OR a.liabilityid IS NOT NULL) AND {assignments.commited} = 1
  AND (a.dateto = 0 OR a.dateto >= %(opening)s)
ORDER BY a.id
"""

SUSPENSION_PERCENT = """
SELECT value FROM uiconfig
WHERE var = 'suspension_percentage' AND section IN ('finances', 'payments') AND disabled = 0
ORDER BY section LIMIT 1
"""

# Every sum is rounded as the customer's running total is, so that the parts add up to his balance exactly.
HISTORY = """
COPY (
    SELECT 'cash:' || id, customerid, row_number() OVER (ORDER BY time, id), day,
           CASE WHEN minor < 0 THEN CASE WHEN type = 0 THEN 'charge' ELSE 'refund' END
                WHEN type = 1 THEN 'payment' ELSE 'adjustment' END,
           minor, days, method, number, comment, author
    FROM (
        SELECT c.id, c.time, c.customerid, c.type, (to_timestamp(c.time) AT TIME ZONE {zone})::date AS day,
               (floor(sum(c.value * coalesce({cash.currencyvalue}, 1)) OVER w * {scale} + 0.5)
                - floor((sum(c.value * coalesce({cash.currencyvalue}, 1)) OVER w
                         - c.value * coalesce({cash.currencyvalue}, 1)) * {scale} + 0.5))::bigint AS minor,
               CASE WHEN d.id IS NOT NULL THEN d.paytime END AS days,
               CASE WHEN d.type = 2 THEN 'cash' WHEN c.importid IS NOT NULL OR c.sourceid IS NOT NULL
                    THEN 'bank' ELSE 'none' END AS method,
               coalesce({documents.fullnumber}, nullif(d.number, 0)::text, '') AS number,
               c.comment,
               coalesce(nullif(trim(concat_ws(' ', u.firstname, u.lastname)), ''), u.login, 'LMS') AS author
        FROM cash c
        LEFT JOIN documents d ON d.id = c.docid
        LEFT JOIN users u ON u.id = c.userid
        WHERE c.customerid IS NOT NULL
        WINDOW w AS (PARTITION BY c.customerid ORDER BY c.time, c.id)
    ) lines
    WHERE minor <> 0
) TO STDOUT
"""

BALANCES = """
COPY (
    SELECT customerid, floor(sum(value * coalesce({cash.currencyvalue}, 1)) * {scale} + 0.5)::bigint
    FROM cash WHERE customerid IS NOT NULL GROUP BY customerid
) TO STDOUT
"""

TOTAL_CUSTOMERS = """
SELECT CASE WHEN deleted = 1 OR status = 4 THEN 'former' WHEN status = 1 THEN 'prospect'
            WHEN status IN (3, 5) THEN 'connected' ELSE 'waiting' END, count(*)
FROM customers GROUP BY 1
"""

TOTAL_MONEY = """
SELECT count(*) FILTER (WHERE minor <> 0), coalesce(sum(minor), 0)::bigint,
       coalesce(sum(minor) FILTER (WHERE minor < 0), 0)::bigint
FROM (
    SELECT floor(sum(value * coalesce({cash.currencyvalue}, 1)) * {scale} + 0.5) AS minor
    FROM cash WHERE customerid IS NOT NULL GROUP BY customerid
) balances
"""

# What the billing run would ask for a whole period, by tariff and period.
TOTAL_PLANS = """
SELECT tariffid || '/' || period, count(*),
       sum(round(round(round(price * months, 2) * number, 2) * {scale} * percent / 100))::bigint
FROM (
    SELECT a.tariffid, a.period, {assignments.count} AS number,
           round((100 - a.pdiscount) * t.value / 100 - a.vdiscount, 2) AS price,
           CASE WHEN coalesce({tariffs.period}, 0) IN (0, a.period) THEN 1 ELSE
               CASE a.period WHEN 5 THEN 12 WHEN 7 THEN 6 WHEN 4 THEN 3 WHEN 2 THEN 1 / 4.0
                             WHEN 1 THEN 1 / 30.0 ELSE 1 END
               / CASE {tariffs.period} WHEN 5 THEN 12.0 WHEN 7 THEN 6.0 WHEN 4 THEN 3.0 ELSE 1.0 END
           END AS months,
           CASE WHEN c.deleted = 1 OR c.status NOT IN (3, 5) THEN 0
                WHEN a.suspended = 1 OR EXISTS (
                    SELECT FROM assignments o
                    WHERE o.customerid = a.customerid AND o.tariffid IS NULL AND o.liabilityid IS NULL
                      AND o.datefrom <= %(opening)s AND (o.dateto > %(opening)s OR o.dateto = 0)
                ) THEN %(percent)s ELSE 100 END AS percent
    FROM assignments a JOIN tariffs t ON t.id = a.tariffid JOIN customers c ON c.id = a.customerid
    WHERE {assignments.commited} = 1 AND a.period IN (1, 2, 3, 4, 5, 7) AND t.value >= 0
      AND (a.dateto = 0 OR a.dateto >= %(opening)s)
) asked
GROUP BY 1
"""

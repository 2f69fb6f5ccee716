"""What is asked of an LMS database, by the columns of its schema (doc/lms.pgsql).

Codes by its lib/definitions.php: a tariff or liability with bit 16 of its flags is priced net, the tax comes
on top; customers of type 2 are contractors, whom LMS keeps in the same table; contacts of type 16384 are off.
"""

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
    ("nodes", "login"): "NULL::text",
    ("nodes", "authtype"): "0",
    ("tariffs", "type"): "1",
    ("networks", "vlanid"): "NULL::smallint",
    ("documents", "fullnumber"): "NULL::text",
    ("customers", "extid"): "''",
    ("assignments", "suspended"): "0",
    ("tariffs", "flags"): "0",
    ("tariffs", "netflag"): "0",
    ("tariffs", "netvalue"): "NULL::numeric",
    ("liabilities", "flags"): "0",
    ("liabilities", "netflag"): "0",
    ("liabilities", "netvalue"): "NULL::numeric",
    ("uiconfig", "userid"): "NULL::integer",
    ("uiconfig", "divisionid"): "NULL::integer",
}
# The price of so many, where a tariff tells prices by quantity: of the highest threshold they are more than.
VARIANT = """
LEFT JOIN LATERAL (
    SELECT o.net_price, o.gross_price FROM tariffpricevariants o
    WHERE o.tariffid = a.tariffid AND o.quantity_threshold < {assignments.count}
    ORDER BY o.quantity_threshold DESC LIMIT 1
) v ON true
"""
NO_VARIANT = "CROSS JOIN (SELECT NULL::numeric AS net_price, NULL::numeric AS gross_price) v"

COLUMNS = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = ANY (current_schemas(false))
"""

# Contractors are parties of documents; one with money or services of his own is a customer as any other.
_MOVED = """(c.type <> 2 OR EXISTS (SELECT FROM cash k WHERE k.customerid = c.id)
        OR EXISTS (SELECT FROM assignments k WHERE k.customerid = c.id))"""

CUSTOMERS = f"""
SELECT c.id, {{customers.extid}}, c.lastname, c.name, c.status, c.type, c.deleted, c.ten, c.notes, c.info,
       c.message, c.creationdate, c.paytime
FROM customers c WHERE {_MOVED} ORDER BY c.id
"""

CONTRACTORS = f"SELECT c.id FROM customers c WHERE NOT {_MOVED} ORDER BY c.id"

# Later schemas keep suspensions in a table of their own, with a way to charge for each.
OTHER_SUSPENSIONS = """
SELECT DISTINCT coalesce(s.customerid, a.customerid) FROM suspensions s
LEFT JOIN assignmentsuspensions l ON l.suspensionid = s.id
LEFT JOIN assignments a ON a.id = l.assignmentid
WHERE (s.dateto = 0 OR s.dateto > %(opening)s) AND coalesce(s.customerid, a.customerid) IS NOT NULL
ORDER BY 1
"""

# What begins to suspend everything of a customer on a day after the opening day.
LATER_SUSPENSIONS = """
SELECT DISTINCT a.customerid FROM assignments a
WHERE a.tariffid IS NULL AND a.liabilityid IS NULL AND a.datefrom > %(opening)s ORDER BY 1
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

_LOGIN = """coalesce(nullif(trim({nodes.login}), ''),
                CASE WHEN {nodes.authtype} & 1 = 1 THEN nullif(n.name, '') END)"""

LOGINS = f"""
SELECT n.id, n.ownerid, {_LOGIN},
       ARRAY(SELECT l.assignmentid FROM nodeassignments l WHERE l.nodeid = n.id ORDER BY l.id)
FROM nodes n WHERE n.ownerid > 0 AND {_LOGIN} IS NOT NULL ORDER BY n.id
"""
LOGINS_ALONE = f"""
SELECT n.id, n.ownerid, {_LOGIN}, ARRAY[]::integer[]
FROM nodes n WHERE n.ownerid > 0 AND {_LOGIN} IS NOT NULL ORDER BY n.id
"""

_TARIFF_IS_NET = "(({tariffs.flags} & 16) > 0 OR {tariffs.netflag} = 1) AND {tariffs.netvalue} IS NOT NULL"
_LIABILITY_IS_NET = (
    "(({liabilities.flags} & 16) > 0 OR {liabilities.netflag} = 1) AND {liabilities.netvalue} IS NOT NULL"
)

TARIFFS = f"""
SELECT t.id, t.name, CASE WHEN {_TARIFF_IS_NET} THEN {{tariffs.netvalue}} ELSE t.value END,
       {{tariffs.period}}, CASE WHEN x.taxed = 1 OR x.value > 0 THEN x.value END,
       t.downceil, t.downrate, t.upceil, t.uprate, t.disabled, {{tariffs.currency}}, {_TARIFF_IS_NET},
       {{tariffs.type}}
FROM tariffs t JOIN taxes x ON x.id = t.taxid ORDER BY t.id
"""

# Suspended: by itself, or with all of his by an assignment of nothing that holds on the opening day.
ASSIGNMENTS = f"""
SELECT a.id, a.customerid, a.tariffid, a.liabilityid, l.name,
       CASE WHEN {_LIABILITY_IS_NET} THEN {{liabilities.netvalue}} ELSE l.value END,
       CASE WHEN lx.taxed = 1 OR lx.value > 0 THEN lx.value END, {_LIABILITY_IS_NET},
       a.period, a.at, a.datefrom, a.dateto, a.settlement, a.pdiscount, a.vdiscount, {{assignments.count}},
       {{assignments.backwardperiod}}, {{assignments.suspended}}, s.id IS NOT NULL AS all_suspended,
       coalesce(s.dateto, 0), {{liabilities.currency}}, v.net_price, v.gross_price
FROM assignments a
{{variant}}
LEFT JOIN liabilities l ON l.id = a.liabilityid
LEFT JOIN taxes lx ON lx.id = l.taxid
LEFT JOIN LATERAL (
    SELECT o.id, o.dateto FROM assignments o
    WHERE o.customerid = a.customerid AND o.tariffid IS NULL AND o.liabilityid IS NULL
      AND o.datefrom <= %(opening)s AND (o.dateto > %(opening)s OR o.dateto = 0)
    ORDER BY (o.dateto = 0) DESC, o.dateto DESC LIMIT 1
) s ON true
WHERE (a.tariffid IS NOT NULL OR a.liabilityid IS NOT NULL) AND {{assignments.commited}} = 1
  AND (a.dateto = 0 OR a.dateto >= %(opening)s)
ORDER BY a.id
"""

SUSPENSION_PERCENT = """
SELECT u.value FROM uiconfig u
WHERE u.var = 'suspension_percentage' AND u.section IN ('finances', 'payments') AND u.disabled = 0
  AND {uiconfig.userid} IS NULL AND {uiconfig.divisionid} IS NULL
ORDER BY u.section DESC LIMIT 1
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

TOTAL_CUSTOMERS = f"""
SELECT CASE WHEN c.deleted = 1 OR c.status = 4 THEN 'former' WHEN c.status = 1 THEN 'prospect'
            WHEN c.status IN (3, 5) THEN 'connected' ELSE 'waiting' END, count(*)
FROM customers c WHERE {_MOVED} GROUP BY 1
"""

TOTAL_MONEY = """
SELECT count(*) FILTER (WHERE minor <> 0), coalesce(sum(minor), 0)::bigint,
       coalesce(sum(minor) FILTER (WHERE minor < 0), 0)::bigint
FROM (
    SELECT floor(sum(value * coalesce({cash.currencyvalue}, 1)) * {scale} + 0.5) AS minor
    FROM cash WHERE customerid IS NOT NULL GROUP BY customerid
) balances
"""

# What the billing run would ask for a whole period, by tariff and period: percent and sum come off the price
# of one, it becomes that of the period, three decimals each; two for all; the tax of a net price on top.
TOTAL_PLANS = f"""
SELECT tariffid || '/' || period, count(*), sum(gross)::bigint,
       sum(gross - round(gross * 100 / (100 + tax)))::bigint
FROM (
    SELECT tariffid, period, tax, round((value + CASE WHEN is_net THEN round(value * tax / 100, 2) ELSE 0 END)
                                        * {{scale}} * percent / 100) AS gross
    FROM (
      SELECT tariffid, period, is_net, tax, percent, round(round(price * months, 3) * number, 2) AS value
      FROM (
        SELECT a.tariffid, a.period, {{assignments.count}} AS number, x.value AS tax,
               ({_TARIFF_IS_NET}) AS is_net,
               round((100 - a.pdiscount)
                     * CASE WHEN {_TARIFF_IS_NET} THEN coalesce(v.net_price, {{tariffs.netvalue}})
                            ELSE coalesce(v.gross_price, t.value) END / 100 - a.vdiscount, 3) AS price,
               CASE WHEN coalesce({{tariffs.period}}, 0) IN (0, a.period) THEN 1 ELSE
                   CASE a.period WHEN 5 THEN 12 WHEN 7 THEN 6 WHEN 4 THEN 3 WHEN 2 THEN 1 / 4.0
                                 WHEN 1 THEN 1 / 30.0 ELSE 1 END
                   / CASE {{tariffs.period}} WHEN 5 THEN 12.0 WHEN 7 THEN 6.0 WHEN 4 THEN 3.0 ELSE 1.0 END
               END AS months,
               CASE WHEN c.deleted = 1 OR c.status NOT IN (3, 5) THEN 0
                    WHEN {{assignments.suspended}} = 1 OR EXISTS (
                        SELECT FROM assignments o
                        WHERE o.customerid = a.customerid AND o.tariffid IS NULL AND o.liabilityid IS NULL
                          AND o.datefrom <= %(opening)s AND (o.dateto > %(opening)s OR o.dateto = 0)
                    ) THEN %(percent)s ELSE 100 END AS percent
        FROM assignments a JOIN tariffs t ON t.id = a.tariffid JOIN customers c ON c.id = a.customerid
        JOIN taxes x ON x.id = t.taxid
        {{variant}}
        WHERE {{assignments.commited}} = 1 AND a.period IN (1, 2, 3, 4, 5, 7)
          AND CASE WHEN {_TARIFF_IS_NET} THEN {{tariffs.netvalue}} ELSE t.value END >= 0
          AND (a.dateto = 0 OR a.dateto >= %(opening)s)
      ) asked
    ) lines
) priced
GROUP BY 1
"""

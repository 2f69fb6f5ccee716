"""What hangs together and would be cut by one plan: groups, POPs, devices with customers. For the brake."""

from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from billing.brake import Whole

# A customer counts once in each, however many services; two of one name are two. His POP is his line's, else
# that of his addresses.
_WHOLES = """
    WITH running AS (
        SELECT DISTINCT c.id, c.account_id
        FROM subscriptions s JOIN customers c ON c.account_id = s.account_id
        WHERE s.starts_on <= :on AND (s.ends_on IS NULL OR s.ends_on >= :on)
    ), hit AS (
        SELECT c.id, bool_or(d.action = 'cut') AS is_cut
        FROM cutoff_decisions d JOIN customers c ON c.account_id = d.account_id
        WHERE d.run_id = :run_id AND d.action IN ('cut', 'keep')
        GROUP BY c.id
    ), member AS (
        SELECT 'group' AS kind, g.id, g.name, m.customer_id
        FROM customer_groups m JOIN groups g ON g.id = m.group_id
        UNION
        SELECT 'group', -g.id, g.name, c.id
        FROM account_groups g JOIN accounts a ON a.group_id = g.id JOIN customers c ON c.account_id = a.id
        UNION
        SELECT 'pop', p.id, p.name, l.customer_id FROM lines l JOIN pops p ON p.id = l.pop_id
        UNION
        SELECT 'pop', p.id, p.name, i.customer_id
        FROM ip_addresses i JOIN networks n ON n.id = i.network_id JOIN pops p ON p.id = n.pop_id
        WHERE NOT EXISTS (
            SELECT 1 FROM lines l WHERE l.customer_id = i.customer_id AND l.pop_id IS NOT NULL
        )
        UNION
        SELECT 'device', d.id, d.name, n.customer_id
        FROM connections n JOIN ports p ON p.id = n.port_id JOIN devices d ON d.id = p.device_id
    )
    SELECT m.kind, m.name, count(*) AS customers,
           count(*) FILTER (WHERE h.is_cut) AS cut, count(*) FILTER (WHERE NOT h.is_cut) AS kept
    FROM member m JOIN running r ON r.id = m.customer_id LEFT JOIN hit h ON h.id = m.customer_id
    GROUP BY m.kind, m.id, m.name
    HAVING count(*) FILTER (WHERE h.is_cut) > 0
    ORDER BY m.kind, count(*) DESC, m.name
"""


def find(session: Session, run_id: int, on: date) -> list[Whole]:
    """Return the groups, POPs and devices of which the plan would cut somebody, with how many there are."""
    rows = session.execute(text(_WHOLES), {"run_id": run_id, "on": on})
    return [Whole(row.kind, row.name, row.customers, row.cut, row.kept) for row in rows]

"""The statement that issues documents for ledger entries, one an account and currency."""

# Entries already documented (by a document of this sort) are left out: by NOT IN, of which the planner
# expects a half (of NOT EXISTS none, and then every line is compared with every document). The caller holds
# the accounts and the counter. VAT is taken out of each line's gross (see billing.prices.vat_of); a
# document sums its lines. What undoes a credit says again, to the unit, what its credit note said;
# it has no due date of its own. An entry
# written before entries kept their quantity has the one of its service, as long as that has the same terms.
ISSUE = """
    WITH wanted AS (
        SELECT e.id, e.account_id, e.currency, e.due_on, e.vat_hundredths, -e.amount_minor AS gross,
               coalesce(again.description, e.description) AS description,
               coalesce(again.period_start, e.period_start) AS period_start,
               coalesce(again.period_end, e.period_end) AS period_end,
               coalesce(again.vat, CASE WHEN e.vat_hundredths > 0
                   THEN -e.amount_minor - round(-e.amount_minor * 10000::numeric / (10000 + e.vat_hundredths))
                   ELSE 0 END) AS vat,
               coalesce(
                   e.quantity,
                   (SELECT s.quantity FROM subscriptions s
                    WHERE s.id = e.subscription_id AND s.terms_no = e.terms_no),
                   (SELECT l.quantity FROM liabilities l WHERE l.id = e.liability_id),
                   1
               ) AS quantity,
               row_number() OVER (PARTITION BY e.account_id, e.currency ORDER BY e.id) AS position
        FROM ledger_entries e
        LEFT JOIN LATERAL (
            SELECT c.description, c.period_start, c.period_end, -c.vat_minor AS vat FROM document_lines c
            WHERE e.reverses_id IS NOT NULL AND c.entry_id = e.reverses_id AND c.kind = 'credit_note' LIMIT 1
        ) again ON true
        WHERE e.id = ANY (:entries)
          AND e.id NOT IN (
              SELECT d.entry_id FROM document_lines d
              WHERE d.entry_id = ANY (:entries) AND (d.kind = 'proforma') = (CAST(:kind AS text) = 'proforma')
          )
    ),
    headed AS (
        SELECT w.account_id, w.currency, a.payer_id, coalesce(max(w.due_on), :due_on) AS due_on,
               sum(w.gross) AS gross, sum(w.vat) AS vat,
               :last_number + row_number() OVER (ORDER BY w.account_id, w.currency) AS number
        FROM wanted w JOIN accounts a ON a.id = w.account_id
        WHERE a.payer_id IS NOT NULL
        GROUP BY w.account_id, w.currency, a.payer_id
    ),
    issued AS (
        INSERT INTO documents (
            kind, series_id, span, number, full_number, account_id, seller_id, payer_id, issued_on, due_on,
            currency, net_minor, vat_minor, gross_minor, idempotency_key, author_id, author, note
        )
        SELECT :kind, :series_id, :span, h.number,
               :prefix || CASE WHEN length(h.number::text) < :width THEN lpad(h.number::text, :width, '0')
                               ELSE h.number::text END || :suffix,
               h.account_id, :seller_id, h.payer_id, :on, h.due_on, h.currency,
               h.gross - h.vat, h.vat, h.gross, :key, :author_id, :author, :note
        FROM headed h ORDER BY h.number
        RETURNING id, account_id, currency
    ),
    listed AS (
        INSERT INTO document_lines (
            document_id, position, entry_id, description, period_start, period_end, quantity, vat_hundredths,
            net_minor, vat_minor, gross_minor, kind
        )
        SELECT i.id, w.position, w.id, w.description, w.period_start, w.period_end, w.quantity,
               w.vat_hundredths, w.gross - w.vat, w.vat, w.gross, :kind
        FROM wanted w JOIN issued i ON i.account_id = w.account_id AND i.currency = w.currency
        ORDER BY i.id, w.position
        RETURNING document_id
    )
    SELECT id FROM issued ORDER BY id
"""

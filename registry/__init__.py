"""RECORDS: customers, places, equipment, networks, lines, cables, diagnostic runs, staff, audit."""

"""MONEY: accounts, ledger, charges, payments, debt, suspensions, cutoff. Knows accounts, not people."""

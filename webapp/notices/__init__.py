"""Notices to customers, contracts to sign, and the customer's page as he sees it."""

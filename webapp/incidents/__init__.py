"""Incidents: faults that several customers share."""

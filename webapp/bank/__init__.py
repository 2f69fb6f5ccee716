"""The bank: statements read in and reviewed, how banks write them, payment gateways and their messages."""

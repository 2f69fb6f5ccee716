"""The errors of the wire: each says that something could not be measured, never that a host is silent.

    WireError
    +- NotPermitted        the system does not let this process open the socket it needs
    +- BadAddress          not an address, a MAC or an OID
    +- NoInterface         the address is not on a directly connected segment
    +- SnmpFailed          no usable answer to an SNMP request
       +- SnmpSilent       nothing came back in time
       +- SnmpRefused      the host answers, but nobody listens on that port
       +- SnmpDenied       the agent answered that these credentials may not do this
       +- SnmpBroken       the answer makes no sense, or the agent reports a fault of its own

A lost echo is no error: it is a reply whose `rtt_ms` is None.
"""


class WireError(Exception):
    """Something could not be measured."""


class NotPermitted(WireError):
    """The system does not let this process open the socket it needs; the text says how to allow it."""


class BadAddress(WireError):
    """The text is not an address, a MAC or an OID."""


class NoInterface(WireError):
    """The address is not on a segment this machine is directly connected to."""


class SnmpFailed(WireError):
    """No usable answer to an SNMP request."""


class SnmpSilent(SnmpFailed):
    """Nothing came back in time; under v1 and v2c a wrong community looks the same."""


class SnmpRefused(SnmpFailed):
    """The host answered that nobody listens on that port (ICMP port unreachable)."""


class SnmpDenied(SnmpFailed):
    """The agent answered that this user, key, community or access is not allowed."""


class SnmpBroken(SnmpFailed):
    """The agent's answer makes no sense, or it reports a fault of its own."""

"""Sentences that the wire and the gates make and the database keeps, once more, so that they can be told.

`netdiag` and `gates` know nothing of catalogues; by these webapp/texts.py finds what they said.
A sentence that is missing here is shown in English.
"""

from core.words import N_

SENTENCES = (
    # who acts when nobody does
    N_("night"),
    N_("cutoff"),
    N_("diagnosis"),
    N_("incidents"),
    N_("the clock"),
    N_("run %(run)s"),
    N_("linecard charge"),
    N_("receipts"),
    N_("import-lms"),
    N_("disconnect queue"),
    # gates
    N_("This service has no line to open or close"),
    N_("The gate said nothing of this line"),
    N_("there is no gate of kind %(kind)s; known are %(kinds)s"),
    N_("%(program)s does not answer in JSON: %(text)s"),
    N_("%(program)s is not installed on this machine"),
    N_("%(program)s cannot be started: %(fault)s"),
    N_("nft failed without a word"),
    N_("the network namespace %(name)s is not there"),
    N_("this user may not change the packet filter (CAP_NET_ADMIN): %(fault)s"),
    N_("nft is not installed %(where)s: %(fault)s"),
    N_("on this machine"),
    N_("the table %(table)s is not as we make it; `nft delete table %(again)s` removes it: %(fault)s"),
    N_("%(address)s is neither an address nor a prefix"),
    N_("%(address)s is not an address a gateway forwards"),
    N_("%(address)s is too wide for one line"),
    N_("%(address)s is protected by the gate's settings (%(prefix)s)"),
    N_("%(address)s overlaps %(other)s, which is held for another line"),
    N_("%(address)s is shared with another line that is not cut off as much"),
    N_("%(address)s is shared with another line that is not cut off as much (%(other)s)"),
    N_("port %(port)s is an uplink: it is never switched"),
    N_("port %(port)s is shared with %(count)s other line(s): closing it would cut them too"),
    N_("ifIndex %(index)s is %(found)s now, %(name)s on file"),
    # gates: over SSH
    N_("the gateway's address is not in the gate's settings"),
    N_("the gateway's host key is not in the gate's settings"),
    N_("the gateway's private key is not in the gate's settings"),
    N_("%(host)s does not show the host key in the gate's settings: another machine, or set up anew"),
    N_("the private key in the gate's settings cannot be read: is it whole, and without a passphrase?"),
    N_("%(host)s does not let %(user)s in with this key: is it in his authorized_keys?"),
    N_("%(host)s and this machine have no way of SSH in common: %(fault)s"),
    N_("%(host)s cannot be reached by SSH: %(fault)s"),
    # gates: RADIUS
    N_("several lines have this login"),
    N_("somebody else rejects this login: Auth-Type := Reject in radcheck is not ours"),
    N_("the group %(name)s has no rows: its members would pass freely"),
    N_("no secret is set for NAS %(nas)s of its live session"),
    N_("the next login is set, but its live session goes on: %(fault)s"),
    N_("the next login is set, but what became of its live session is not known: %(fault)s"),
    N_("it did not answer in %(seconds)s s"),
    N_("nothing listens on its port"),
    N_("it is too slow: its turn did not come"),
    N_("it knows no such session"),
    N_("it refuses and does not say why"),
    N_("its answer was refused: %(fault)s"),
    N_("it cannot be asked: %(fault)s"),
    N_("the database user lacks a right: %(fault)s"),
    N_("this is not the stock schema of FreeRADIUS: %(fault)s"),
    N_("the RADIUS database: %(fault)s"),
    # gates: MikroTik
    N_("the address of the router is not set"),
    N_("%(where)s did not answer in %(seconds)s s"),
    N_("%(where)s did not finish in %(seconds)s s"),
    N_("%(where)s refuses connections: is the service on, and for this machine?"),
    N_(
        "%(where)s closed the connection: is the router restarting, "
        "or is this machine not among the addresses of the service?"
    ),
    N_("%(where)s closed the connection without an answer"),
    N_("%(where)s ended the session: %(fault)s"),
    N_("%(where)s is not a RouterOS API: %(fault)s"),
    N_("%(where)s answers %(status)s without JSON: is it a RouterOS 7 with the service www-ssl?"),
    N_(
        "login as %(user)s refused (%(fault)s): look at the name, the password, the addresses the user "
        "may come from, and whether the group has the policy api or rest-api"
    ),
    N_(
        "the router does not let the user %(user)s %(deed)s (%(fault)s): "
        "the group needs the policies read, write and api or rest-api"
    ),
    N_(
        "%(where)s shows another certificate than the one it is held to: its SHA-256 is %(found)s. "
        "If nobody renewed it, somebody else may be answering"
    ),
    N_(
        "the certificate of %(where)s is not trusted (%(fault)s): "
        "give its SHA-256 in the settings, or have this machine trust its issuer"
    ),
    N_("%(where)s does not speak TLS as it should (%(fault)s): has the service a certificate on the router?"),
    N_("the router refuses: %(fault)s"),
    N_(
        "%(address)s is on the list %(list)s, but no rule of the router's %(family)s firewall "
        "puts that list in force: gate check says which would"
    ),
    N_(
        "%(address)s is on the list %(list)s by an entry that is not ours (%(entry)s): "
        "it has to be removed on the router"
    ),
    N_(
        "%(address)s is switched off on the list %(list)s by an entry that is not ours (%(entry)s): "
        "it has to be removed on the router"
    ),
    N_("%(address)s cannot be restricted: the router has no %(family)s firewall"),
    N_("%(address)s is %(found)s after the change, not %(wanted)s"),
    # SNMP
    N_("No answer from %(host)s, but %(other)s answered in its place"),
    N_("%(host)s answers, but not as SNMP should: %(fault)s"),
    N_("%(host)s answered at first, but not to the end in time"),
    N_("No answer from %(host)s (SNMPv3)"),
    N_(
        "No answer from %(host)s: silent, filtered, or the community is wrong "
        "(SNMP v%(version)s cannot tell these apart)"
    ),
    N_("%(host)s keeps changing its SNMPv3 clock"),
    N_("%(host)s does not stop talking: %(count)s octets"),
    N_("%(host)s denies access: %(fault)s"),
    N_("%(host)s reports %(fault)s"),
    N_("%(host)s answered other objects than asked for"),
    N_("%(host)s does not allow setting %(oid)s: %(fault)s"),
    N_("%(host)s refused %(value)s for %(oid)s: %(fault)s"),
    N_("The time for the device is over"),
    N_("The device restarted while it was read"),
    N_("Silent at %(oid)s after %(count)s rows"),
    N_("read to the limit of %(count)s rows"),
    N_("VLAN %(vlan)s and those after it were not read: %(fault)s"),
    N_("%(count)s rows with an index that is no ifIndex, such as %(first)s"),
    N_("port %(index)s: its ifIndex says %(named)s"),
    N_("sensors: %(count)s, the first %(most)s are told"),
    # the MAC of an address
    N_("ARP on %(interface)s: no answer"),
    N_("ARP on %(interface)s: not permitted"),
    N_("neighbour discovery on %(interface)s: no answer"),
    N_("neighbour discovery on %(interface)s: not permitted"),
    N_("neighbour discovery on %(interface)s"),
    N_("kernel's neighbour table"),
    N_("kernel's neighbour table: no entry"),
    N_("ARP table of %(host)s"),
    N_("ARP table of %(host)s: no entry"),
    N_("%(interface)s of this machine"),
    N_("%(address)s is this machine itself, on %(interface)s, which has no MAC"),
    N_("nobody on %(interface)s answers for %(address)s"),
    N_("there is no route to %(address)s from here"),
    N_(
        "%(address)s is behind the router %(router)s, where ARP does not reach, "
        "and no router asked has an entry"
    ),
    N_(
        "%(address)s is behind the router %(router)s, where ARP does not reach, and no router to ask is known"
    ),
    N_(
        "%(address)s is not on a segment of this machine, where ARP does not reach, "
        "and no router asked has an entry"
    ),
    N_(
        "%(address)s is not on a segment of this machine, where ARP does not reach, "
        "and no router to ask is known"
    ),
    N_("its MAC cannot be known from here"),
)

# What netdiag.icmp_words calls the errors of ICMP.
ICMP = (
    N_("time to live exceeded"),
    N_("a fragment did not arrive in time"),
    N_("network unreachable"),
    N_("host unreachable"),
    N_("protocol unreachable"),
    N_("port unreachable"),
    N_("fragmentation needed"),
    N_("source route failed"),
    N_("network unknown"),
    N_("host unknown"),
    N_("network prohibited"),
    N_("host prohibited"),
    N_("network unreachable for this service"),
    N_("host unreachable for this service"),
    N_("packet filtered"),
    N_("no route"),
    N_("beyond scope of the source address"),
    N_("source address refused"),
    N_("route rejected"),
    N_("packet larger than the path allows"),
    N_("bad packet"),
    N_("packet too big"),
    N_("hop limit exceeded"),
)

# The units and the states of ONUs as netdiag writes them.
UNITS = (
    N_("dBm"),
    N_("MHz"),
    N_("V"),
    N_("A"),
    N_("mA"),
    N_("W"),
    N_("m"),
    N_("min"),
    N_("rpm"),
    N_("Hz"),
    N_("s"),
    N_("online"),
    N_("offline"),
    N_("los"),
    N_("dying gasp"),
    N_("logging"),
    N_("disabled"),
    N_("authentication failed"),
)

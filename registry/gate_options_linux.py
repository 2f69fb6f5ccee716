"""The options of a gate that is a Linux gateway with nftables, this machine or another one."""

from registry.gate_options import GateOption

# What a page may have run on a worker's machine (gates.nft_program); more is for the worker's own settings.
_BIN = r"(?:/(?:usr/(?:local/)?)?s?bin/)?"
NFT = rf"^(?:{_BIN}(?:sudo|doas)(?: -n)? )?{_BIN}nft$"

_OCTET = r"(25[0-5]|2[0-4]\d|1?\d?\d)"
_IPV4 = rf"^({_OCTET}(\.{_OCTET}){{3}})?$"
_IPV6 = r"^([0-9A-Fa-f]{0,4}(:[0-9A-Fa-f.]{0,15}){2,7})?$"
_HOST = r"^(?:[A-Za-z0-9:][A-Za-z0-9._:-]{0,252})?$"
_KEY_KINDS = r"(?:ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa)"
_HOST_KEY = rf"^(?:{_KEY_KINDS} [A-Za-z0-9+/=]+(?: .*)?)?$"

NFTABLES = (
    GateOption(
        "namespace",
        "Network namespace",
        hint="Empty: the filter of this machine. Else the name known to `ip netns`.",
        pattern=r"^[A-Za-z0-9_.-]{0,64}$",
    ),
    GateOption(
        "program",
        "Program",
        default="nft",
        hint="Name or path of nft; over SSH `sudo -n nft` where the user has no right there.",
        pattern=NFT,
        fault="Write nft or its path, such as /usr/sbin/nft, with sudo -n or doas -n before it where need be",
    ),
    GateOption(
        "priority",
        "Priority",
        form="whole",
        default=-10,
        hint="Of our chain on the forward hook; the usual filter chains run at 0.",
        minimum=-400,
        maximum=400,
    ),
    GateOption(
        "protected", "Never close", form="prefixes", default=(), hint="Prefixes no line may be closed in."
    ),
    GateOption(
        "garden4",
        "Garden, IPv4 address",
        hint="Web requests of walled and warned lines are led here. Empty: nobody is led anywhere.",
        pattern=_IPV4,
    ),
    GateOption("garden6", "Garden, IPv6 address", hint="The same for IPv6.", pattern=_IPV6),
    GateOption(
        "garden_port",
        "Garden, port",
        form="whole",
        default=8766,
        hint="Where its page listens.",
        minimum=1,
        maximum=65535,
    ),
    GateOption(
        "allowed",
        "Always reachable",
        form="prefixes",
        default=(),
        hint="What walled lines reach besides: the payment page, the bank's gateway, your own site.",
    ),
    GateOption(
        "dns",
        "Name servers",
        form="prefixes",
        default=(),
        hint="That walled lines may ask. Empty: all of them.",
    ),
    GateOption(
        "slow_kbytes",
        "Slow lane, kilobytes a second",
        form="whole",
        default=64,
        hint="For each address and direction.",
        minimum=1,
        maximum=1_000_000,
    ),
    GateOption("timeout_s", "Patience, seconds", form="decimal", default=10.0, minimum=0.1, maximum=120),
)

NFTABLES_SSH = (
    GateOption("host", "Gateway", hint="Its name or address, for SSH.", pattern=_HOST),
    GateOption("port", "SSH port", form="whole", default=22, minimum=1, maximum=65535),
    GateOption("user", "User there", default="linecard", pattern=r"^[a-z_][a-z0-9_.-]{0,31}$"),
    GateOption(
        "host_key",
        "Host key",
        hint="From the gateway itself: /etc/ssh/ssh_host_ed25519_key.pub. No other is accepted.",
        pattern=_HOST_KEY,
        longest=4000,  # an RSA key of 16,384 bits has 2,750, and a comment
    ),
    GateOption(
        "private_key",
        "Private key",
        form="secrets",
        hint="Without a passphrase, from `ssh-keygen -t ed25519`. Kept sealed; empty: as it is.",
    ),
    *NFTABLES,
)

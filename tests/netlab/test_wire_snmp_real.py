"""Real Net-SNMP in a namespace: our answers are snmpget's, ports really switch, failures are told apart."""

import json
import os
import subprocess
import threading
import time

import pytest

from netdiag import __main__ as command
from netdiag import errors, ping, status
from netdiag.snmp import SnmpTarget, client, interfaces, security, system

DEVICE, NOBODY = "10.1.0.2", "10.1.0.99"
AUTH, PRIV = "auth-key-of-noc", "priv-key-of-noc"
SHA_AES = {
    "version": "3",
    "user": "noc",
    "auth_protocol": "SHA",
    "auth_key": AUTH,
    "priv_protocol": "AES",
    "priv_key": PRIV,
}
STRONG = SHA_AES | {"user": "strong", "auth_protocol": "SHA256", "priv_protocol": "AES256"}
AUTHS = {
    "MD5": "MD5",
    "SHA": "SHA",
    "SHA224": "SHA-224",
    "SHA256": "SHA-256",
    "SHA384": "SHA-384",
    "SHA512": "SHA-512",
}
# What Debian's Net-SNMP offers of the ciphers; 3DES it does not have.
PRIVS = {
    "DES": "DES",
    "AES": "AES",
    "AES192": "AES-192",
    "AES256": "AES-256",
    "AES192C": "AES-192-C",
    "AES256C": "AES-256-C",
}
PAIRS = [(auth, priv) for auth in AUTHS for priv in PRIVS]
COMBINED = "\n".join(
    f"createUser {auth}x{priv} {AUTHS[auth]} {AUTH} {PRIVS[priv]} {PRIV}\nrouser {auth}x{priv} authPriv"
    for auth, priv in PAIRS
)
CONFIG = f"""
agentaddress udp:{DEVICE}:161
rocommunity public
rwcommunity private
sysName sw-attic
sysLocation attic
sysContact noc@isp.example
createUser noc SHA {AUTH} AES {PRIV}
createUser strong SHA-256 {AUTH} AES-256 {PRIV}
createUser signer SHA {AUTH}
{COMBINED}
rouser noc authPriv
rwuser strong authPriv
rouser signer authNoPriv
"""


def sh(*words, **options):
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=30, **options).stdout


@pytest.fixture(scope="module")
def lab(need, inside, tmp_path_factory):
    """A device with a real snmpd and two ports; `lab(call)` runs at the probe, `lab.device` is its namespace."""
    need("root", "ip", "snmpd")
    tag = f"s{os.urandom(3).hex()}"
    near, far = f"{tag}p", f"{tag}d"
    folder = tmp_path_factory.mktemp("snmpd")
    agent = None
    try:
        for name in (near, far):
            sh("ip", "netns", "add", name)
            sh("ip", "-n", name, "link", "set", "lo", "up")
        for device, address in (("v0", 1), ("v1", 0)):
            sh(
                "ip",
                "link",
                "add",
                device,
                "netns",
                near,
                "type",
                "veth",
                "peer",
                "name",
                device,
                "netns",
                far,
            )
            for number, name in ((1, near), (2, far)):
                sh("ip", "-n", name, "link", "set", device, "up")
                if address:
                    sh("ip", "-n", name, "addr", "add", f"10.1.0.{number}/24", "dev", device)
        carrier_on(far, "v1")
        (folder / "snmpd.conf").write_text(CONFIG)
        agent = start_agent(far, folder)
        probe = Lab(lambda call: inside(near, call), far, agent, folder)
        probe.wait()
        yield probe
    finally:
        if agent is not None:
            probe.agent.kill()
            probe.agent.wait()
        for name in (near, far):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def carrier_on(namespace, device):
    """Wait for the kernel to tell that the cable is in: the agent reads it once, and says it for a while."""
    for _ in range(200):
        (link,) = json.loads(sh("ip", "-n", namespace, "-j", "link", "show", "dev", device))
        if link["operstate"] == "UP":
            return
        time.sleep(0.05)
    raise AssertionError(f"{device} has no carrier")


def start_agent(namespace, folder):
    words = [
        "ip",
        "netns",
        "exec",
        namespace,
        "snmpd",
        "-f",
        "-Lf",
        str(folder / "log"),
        "-C",
        "-c",
        str(folder / "snmpd.conf"),
    ]
    return subprocess.Popen(words, env={**os.environ, "SNMP_PERSISTENT_DIR": str(folder / "state")})


class Lab:
    def __init__(self, run, device, agent, folder):
        self.run, self.device, self.agent, self.folder = run, device, agent, folder

    def __call__(self, call):
        return self.run(call)

    def wait(self):
        for _ in range(100):
            try:
                return self(lambda: system.read(SnmpTarget(DEVICE, timeout_s=0.3, retries=0)))
            except errors.SnmpFailed:
                time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def restart(self):
        self.agent.kill()
        self.agent.wait()
        self.agent = start_agent(self.device, self.folder)
        self.wait()

    def snmpget(self, *oids):
        words = ["snmpget", "-v2c", "-c", "public", "-m", "", "-Oqvx", DEVICE, *oids]
        lines = self(lambda: sh(*words)).splitlines()
        return [line.strip().strip('"').strip() for line in lines]

    def index(self, name):
        (link,) = json.loads(sh("ip", "-n", self.device, "-j", "link", "show", "dev", name))
        return link["ifindex"]

    def state(self, name):
        (link,) = json.loads(sh("ip", "-n", self.device, "-j", "link", "show", "dev", name))
        return "up" if "UP" in link["flags"] else "down"


IF, IFX = "1.3.6.1.2.1.2.2.1.", "1.3.6.1.2.1.31.1.1.1."


@pytest.mark.parametrize(
    "credentials", [{}, {"version": "1"}, SHA_AES, STRONG], ids=["2c", "1", "sha-aes", "sha256-aes256"]
)
def test_the_status_equals_snmpgets_answers(lab, credentials):
    index = lab.index("v1")
    found = lab(lambda: status.read(SnmpTarget(DEVICE, **credentials)))
    text = lab(
        lambda: sh(
            "snmpget",
            "-v2c",
            "-c",
            "public",
            "-m",
            "",
            "-Oqv",
            DEVICE,
            *[f"1.3.6.1.2.1.1.{n}.0" for n in (1, 5, 6, 4)],
        )
    )
    description, name, location, contact = [line.strip('"') for line in text.splitlines()]
    assert (found.system.description, found.system.name) == (description, name)
    assert (found.system.location, found.system.contact) == (location, contact)
    (port,) = [one for one in found.ports if one.if_index == index]
    mtu, admin, oper, speed = lab.snmpget(
        f"{IF}4.{index}", f"{IF}7.{index}", f"{IF}8.{index}", f"{IFX}15.{index}"
    )
    (mac,) = lab.snmpget(f"{IF}6.{index}")
    assert (port.name, port.mtu) == ("v1", int(mtu))
    assert ({"up": "1", "down": "2"}[port.admin], {"up": "1", "down": "2"}[port.oper]) == (admin, oper)
    assert port.speed_bps == int(speed) * 1_000_000
    assert port.mac == mac.lower().replace(" ", ":")
    assert len(found.ports) == 3


def test_every_digest_with_every_cipher_opens_the_agent(lab):
    def read_all():
        return [
            system.read(
                SnmpTarget(
                    DEVICE,
                    version="3",
                    user=f"{auth}x{priv}",
                    auth_protocol=auth,
                    auth_key=AUTH,
                    priv_protocol=priv,
                    priv_key=PRIV,
                )
            ).name
            for auth, priv in PAIRS
        ]

    assert lab(read_all) == ["sw-attic"] * len(PAIRS)


def test_a_walk_brings_every_row_that_snmpwalk_brings(lab):
    walked = lab(
        lambda: sh("snmpbulkwalk", "-v2c", "-c", "public", "-m", "", "-Oqn", DEVICE, "1.3.6.1.2.1.2")
    ).splitlines()
    ours = lab(lambda: client.walk(SnmpTarget(DEVICE, **SHA_AES), "1.3.6.1.2.1.2"))
    assert [f".{oid}" for oid, _ in ours] == [line.split()[0] for line in walked if line.startswith(".1.3")]


def test_rates_are_those_of_the_traffic_that_really_flowed(lab):
    target = SnmpTarget(DEVICE)
    index = lab.index("v0")

    def measured():
        # The agent serves counters that are up to some seconds old: the reading is repeated until it shows.
        for _ in range(12):
            traffic = threading.Thread(
                target=lambda: list(ping.stream(DEVICE, count=200, interval_s=0.01, size=1000))
            )
            traffic.start()
            port = interfaces.read_port(target, index, gap_s=2)
            traffic.join()
            if port.in_bps > 100_000 and port.out_bps > 100_000:
                return port
        return None

    port = lab(measured)
    assert port is not None
    assert port.gap_s == pytest.approx(2, abs=0.5)


def test_a_port_is_really_switched(lab):
    index = lab.index("v1")
    for credentials in ({"community": "private"}, STRONG):
        target = SnmpTarget(DEVICE, timeout_s=3, **credentials)
        assert lab(lambda target=target: interfaces.set_port_admin(target, index, False)) == "down"
        assert lab.state("v1") == "down"
        assert lab(lambda target=target: interfaces.set_port_admin(target, index, True)) == "up"
        assert lab.state("v1") == "up"


@pytest.mark.parametrize("credentials", [{}, {"version": "1"}, SHA_AES], ids=["2c", "1", "3"])
def test_reading_rights_do_not_switch_ports(lab, credentials):
    with pytest.raises(errors.SnmpDenied):
        lab(lambda: interfaces.set_port_admin(SnmpTarget(DEVICE, **credentials), lab.index("v1"), False))
    assert lab.state("v1") == "up"


def test_a_wrong_community_is_silence(lab):
    with pytest.raises(errors.SnmpSilent, match="community is wrong"):
        lab(lambda: system.read(SnmpTarget(DEVICE, community="guess", timeout_s=0.3, retries=0)))


def test_a_closed_port_is_refusal_and_an_absent_host_silence(lab):
    with pytest.raises(errors.SnmpRefused):
        lab(lambda: system.read(SnmpTarget(DEVICE, port=1161)))
    with pytest.raises(errors.SnmpSilent, match=r"No route to host"):
        lab(lambda: system.read(SnmpTarget(NOBODY, timeout_s=4, retries=1)))
    with pytest.raises(errors.SnmpSilent, match=r"unreachable"):
        lab(lambda: system.read(SnmpTarget("10.9.0.1")))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"user": "stranger"}, "no such user"),
        ({"auth_key": "wrong-wrong"}, "authentication key"),
        ({"priv_key": "wrong-wrong", "timeout_s": 0.4}, "privacy key"),
        ({"priv_protocol": None}, "authorizationError"),
        ({"auth_protocol": None, "priv_protocol": None}, "authorizationError"),
        ({"user": "signer"}, "security level"),
    ],
)
def test_version_3_tells_what_is_wrong(lab, changes, words):
    with pytest.raises(errors.SnmpDenied, match=words):
        lab(lambda: system.read(SnmpTarget(DEVICE, **(SHA_AES | changes))))


def test_a_restarted_agent_is_read_with_the_first_question(lab):
    target = SnmpTarget(DEVICE, **SHA_AES)
    security.forget_engines()
    assert lab(lambda: system.read(target)).name == "sw-attic"
    lab.restart()
    assert lab(lambda: system.read(target)).name == "sw-attic"


def test_the_command_reads_a_device(lab, capsys, monkeypatch):
    assert lab(lambda: command.main(["status", DEVICE, "--if-index", str(lab.index("v0"))])) == 0
    assert "sw-attic" in capsys.readouterr().out
    assert lab(lambda: command.main(["snmp", DEVICE, "1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.1.99.0"])) == 0
    assert capsys.readouterr().out == "1.3.6.1.2.1.1.5.0 = sw-attic\n"
    assert lab(lambda: command.main(["snmp", DEVICE, f"{IFX}1", "--walk", "--json"])) == 0
    assert {json.loads(line)["value"] for line in capsys.readouterr().out.splitlines()} == {"lo", "v0", "v1"}
    monkeypatch.setenv("NETDIAG_AUTH_KEY", AUTH)
    monkeypatch.setenv("NETDIAG_PRIV_KEY", PRIV)
    keys = ["-v", "3", "-u", "noc", "-a", "SHA", "-x", "AES"]
    assert lab(lambda: command.main(["snmp", DEVICE, "1.3.6.1.2.1.1.6.0", *keys])) == 0
    assert "attic" in capsys.readouterr().out
    monkeypatch.setenv("NETDIAG_COMMUNITY", "guess")
    assert lab(lambda: command.main(["status", DEVICE, "--timeout", "0.1"])) == 3
    assert lab(lambda: command.main(["status", DEVICE, "--udp-port", "1161"])) == 4
    assert lab(lambda: command.main(["snmp", DEVICE, "sysDescr"])) == 2
    assert lab(lambda: command.main(["snmp", DEVICE, "1.3.6.1.2.1.1.99.0", *keys])) == 3

"""Which profile knows a device: head ends, radios, power, modems, hosts; never two equally well."""

import pytest

from netdiag.snmp import profiles

LINUX = "1.3.6.1.4.1.8072.3.2.10"
E = "1.3.6.1.4.1."

# sysDescr, sysObjectID, what stands at or under the profile's probe, then vendor and family.
KNOWN = [
    ("Huawei Integrated Access Software", f"{E}2011.2.133", "", "Huawei", "SmartAX"),
    ("HUAWEI MA5800-X7", f"{E}2011.2.248", "", "Huawei", "SmartAX"),
    ("OptiX RTN 905", f"{E}2011.2.25.1", "", "Huawei", "OptiX RTN"),
    ("C600 Version V1.2.1 Software, Copyright (c) by ZTE Corporation", f"{E}3902.1082.1001.600.2.1", "", "ZTE", "ZXA10"),
    ("ZXDSL 9806H", f"{E}3902.1004.9806.8.1.1.1", "", "ZTE", "ZXDSL"),
    ("BDCOM(tm) S2528-C Software, Version 2.1.1A Build 22111", f"{E}3320.1.110", "", "BDCOM", "BDCOM OS"),
    ("olt-7", f"{E}17409", "", "C-Data", "FD OLT"),
    ("olt-7", f"{E}34592.1.3", "", "C-Data", "FD OLT"),
    ("V1600G1", f"{E}37950.1.1.5", "", "V-SOL", "V1600"),
    ("AN6000-17", f"{E}5875.800.1001.18", "", "FiberHome", "AN5516"),
    ("Linux LTP 2.6", f"{E}35265.1.22", "", "Eltex", "LTP"),
    ("ELTEX MA4000-PX", f"{E}35265.1.99", "", "Eltex", "LTP"),
    ("ELTEX LTE-8X", f"{E}35265.1.21", "", "Eltex", "LTE"),
    ("ISCOM5508-GP OLT", f"{E}8886.6.44", "", "Raisecom", "ROAP OLT"),
    ("R6.2.04 NFXS-F NOKIA ISAM", f"{E}637.61.1", "", "Nokia", "ISAM"),
    ("E7-2", f"{E}6321.1.2.2.5.3", "", "Calix", "E7"),
    ("UFiber OLT", f"{E}41112.1.5", "", "Ubiquiti", "UFiber OLT"),
    ("EdgeOS v4.4.2.4598.220304.1412", f"{E}41112.1.5", "", "Ubiquiti", "UFiber OLT"),
    ("TP-Link GPON OLT", f"{E}11863.5.300", "", "TP-Link", "DeltaStream"),
    ("V5824G", f"{E}6296.1.1.1", "", "Dasan", "NOS"),
    ("Fiberlink 20008S", f"{E}6771.10", "", "Parks", "Fiberlink"),
    ("Intelbras OLT G16", f"{E}13464.1", "", "Intelbras", "Intelbras"),
    ("GL5610-16P", f"{E}13464.1", "", "GCOM", "GCOM OLT"),
    ("DM4615", f"{E}3709.1.2.102", "", "Datacom", "DmOS"),
    ("IES-5000", f"{E}890.1.5.13.5", "", "Zyxel", "IES"),
    ("Casa CCAP, C100G", f"{E}20858.2.6", "", "Casa Systems", "DCTS"),
    ("ARRIS E6000 CMTS", f"{E}4998.2.2", "", "Arris", "CMTS"),
    ("Touchstone <<HW_REV: 3; VENDOR: Arris Interactive, L.L.C.; BOOTR: 1; SW_REV: 9.1.103; MODEL: TM902A>>", f"{E}4115.820", "", "Arris", "DOCSIS modem"),
    ("Ubee <<HW_REV: 1; VENDOR: Ubee; BOOTR: 9; SW_REV: 1.2; MODEL: UBC1301>>", f"{E}4684.53", "", "Ubee", "DOCSIS modem"),
    ("Cisco DPC <<HW_REV: 1.0; VENDOR: Cisco; BOOTR: 2.3; SW_REV: dpc3008; MODEL: DPC3008>>", f"{E}1429.79", "", "Cisco", "DOCSIS modem"),
    ("Linux 2.6.32", f"{E}10002.1", "", "Ubiquiti", "airOS"),
    ("Linux 2.6.32", LINUX, f"{E}41112.1.4.1", "Ubiquiti", "airOS"),
    ("Linux 2.6.33", f"{E}10002.1", f"{E}41112.1.3", "Ubiquiti", "airFiber"),
    ("Linux roof 3.14", LINUX, f"{E}41112.1.10", "Ubiquiti", "LTU"),
    ("Linux roof 4.4", LINUX, f"{E}41112.1.11", "Ubiquiti", "airFiber 60"),
    ("Cambium ePMP", f"{E}17713.21", "", "Cambium", "ePMP"),
    ("CANOPY 12.1 SM-DES", f"{E}161.19.250.256", "", "Cambium", "PMP"),
    ("PTP250", f"{E}17713.250", "", "Cambium", "PTP"),
    ("CANOPY 15.0.0.1 AP", f"{E}161.19.250.256", "", "Cambium", "PMP"),
    ("Cambium PTP 650", f"{E}17713.7", "", "Cambium", "PTP"),
    ("Cambium cnPilot E500 Access Point", f"{E}17713.22", "", "Cambium", "cnPilot"),
    ("Cambium cnMatrix EX2028-P", f"{E}17713.24.5", "", "Cambium", "cnMatrix"),
    ("Mimosa A5", f"{E}43356.1.1.3", "", "Mimosa", "Mimosa"),
    ("EH-8010FX", f"{E}31926", "", "Siklu", "EtherHaul"),
    ("Ceragon IP-20G", f"{E}2281.1.20.1.3.1", "", "Ceragon", "CeraOS"),
    ("AGS20", f"{E}3373.1103", "", "SIAE", "ALFOplus"),
    ("WTM4100", f"{E}2509.9.5", "", "Aviat", "WTM"),
    ("Wireless Link", f"{E}4458.20.3.1.2", "", "RADWIN", "RADWIN"),
    ("BreezeACCESS VL", f"{E}12394.4.1", "", "Alvarion", "Breeze"),
    ("InfiNet Wireless R5000-Smn, H08S11-MINTv1.90.33, SN:319344", f"{E}3942.1", "", "InfiNet", "WANFleX"),
    ("Deliberant DLB APC Propeller 5", f"{E}32761", "", "LigoWave", "LigoOS"),
    ("RAy3-24", f"{E}33555.4", "", "RACOM", "RAy"),
    ("iPASOLINK 200", f"{E}119.2.3.69.501", "", "NEC", "iPASOLINK"),
    ("MINI-LINK TN", f"{E}193.81.1.1.1", "", "Ericsson", "MINI-LINK"),
    ("Horizon Compact", f"{E}7262.2.2", "", "DragonWave", "Horizon"),
    ("SAF microwave radio;CFIP Lumina;v2.1", f"{E}7571.100.1.1.5", "", "SAF", "SAF"),
    ("APC Web/SNMP Management Card (MB:v4.1.0)", f"{E}318.1.3.27", "", "APC", "PowerNet"),
    ("Eaton", f"{E}534.1", "", "Eaton", "XUPS"),
    ("MGE UPS", f"{E}705.1", "", "Eaton", "MGE UPS"),
    ("UPS", f"{E}3808.1.1.1", "", "CyberPower", "CPS"),
    ("PowerAlert", f"{E}850.1.1.1", "", "Tripp Lite", "PowerAlert"),
    ("UPS", f"{E}2254.2.4", "", "Delta", "DeltaUPS"),
    ("Liebert", f"{E}476.1.42", "", "Vertiv", "Liebert"),
    ("Smartpack S", f"{E}12148.10", "", "Eltek", "Smartpack"),
    ("UPS", f"{E}935.1.1.1", "", "Phoenixtec", "EPPC"),
    ("Grandstream GXW4216", f"{E}42397.1", "", "Grandstream", "Grandstream"),
    ("FRITZ!Box 7590", f"{E}872", "", "AVM", "FRITZ!OS"),
    ("Keenetic Giga (KN-1010)", LINUX, "", "Keenetic", "KeeneticOS"),
    (" ; AXIS P3367; Network Camera; 5.50.3.1", f"{E}368.4.10", "", "Axis", "AXIS OS"),
    ("DS-2CD2143", f"{E}39165.1", "", "Hikvision", "Hikvision"),
    ("HP ETHERNET MULTI-ENVIRONMENT", f"{E}11.2.3.9.1", "", "HP", "Printer"),
    ("Brother NC-8500h", f"{E}2435.2.3.9.1", "", "Brother", "Printer"),
    ("Linux nas 3.10.105", LINUX, f"{E}6574.1", "Synology", "DSM"),
    ("Linux TS-453A 5.1.0", LINUX, f"{E}24681.1", "QNAP", "QTS"),
    ("VMware ESXi 6.7.0 build-8169922 VMware, Inc. x86_64", f"{E}6876.4.1", "", "VMware", "ESXi"),
    ("Hardware: AMD64 - Software: Windows Version 6.3 (Build 9600 Multiprocessor Free)", f"{E}311.1.1.3.1.2", "", "Microsoft", "Windows"),
    ("Linux host 5.10.0", LINUX, "", "Net-SNMP", "Linux"),
    ("UniPing server solution v3, FW v70.5.4.E-1", f"{E}25728.70", "", "NetPing", "DKSF"),
    ("sensorProbe8 v 2.0", f"{E}3854.1", "", "AKCP", "sensorProbe"),
]  # fmt: skip


def probe_of(standing):
    """Return a probe of a device where only `standing` is there."""
    return lambda oid: (
        bool(standing) and (profiles.is_under(standing, oid) or profiles.is_under(oid, standing))
    )


@pytest.mark.parametrize(("description", "object_id", "standing", "vendor", "family"), KNOWN)
def test_a_device_is_known_by_one_profile_alone(description, object_id, standing, vendor, family):
    probe = probe_of(standing)
    found = profiles.choose(object_id, description, "", probe)
    assert found is not None
    assert (found.vendor, found.family) == (vendor, family)
    scores: dict[str, int] = {}
    for profile in profiles.shipped():
        for match in profile.matches:
            score = profiles.exactness(match, object_id, description, "")
            if score is not None and all(probe(oid) for oid in match.probes):
                scores[profile.file] = max(score, scores.get(profile.file, 0))
    best = max(scores.values())
    assert [file for file, score in scores.items() if score == best] == [found.file]

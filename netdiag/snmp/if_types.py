"""Names of ifType numbers (IANAifType-MIB), those that gear of providers really shows."""

_NAMES = {
    1: "other", 6: "ethernetCsmacd", 7: "iso88023Csmacd", 9: "iso88025TokenRing", 15: "fddi",
    16: "lapb", 17: "sdlc", 18: "ds1", 19: "e1", 20: "basicISDN", 21: "primaryISDN",
    22: "propPointToPointSerial", 23: "ppp", 24: "softwareLoopback", 28: "slip", 30: "ds3",
    32: "frameRelay", 33: "rs232", 34: "para", 37: "atm", 39: "sonet", 44: "frameRelayService", 45: "v35",
    46: "hssi", 48: "modem", 49: "aal5", 50: "sonetPath", 51: "sonetVT", 53: "propVirtual",
    54: "propMultiplexor", 56: "fibreChannel", 59: "aflane8023", 60: "aflane8025", 61: "cctEmul",
    62: "fastEther", 63: "isdn", 69: "fastEtherFX", 70: "channel", 71: "ieee80211", 75: "isdns",
    76: "isdnu", 77: "lapd", 80: "atmLogical", 81: "ds0", 82: "ds0Bundle", 84: "async", 94: "adsl",
    95: "radsl", 96: "sdsl", 97: "vdsl", 100: "voiceEM", 101: "voiceFXO", 102: "voiceFXS",
    103: "voiceEncap", 104: "voiceOverIp", 105: "atmDxi", 106: "atmFuni", 107: "atmIma",
    108: "pppMultilinkBundle", 117: "gigabitEthernet", 118: "hdlc", 126: "ip", 127: "docsCableMaclayer",
    128: "docsCableDownstream", 129: "docsCableUpstream", 131: "tunnel", 133: "ces", 134: "atmSubInterface",
    135: "l2vlan", 136: "l3ipvlan", 137: "l3ipxvlan", 138: "digitalPowerline", 140: "dtm",
    142: "ipForward", 143: "msdsl", 144: "ieee1394", 149: "atmVirtual", 150: "mplsTunnel", 151: "srp",
    155: "compositeLink", 157: "propWirelessP2P", 158: "frForward", 160: "usb", 161: "ieee8023adLag",
    162: "bgppolicyaccounting", 166: "mpls", 168: "hdsl2", 169: "shdsl", 170: "ds1FDL", 171: "pos",
    172: "dvbAsiIn", 173: "dvbAsiOut", 174: "plc", 175: "nfas", 183: "hiperlan2", 184: "propBWAp2Mp",
    185: "sonetOverheadChannel", 187: "aal2", 188: "radioMAC", 189: "atmRadio", 195: "opticalChannel",
    196: "opticalTransport", 199: "infiniband", 200: "teLink", 205: "docsCableUpstreamChannel",
    207: "pon155", 208: "pon622", 209: "bridge", 210: "linegroup", 214: "mpegTransport", 215: "sixToFour",
    216: "gtp", 219: "opticalChannelGroup", 220: "homepna", 221: "gfp", 222: "ciscoISLvlan",
    224: "fcipLink", 225: "rpr", 226: "qam", 229: "docsCableMCmtsDownstream", 230: "adsl2",
    231: "macSecControlledIF", 232: "macSecUncontrolledIF", 237: "ieee80216WMAN", 238: "adsl2plus",
    243: "wwanPP", 244: "wwanPP2", 246: "ifPwType", 247: "ilan", 248: "pip", 249: "aluELP", 250: "gpon",
    251: "vdsl2", 252: "capwapDot11Profile", 253: "capwapDot11Bss", 254: "capwapWtpVirtualRadio",
    255: "bits", 256: "docsCableUpstreamRfPort", 257: "cableDownstreamRfPort", 258: "vmwareVirtualNic",
    259: "ieee802154", 260: "otnOdu", 261: "otnOtu", 262: "ifVfiType", 266: "aluEpon", 267: "aluEponOnu",
    268: "aluEponPhysicalUni", 269: "aluEponLogicalLink", 270: "aluGponOnu", 271: "aluGponPhysicalUni",
    272: "vmwareNicTeam", 277: "docsOfdmDownstream", 278: "docsOfdmaUpstream", 279: "gfast",
    280: "sdci", 282: "fastdsl",
}  # fmt: skip


def name(number: int | None) -> str | None:
    """Return IANA's name of an ifType, the number as text where this table has none, None for None."""
    return None if number is None else _NAMES.get(number, str(number))

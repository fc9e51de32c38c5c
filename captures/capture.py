"""A golden capture in the making: packets in order, and beside each the findings it must give."""

import json
from collections import namedtuple
from pathlib import Path

import octets as o

START = 1_700_000_000 * 10**9  # nanoseconds since 1970

Packet = namedtuple("Packet", "time interface direction octets")

DEVICE = ("192.168.1.10", 40001)
GATEWAY = ("192.168.1.1", o.SERVER_PORT)
DEVICE6 = ("2001:db8:1::10", 40001)
GATEWAY6 = ("2001:db8:1::1", o.SERVER_PORT)
ALL_HOSTS = ("224.0.0.1", o.CLIENT_PORT)
ALL_NODES = ("ff02::1", o.CLIENT_PORT)
IN, OUT = 1, 2


class Capture:
    """name: of the file; about: why it is there. ends: client and server that `ask` and `answer` use."""

    all = []

    def __init__(self, name, about, ends=(DEVICE, GATEWAY), link=o.ETHERNET, kind="pcapng",
                 order="<", interfaces=("",), snaplen=0, exit_code=None):
        self.name, self.about, self.ends, self.link = name, about, ends, link
        self.kind, self.order, self.interfaces, self.snaplen = kind, order, interfaces, snaplen
        self.exit_code = exit_code
        self.packets = []
        self.findings = []
        self.damage = lambda octets: octets
        Capture.all.append(self)

    def add(self, seconds, datagram, *faults, interface=0, direction=0, vlans=()):
        """One packet; faults such as "fail 6887-7.1-01" are what it must be accused of. Returns its
        frame number."""
        time = START + round(seconds * 10**9)
        octets = datagram if self.link is None else o.frame(self.link, datagram, vlans)
        self.packets.append(Packet(time, interface, direction, octets))
        for fault in faults:
            self.expect(len(self.packets), fault)
        return len(self.packets)

    def expect(self, frame, fault):
        level, requirement = fault.split()
        self.findings.append({"frame": frame, "level": level, "requirement": requirement})

    def ask(self, seconds, payload, *faults, client=None, server=None, ttl=64, **where):
        client, server = client or self.ends[0], server or self.ends[1]
        return self.add(seconds, o.udp(client, server, payload, ttl), *faults, **where)

    def answer(self, seconds, payload, *faults, client=None, server=None, ttl=64, **where):
        client, server = client or self.ends[0], server or self.ends[1]
        return self.add(seconds, o.udp(server, client, payload, ttl), *faults, **where)

    def exchange(self, seconds, asked, answered, *faults):
        """A request without fault and, 5 ms later, a response with these."""
        self.ask(seconds, asked)
        return self.answer(seconds + 0.005, answered, *faults)

    def octets(self):
        if self.kind == "pcap":
            out = o.pcap(self.packets, self.link, self.order, snaplen=self.snaplen or 65535)
        else:
            links = [(name, self.link) for name in self.interfaces]
            out = o.pcapng(self.packets, links, self.order, self.snaplen)
        return self.damage(out)

    def expected(self):
        failed = any(finding["level"] == "fail" for finding in self.findings)
        code = self.exit_code if self.exit_code is not None else int(failed)
        key = lambda finding: (finding["frame"], finding["requirement"], finding["level"])
        return {"about": self.about, "exit": code, "packets": len(self.packets),
                "findings": sorted(self.findings, key=key)}

    def write(self, folder):
        path = Path(folder) / f"{self.name}.{self.kind}"
        path.write_bytes(self.octets())
        text = json.dumps(self.expected(), indent=1, ensure_ascii=True)
        (Path(folder) / f"{self.name}.expect.json").write_text(text + "\n")

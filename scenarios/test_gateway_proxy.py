"""pinhole-gateway as a PCP proxy (RFC 7648) of a server that the test plays, and what is in the kernel then."""

import functools
import struct
import sys

from conftest import BUILD, ROOT

sys.path.insert(0, str(ROOT / "harness" / "test"))
from gateway_lab import (  # noqa: E402
    MAP,
    PATIENCE,
    SILENCE,
    UDP,
    arrives,
    inside_lab,
    is_dropped,
    packed,
    received,
)

EXTERNAL, UPSTREAM, OUTERMOST = "11.0.0.1", "11.0.0.2", "12.0.0.1"
UNSUPP_VERSION, UNSUPP_OPCODE, NETWORK_FAILURE, NO_RESOURCES = 1, 4, 7, 8


def in_lab(test):
    @functools.wraps(test)
    def wrapper(tmp_path):
        inside_lab(lambda lab: test(Chain(lab), tmp_path), BUILD)

    # pytest shall see the wrapper's own parameter, not those of the test inside.
    del wrapper.__wrapped__
    return wrapper


class Chain:
    """A client, the proxy, and a server upstream."""

    def __init__(self, lab):
        self.lab = lab
        self.client = lab.udp("host", "192.168.0.10")
        self.upstream = lab.udp("internet", UPSTREAM, 5351)
        self.epoch = 1000

    def start(self, *arguments):
        self.lab.start("--upstream", UPSTREAM, *arguments)

    def ask(self, opcode=MAP, lifetime=600, patience=PATIENCE):
        """Sends a request; what comes upstream for it, and from where."""
        request = struct.pack(">BBHI", 2, opcode, 0, lifetime) + packed("192.168.0.10") + b"a" * 12
        request += struct.pack(">B3xHH", UDP, 5683, 0) + packed("0.0.0.0")
        self.client.sendto(request, ("192.168.0.1", 5351))
        return received(self.upstream, patience)

    def answer(self, asked, result=0, lifetime=600, by=None, patience=PATIENCE):
        """Answers it, and gives what the client hears."""
        request, sender = asked
        head = struct.pack(">BBBBII12x", 2, request[1] | 0x80, 0, result, lifetime, self.epoch)
        data = request[24:42] + struct.pack(">H", 7777) + packed(OUTERMOST)
        (by or self.upstream).sendto(head + data, sender)
        return received(self.client, patience)

    def map(self):
        return self.answer(self.ask())


@in_lab
def test_a_mapping_is_asked_for_upstream_by_its_external_endpoint(chain, folder):
    chain.start()
    request, sender = chain.ask()
    external = struct.unpack(">H", request[40:42])[0]
    assert sender[0] == EXTERNAL and request[8:24] == packed(EXTERNAL)
    heard, by = chain.answer((request, sender))
    assert by == ("192.168.0.1", 5351)
    assert (heard[3], heard[4:8]) == (0, struct.pack(">I", 600))
    assert heard[40:] == struct.pack(">HH", 5683, 7777) + packed(OUTERMOST)
    assert struct.unpack(">I", heard[8:12])[0] < 100  # our epoch, not upstream's
    inner = chain.lab.udp("host", "192.168.0.10", 5683)
    assert arrives(chain.lab.udp("internet", "11.0.0.3", 7000), (EXTERNAL, external), inner)


@in_lab
def test_a_refusal_upstream_leaves_no_mapping(chain, folder):
    chain.start()
    asked = chain.ask()
    heard, _ = chain.answer(asked, NO_RESOURCES, 45)
    assert (heard[3], heard[4:8]) == (NO_RESOURCES, struct.pack(">I", 45))
    external = struct.unpack(">H", asked[0][40:42])[0]
    inner = chain.lab.udp("host", "192.168.0.10", 5683)
    assert is_dropped(chain.lab.udp("internet", "11.0.0.3", 7000), (EXTERNAL, external), inner)


@in_lab
def test_nobody_but_the_server_upstream_is_believed(chain, folder):
    chain.start()
    asked = chain.ask()
    for stranger in (("11.0.0.3", 5351), (UPSTREAM, 5352)):
        other = chain.lab.udp("internet", *stranger)
        assert chain.answer(asked, by=other, patience=SILENCE) is None
    assert chain.answer(asked)[0][3] == 0


@in_lab
def test_what_is_known_is_answered_at_once_until_upstream_starts_anew(chain, folder):
    chain.start("--announcements", "1")  # that of its own start is over when a mapping stands
    chain.map()
    assert chain.ask(patience=SILENCE) is None
    assert received(chain.client)[0][42:44] == struct.pack(">H", 7777)
    news = chain.lab.udp("host", "0.0.0.0", 5350)
    announce = struct.pack(">BBBBII12x", 2, 0x80, 0, 0, 0, 0)
    chain.upstream.sendto(announce, (EXTERNAL, 5350))
    chain.epoch = 0
    asked = received(chain.upstream, 2 * PATIENCE)  # by itself
    assert (asked[0][1], asked[0][42:44]) == (MAP, struct.pack(">H", 7777))
    assert chain.answer(asked, result=NO_RESOURCES, patience=SILENCE) is None
    assert received(news)[0][1] == 0x80  # what has changed is announced
    assert chain.map()[0][3] == 0


@in_lab
def test_a_proxy_speaks_pcp_alone_and_passes_unknown_opcodes_on(chain, folder):
    chain.start()
    chain.client.sendto(bytes(2), ("192.168.0.1", 5351))
    assert struct.unpack(">H", received(chain.client)[0][2:4])[0] == UNSUPP_VERSION
    request, sender = chain.ask(opcode=77)
    assert request[1] == 77 and request[8:24] == packed(EXTERNAL)
    assert chain.answer((request, sender), UNSUPP_OPCODE)[0][3] == UNSUPP_OPCODE
    assert chain.lab.map(5683, source="2001:db8:1::10").result == NETWORK_FAILURE


@in_lab
def test_a_mapping_survives_a_restart_of_the_proxy(chain, folder):
    chain.start("--state", str(folder / "state"))
    asked = chain.ask()
    assert chain.answer(asked)[0][3] == 0
    chain.lab.kill()
    chain.start("--state", str(folder / "state"))
    external = struct.unpack(">H", asked[0][40:42])[0]
    inner = chain.lab.udp("host", "192.168.0.10", 5683)
    assert arrives(chain.lab.udp("internet", "11.0.0.3", 7000), (EXTERNAL, external), inner)
    again = chain.ask()  # it has no memory of what upstream said
    assert again[0][40:42] == asked[0][40:42]


@in_lab
def test_a_new_address_of_ours_is_where_requests_come_from(chain, folder):
    chain.start()
    chain.map()
    chain.lab.run("gateway", "sh", "-c", "ip addr del 11.0.0.1/24 dev eth1; ip addr add 11.0.0.9/24 dev eth1")
    assert any("external address 11.0.0.9" in line for line in chain.lab.gateway.stdout)
    asked = chain.ask(lifetime=3600)
    assert asked[1][0] == "11.0.0.9" and asked[0][8:24] == packed("11.0.0.9")
    assert chain.answer(asked, lifetime=3600)[0][3] == 0
    assert chain.ask(opcode=77)[0][8:24] == packed("11.0.0.9")

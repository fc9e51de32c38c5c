"""Captures that are damaged, odd or in other formats: what can be read is judged, nothing else."""

import octets as o
from capture import DEVICE, DEVICE6, GATEWAY, GATEWAY6, Capture

EXTERNAL = {"external": 40000, "where": "11.0.0.1"}
ASKED = o.request(o.MAP, o.data_map())
WRONG = o.request(o.MAP, o.data_map(nonce=o.NONCE2), reserved=b"\0\7")
GRANTED = o.response(o.MAP, o.data_map(**EXTERNAL))


def exchange(c):
    """A clean exchange, and a request whose reserved bits are set."""
    c.ask(0, ASKED)
    c.answer(0.01, GRANTED)
    c.ask(1, WRONG, "fail 6887-7.1-01")


def formats():
    for name, options in {
        "pcap-big": {"kind": "pcap", "order": ">"},
        "pcap-little": {"kind": "pcap", "order": "<"},
        "pcapng-big": {"order": ">"},
        "sll": {"link": o.SLL, "kind": "pcap"},
        "sll2": {"link": o.SLL2},
        "raw": {"link": o.RAW},
    }.items():
        exchange(Capture(f"format-{name}", "the same three messages in another format", **options))
    c = Capture("format-raw6", "raw IPv6", link=o.RAW, kind="pcap", ends=(DEVICE6, GATEWAY6))
    asked = o.request(o.MAP, o.data_map(where=o.ANY6), client=DEVICE6[0], reserved=b"\1\0")
    c.ask(0, asked, "fail 6887-7.1-01")


def vlan():
    c = Capture("hostile-vlan", "one VLAN tag, and two")
    c.ask(0, ASKED, vlans=(7,))
    c.answer(0.01, GRANTED, vlans=(7,))
    c.ask(1, WRONG, "fail 6887-7.1-01", vlans=(7, 8))


def snaplen():
    c = Capture("hostile-snaplen", "frames of 70 octets: 28 of each message, so headers alone are "
                "judged, and no length", snaplen=70)
    exchange(c)
    c.ask(2, o.request(o.MAP, o.data_map(internal=1, reserved=b"\1\1\1"), o.option(1, b"bad")))


def snaplen_in_options():
    c = Capture("hostile-snaplen-option", "frames of 114 octets end inside an option: no fault of it",
                snaplen=114)
    c.ask(0, o.request(o.MAP, o.data_map(), o.option(200, b"0123456789")))
    c.answer(0.01, o.response(o.MAP, o.data_map(**EXTERNAL)))


def fragments():
    c = Capture("hostile-fragments", "a request in two fragments is not judged; the next one is")
    for piece in o.fragments(o.udp(DEVICE, GATEWAY, WRONG), 40):
        c.add(0, piece)
    c.ask(1, WRONG, "fail 6887-7.1-01")


def duplicates():
    c = Capture("hostile-duplicates", "each frame twice within a millisecond, as captures on all "
                "interfaces show them")
    for seconds in (0, 0.0005):
        c.ask(seconds, ASKED)
    for seconds in (0.01, 0.0101):
        c.answer(seconds, GRANTED)
    c.ask(1, WRONG, "fail 6887-7.1-01")
    c.ask(1.001, WRONG)


def reordered():
    c = Capture("hostile-reordered", "frames out of the order of time: no gap, no order is judged")
    c.ask(5, ASKED)
    c.ask(2, ASKED)
    c.answer(0.01, GRANTED)
    c.answer(7, o.response(o.MAP, o.data_map(**EXTERNAL), epoch=1007))
    c.answer(6, o.response(o.MAP, o.data_map(**EXTERNAL), epoch=1006))


def flood():
    c = Capture("hostile-flood", "a fault five hundred times, and another by sixty hosts: a few lines")
    limit, peers = 3, 32
    for number in range(500):
        octets = o.request(o.MAP, o.data_map(internal=number + 1), reserved=b"\0\7")
        frame = c.ask(number / 1000, octets)
        if number < limit or number == 499:
            c.expect(frame, "fail 6887-7.1-01")
    for number in range(60):
        host = f"192.168.1.{number + 100}"
        octets = o.request(o.ANNOUNCE, lifetime=9, client=host)
        frame = c.ask(1 + number / 1000, octets, client=(host, 1234))
        if number < peers or number == 59:
            c.expect(frame, "fail 6887-14.1.2-02")


def noise():
    c = Capture("hostile-noise", "garbage at the server's port, empty datagrams, ARP, and a short frame")
    c.ask(0, b"")
    c.ask(1, b"\x02", "fail 6887-7-01")
    c.ask(2, b"\xff" * 40)
    c.ask(3, b"\x02\x7f" + b"\xff" * 30, "fail 6887-7.1-01", "info 6887-8.1-02")
    c.add(4, bytes([8, 6]) + bytes(26))
    c.link = None
    c.add(5, b"\2\0\0\0\0")
    c.add(6, b"")
    c.link = o.ETHERNET


def truncated():
    c = Capture("hostile-truncated", "the file breaks off in its last packet; the others are judged, "
                "and what is there fails")
    exchange(c)
    c.ask(2, ASKED)
    c.damage = lambda octets: octets[:-30]
    c.expected = lambda plain=c.expected: {**plain(), "packets": 3, "says": "cut off"}
    c = Capture("hostile-truncated-clean", "the file breaks off; nothing in it fails, yet not all was "
                "judged", exit_code=2)
    c.ask(0, ASKED)
    c.answer(0.01, GRANTED)
    c.ask(2, ASKED)
    c.damage = lambda octets: octets[:-30]
    c.expected = lambda plain=c.expected: {**plain(), "packets": 2, "says": "cut off"}


def not_captures():
    for name, octets, says in (("empty", b"", "empty"), ("text", b"this is no capture file\n" * 9,
                                                         "expected"),
                               ("short", b"\x0a\x0d\x0d", "cut off")):
        c = Capture(f"hostile-{name}", "no capture at all", exit_code=2)
        c.damage = lambda _, octets=octets: octets
        c.expected = lambda plain=c.expected, says=says: {**plain(), "says": says}
    Capture("hostile-no-packets", "a whole capture of 0 packets", exit_code=4)


def make():
    for scene in (formats, vlan, snaplen, snaplen_in_options, fragments, duplicates, reordered, flood, noise, truncated,
                  not_captures):
        scene()

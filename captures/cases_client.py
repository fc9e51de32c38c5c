"""Clients that break requirements, one packet at a time."""

import octets as o
from capture import DEVICE, DEVICE6, GATEWAY, GATEWAY6, Capture

EXTERNAL = {"external": 40000, "where": "11.0.0.1"}


def changed(octets, offset, value):
    return octets[:offset] + bytes([value]) + octets[offset + 1 :]


def header():
    c = Capture("bad-request-header", "requests with a wrong header or length")
    asked = o.request(o.MAP, o.data_map())
    c.ask(0, o.request(o.MAP, o.data_map(), reserved=b"\0\7"), "fail 6887-7.1-01")
    c.ask(1, o.request(o.MAP, o.data_map(internal=1), r=1), "fail 6887-7.1-03")
    c.ask(2, o.request(o.MAP, o.data_map(internal=2), version=1), "fail 6887-7.1-03")
    c.ask(3, asked[:20], "fail 6887-7-01")
    c.ask(4, asked[:56], "fail 6887-7-01")
    c.ask(5, asked[:58] + bytes(1), "fail 6887-7-01")
    c.ask(6, asked + o.option(200, bytes(1100)), "fail 6887-7-01")
    c.ask(7, asked + o.option(200, b"123", padding=b""), "fail 6887-7.3-16")
    bad = o.udp(DEVICE, GATEWAY, o.request(o.MAP, o.data_map(internal=3)), bad_checksum=True)
    c.add(8, bad, "info 6887-8-01")


def options():
    c = Capture("bad-request-options", "options that are badly built or stand where they may not")
    third = o.option(o.THIRD_PARTY, o.address("192.168.1.20"))

    def ask(seconds, opts, *faults, **fields):
        lifetime = fields.pop("lifetime", 120)
        data = o.data_map(internal=1000 + seconds, **fields)
        c.ask(seconds / 2, o.request(o.MAP, data, opts, lifetime=lifetime), *faults)

    ask(0, o.option(200, b"1234", reserved=1), "fail 6887-7.3-01")
    ask(1, o.option(200, b"12", padding=b"\0x"), "fail 6887-7.3-16")
    ask(2, o.option(200, b"1234", length=9), "fail 6887-7.3-16")
    ask(3, o.option(o.THIRD_PARTY, bytes(12)), "fail 6887-13.1-09")
    ask(4, third + third, "fail 6887-13.1-09")
    prefer = o.option(o.PREFER_FAILURE)
    ask(5, prefer, "info 6887-13.2-02", **EXTERNAL)
    ask(6, prefer, "info 6887-13.2-02", "fail 6887-13.2-04")
    ask(7, prefer, "info 6887-13.2-02", "fail 6887-11.3-21", lifetime=0)
    ask(8, prefer + prefer, "info 6887-13.2-02", "fail 6887-13.2-07", **EXTERNAL)
    ask(9, o.option(o.FILTER, bytes(16)), "fail 6887-13.3-06")
    ask(10, o.filter_option(128, 0, "203.0.113.7", reserved=3), "fail 6887-13.3-02")
    ask(11, o.filter_option(24, 0, "203.0.113.0"), "fail 6887-13.3-08")
    ask(12, o.filter_option(129, 0, "203.0.113.0"), "fail 6887-13.3-08")
    ask(13, o.filter_option(128, 0, "203.0.113.7"), "fail 6887-13.3-10", lifetime=0)
    ask(14, o.filter_option(128, 0, "203.0.113.7") + o.filter_option(0, 0, o.ANY4),
        "warn 6887-13.3-18")
    c.ask(7.5, o.request(o.ANNOUNCE, options=third, lifetime=0), "fail 6887-13-01")
    c.ask(8, o.request(o.PEER, o.data_peer(), o.filter_option(128, 0, "203.0.113.7")),
          "fail 6887-13.3-06", "fail 6887-7.1-04")
    c.ask(8.5, o.request(o.PEER, o.data_peer(remote_port=80), prefer), "fail 6887-13.2-07",
          "fail 6887-7.1-04")


def addresses():
    c = Capture("bad-request-addresses", "addresses that are badly written or not the sender's")
    compatible = bytes(12) + bytes([192, 168, 1, 10])
    front = bytes([192, 168, 1, 10]) + bytes(12)

    def ask(seconds, *faults, opts=b"", client="192.168.1.10", **fields):
        c.ask(seconds, o.request(o.MAP, o.data_map(internal=2000 + seconds, **fields), opts,
                                 client=client), *faults)

    ask(0, "fail 6887-5-04", client=compatible)
    ask(1, "fail 6887-5-04", client=front)
    ask(2, "fail 6887-8.1-02", client=o.ANY6)
    ask(3, "fail 6887-8.1-02", client="127.0.0.1")
    ask(4, "info 6887-8.1-02", client="10.0.0.5")
    ask(5, "info 6887-5-03", where=o.ANY6)
    ask(6, "fail 6887-5-04", where=bytes(12) + bytes([11, 0, 0, 1]))
    ask(7, "fail 6887-13.1-02", opts=o.option(o.THIRD_PARTY, o.address("192.168.1.10")))
    ask(8, "fail 6887-10-04", opts=o.filter_option(128, 0, "2001:db8::7"))
    c.ask(9, o.request(o.PEER, o.data_peer(remote="2001:db8::7")), "fail 6887-10-04")


def addresses6():
    for name, host, fault in (("ula", "fd00::10", "warn 6887-8.4-02"),
                              ("link-local", "fe80::10", "warn 6887-8.4-01")):
        c = Capture(f"bad-source-{name}", "a request from an address of limited reach",
                    ends=((host, 40001), GATEWAY6))
        asked = o.request(o.MAP, o.data_map(where=o.ANY6), client=host)
        c.ask(0, asked, fault)
        c.answer(0.01, o.response(o.MAP, o.data_map(external=5683, where="2001:db8::10")))


def fields():
    c = Capture("bad-request-fields", "MAP, PEER and ANNOUNCE requests with fields that contradict")

    def ask(seconds, payload, *faults):
        c.ask(seconds, payload, *faults)

    ask(0, o.request(o.MAP, o.data_map(internal=1, reserved=b"\0\0\1")), "fail 6887-11.1-01")
    ask(1, o.request(o.MAP, o.data_map(protocol=0, internal=80)), "fail 6887-11.1-03")
    ask(2, o.request(o.MAP, o.data_map(protocol=47, internal=80)), "fail 6887-11.2-04")
    ask(3, o.request(o.MAP, o.data_map(nonce=bytes(12), internal=2)), "warn 6887-11.2-08")
    ask(4, o.request(o.MAP, o.data_map(internal=3, external=3), lifetime=0), "fail 6887-15.1-04")
    ask(5, o.request(o.PEER, o.data_peer(protocol=0)), "fail 6887-12.1-01")
    ask(6, o.request(o.PEER, o.data_peer(internal=4, reserved=b"\1\0\0")), "fail 6887-12.1-02")
    ask(7, o.request(o.PEER, o.data_peer(internal=0)), "fail 6887-12.1-04")
    ask(8, o.request(o.PEER, o.data_peer(internal=5, remote_port=0)), "fail 6887-12.1-07")
    ask(9, o.request(o.PEER, o.data_peer(internal=6, reserved16=b"\0\1")), "fail 6887-12.1-08")
    ask(10, o.request(o.ANNOUNCE, lifetime=60), "fail 6887-14.1.2-02")


def first_wait():
    c = Capture("bad-retransmission-linear", "waits of 250 ms, 500 ms, 750 ms as seen from a real "
                "client: too soon, and not doubled")
    asked = o.request(o.MAP, o.data_map())
    c.ask(0, asked)
    c.ask(0.25, asked, "warn 6887-8.1.1-02")
    c.ask(0.75, asked)
    c.ask(1.6, asked)  # 0.85 s: twice 0.5 s within a tenth and the tolerance
    c.ask(2.7, asked, "warn 6887-8.1.1-08")
    c.ask(4.1, asked, "warn 6887-8.1.1-08")
    c.answer(4.11, o.response(o.MAP, o.data_map(**EXTERNAL)))


def shrinking():
    c = Capture("bad-retransmission-shrinking", "waits that shrink or stay as they are")
    asked = o.request(o.MAP, o.data_map())
    c.ask(0, asked)
    c.ask(3, asked)
    c.ask(9, asked)
    c.ask(15, asked, "warn 6887-8.1.1-04")
    c.ask(17, asked, "fail 6887-8.1.1-08")
    c.ask(17.02, asked)  # a duplicate of the network's making
    c.answer(17.1, o.response(o.MAP, o.data_map(**EXTERNAL)))


def late():
    c = Capture("doubtful-retransmission-late", "a late retransmission: one may be missing")
    asked = o.request(o.MAP, o.data_map())
    c.ask(0, asked)
    c.ask(9, asked, "info 6887-8.1.1-02")
    c.answer(9.1, o.response(o.MAP, o.data_map(**EXTERNAL)))


def renewals():
    c = Capture("bad-renewal", "renewals too early, too close together, and too late")
    asked = o.request(o.MAP, o.data_map())
    renewal = o.request(o.MAP, o.data_map(**EXTERNAL))
    granted = o.data_map(**EXTERNAL)
    c.exchange(0, asked, o.response(o.MAP, granted))
    c.ask(30, renewal, "warn 6887-11.2.1-04")
    c.answer(30.01, o.response(o.MAP, granted, epoch=1030))
    c.ask(95, renewal)
    c.ask(96.5, renewal, "fail 6887-11.2.1-05")
    c.ask(101.5, renewal, "warn 6887-11.2.1-07")
    c.answer(101.6, o.response(o.MAP, granted, epoch=1101))
    c.ask(190, renewal, "info 6887-11.2.1-04")
    c.answer(190.01, o.response(o.MAP, granted, epoch=1190))


def every_three_seconds():
    c = Capture("bad-rest-none", "one request every 3 s, whatever comes back: once it could be a "
                "retransmission whose answer was lost, but then its waits would double")
    asked = o.request(o.MAP, o.data_map())
    for number in range(4):
        c.ask(3 * number, asked, *(["warn 6887-8.3-04"] if number > 1 else []))
        c.answer(3 * number + 0.01, o.error(asked, o.NO_RESOURCES, 30, 1000 + 3 * number))


def no_rest():
    c = Capture("bad-rest-after-error", "the same request again and again within the lifetime of its "
                "error; seen of real clients after NOT_AUTHORIZED")
    asked = o.request(o.MAP, o.data_map())
    c.exchange(0, asked, o.error(asked, o.NOT_AUTHORIZED, 1800))
    for seconds in (10, 20, 30):
        c.ask(seconds, asked, "warn 6887-8.3-04")
        c.answer(seconds + 0.01, o.error(asked, o.NOT_AUTHORIZED, 1800, 1000 + seconds))


def nonces():
    c = Capture("bad-nonces", "a fresh nonce in each retransmission, and one nonce for two servers")
    ask = lambda seconds, nonce, *faults: c.ask(seconds, o.request(o.MAP, o.data_map(nonce=nonce)), *faults)
    ask(0, o.NONCE, "info 6887-8-04")
    ask(3, o.NONCE2, "info 6887-8-04")
    ask(9, bytes(range(12)), "fail 6887-8.1.1-01", "info 6887-8-04")
    peer = o.request(o.PEER, o.data_peer(internal=9))
    c.ask(20, peer)
    c.ask(21, o.request(o.MAP, o.data_map(internal=8)))
    other = ("192.168.1.2", 5351)
    c.ask(22, peer, "info 6887-12.2-02", server=other)
    c.ask(23, o.request(o.MAP, o.data_map(internal=8)), "info 6887-11.2-05", server=other)


def mismatch():
    c = Capture("bad-client-address", "the client address is not the source, and the server says so "
                "with no router on the way")
    asked = o.request(o.MAP, o.data_map(), client="192.168.7.7")
    frame = c.ask(0, asked, "info 6887-8.1-02")
    c.answer(0.01, o.error(asked, o.ADDRESS_MISMATCH, 1800))
    c.expect(frame, "fail 6887-8.1-02")
    far = o.request(o.MAP, o.data_map(nonce=o.NONCE2), client="10.9.9.9")
    c.ask(1, far, ttl=63)  # a router handled it: a NAT may be to blame
    c.answer(1.01, o.error(far, o.ADDRESS_MISMATCH, 1800, 1001))


def early_traffic():
    c = Capture("bad-early-traffic", "a packet leaves the port before its mapping is there")
    inside, server = ("192.168.1.10", 5683), ("11.0.0.2", 5683)
    c.ask(0, o.request(o.MAP, o.data_map()))
    c.add(0.5, o.udp(inside, server, b"\x40\x02\x12\x34\xb2rd"), "fail 6887-10.2-01")
    c.answer(1, o.response(o.MAP, o.data_map(**EXTERNAL)))
    c.add(1.5, o.udp(inside, server, b"\x40\x02\x12\x35\xb2rd"))
    c.ask(1.6, o.request(o.MAP, o.data_map(protocol=o.TCP, internal=7000)))
    c.add(1.7, o.tcp(("192.168.1.10", 7000), server), "fail 6887-10.2-01")
    c.add(1.75, o.tcp(("192.168.1.10", 7000), server))
    c.answer(1.8, o.response(o.MAP, o.data_map(protocol=o.TCP, internal=7000, **EXTERNAL), epoch=1001))
    c.ask(2, o.request(o.MAP, o.data_map(internal=6000)))  # this one answers somebody: no fault
    other = ("192.168.1.10", 6000)
    c.add(2.1, o.udp(server, other, b"hello"))
    c.add(2.2, o.udp(other, server, b"hello"))
    c.answer(2.3, o.response(o.MAP, o.data_map(internal=6000, external=6000, where="11.0.0.1"),
                             epoch=1002))


def natpmp():
    c = Capture("bad-natpmp-request", "NAT-PMP requests with faults")
    port = (5683).to_bytes(2, "big")
    c.ask(0, b"\0\1\0\1" + port + port + (60).to_bytes(4, "big"), "fail 6886-3.3-01")
    c.ask(1, b"\0\1\0\0" + port + port + bytes(4), "fail 6886-3.4-01")
    c.ask(2, b"\0\1\0\0" + port + port, "fail 6886-3.2-03")
    c.ask(3, b"\0\0\0\0", "warn 6886-3.2-03")


def unanswered():
    c = Capture("unanswered", "requests that nobody answers, and a minute of other traffic")
    asked = o.request(o.MAP, o.data_map())
    c.ask(0, asked)
    frame = c.ask(3, asked)
    c.expect(frame, "info 6887-8-04")
    c.add(60, o.udp(("192.168.1.10", 9), ("192.168.1.1", 9), b"."))


def make():
    for scene in (header, options, addresses, addresses6, fields, first_wait, shrinking, late,
                  renewals, every_three_seconds, no_rest, nonces, mismatch, early_traffic, natpmp,
                  unanswered):
        scene()

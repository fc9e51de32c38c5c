"""Servers that break requirements, one response at a time."""

import octets as o
from capture import ALL_HOSTS, DEVICE, GATEWAY, Capture

EXTERNAL = {"external": 40000, "where": "11.0.0.1"}


def header():
    c = Capture("bad-response-header", "responses with a wrong header")

    def exchange(seconds, *faults, **fields):
        asked = o.request(o.MAP, o.data_map(internal=100 + seconds))
        given = o.data_map(internal=100 + seconds, **EXTERNAL)
        c.exchange(seconds, asked, o.response(o.MAP, given, epoch=1000 + seconds, **fields), *faults)

    exchange(0, "fail 6887-7.2-01", version=1)
    exchange(1, "fail 6887-7.2-02", r=0)
    exchange(2, "fail 6887-7.2-03", reserved=9)
    exchange(3, "fail 6887-7.2-05", reserved96=bytes(11) + b"\1")
    asked = o.request(o.MAP, o.data_map(internal=9))
    c.exchange(4, asked, o.error(asked, o.UNSUPP_PROTOCOL, 1800, 1004, reserved=1),
               "fail 6887-7.2-03")
    asked = o.request(o.MAP, o.data_map(internal=10), reserved=b"\1\0")
    c.ask(5, asked, "fail 6887-7.1-01")
    c.answer(5.01, o.error(asked, o.UNSUPP_PROTOCOL, 1800, 1005, reserved=1))  # its copy
    for number, code in enumerate((o.NOT_AUTHORIZED, o.NO_RESOURCES)):
        asked = o.request(o.MAP, o.data_map(internal=11 + number))
        octets = o.error(asked, code, 30, 1006 + number)
        c.exchange(6 + number, asked, octets[:12] + bytes(11) + b"\1" + octets[24:],
                   "fail 6887-7.2-05")
    for number, (opcode, data, fault) in enumerate((
            (o.MAP, o.data_map(internal=20, reserved=b"\1\2\3"), "fail 6887-11.1-01"),
            (o.PEER, o.data_peer(internal=21, reserved=b"\1\2\3"), "fail 6887-12.1-02"),
            (o.PEER, o.data_peer(internal=22, reserved16=b"\1\2"), "fail 6887-12.1-08"))):
        asked = o.request(opcode, data)
        zeroed = o.error(asked, o.NO_RESOURCES, 30, 1007)
        zeroed = zeroed[:37] + bytes(3) + zeroed[40:62] + (bytes(2) + zeroed[64:])[: len(zeroed) - 62]
        c.ask(7.3 + number / 10, asked, fault)
        c.answer(7.31 + number / 10, zeroed if opcode == o.PEER else zeroed[:60])
    short = o.request(o.MAP, o.data_map())[:40]
    c.ask(8, short, "fail 6887-7-01")
    c.answer(8.01, o.error(short, o.MALFORMED_REQUEST, 1800, 1008))
    odd = o.request(o.MAP, o.data_map(internal=13)) + b"abc"
    c.ask(9, odd, "fail 6887-7.3-16")
    c.answer(9.01, o.error(odd, o.MALFORMED_REQUEST, 1800, 1009))


def fields():
    c = Capture("bad-response-fields", "responses whose data is wrong in itself or for its request")

    def exchange(seconds, asked, given, *faults, options=b"", answered=b"", **fields):
        c.exchange(seconds, o.request(o.MAP, o.data_map(internal=200 + seconds, **asked), options),
                   o.response(o.MAP, o.data_map(internal=200 + seconds, **given), answered,
                              epoch=1000 + seconds, **fields), *faults)

    exchange(0, {}, {**EXTERNAL, "reserved": b"\0\0\1"}, "fail 6887-11.1-07")
    exchange(1, {}, {"external": 5351, "where": "11.0.0.1"}, "fail 6887-11.3-14")
    exchange(2, {}, EXTERNAL, "fail 6887-13-02", answered=o.option(o.PREFER_FAILURE))
    prefer = o.option(o.PREFER_FAILURE)
    c.ask(3, o.request(o.MAP, o.data_map(internal=203, external=80), prefer), "info 6887-13.2-02")
    c.answer(3.01, o.response(o.MAP, o.data_map(internal=203, external=81, where="11.0.0.1"), prefer,
                              epoch=1003), "fail 6887-11.3-15")
    c.ask(3.5, o.request(o.MAP, o.data_map(internal=210, external=80, where="11.0.0.1"), prefer),
          "info 6887-13.2-02")
    c.answer(3.51, o.response(o.MAP, o.data_map(internal=210, external=80, where="11.0.0.9"), prefer,
                              epoch=1003), "fail 6887-11.3-15")
    delete = o.request(o.MAP, o.data_map(internal=80), lifetime=0)
    c.exchange(4, delete, o.response(o.MAP, o.data_map(internal=80, **EXTERNAL), lifetime=0,
                                     epoch=1004), "fail 6887-15.1-06")
    peer = o.request(o.PEER, o.data_peer(internal=500))
    c.exchange(5, peer, o.response(o.PEER, o.data_peer(internal=500, reserved=b"\1\0\0", **EXTERNAL),
                                   epoch=1005), "fail 6887-12.1-12")
    peer = o.request(o.PEER, o.data_peer(internal=501))
    c.exchange(6, peer, o.response(o.PEER, o.data_peer(internal=501, reserved16=b"\1\0", **EXTERNAL),
                                   epoch=1006), "fail 6887-12.1-14")
    c.exchange(7, o.request(o.ANNOUNCE, lifetime=0),
               o.response(o.ANNOUNCE, lifetime=60, epoch=1007), "fail 6887-14.1.1-02")
    wrong = o.request(o.MAP, o.data_map(internal=900), client="192.168.9.9")
    c.ask(8, wrong, "info 6887-8.1-02")
    c.answer(8.01, o.response(o.MAP, o.data_map(internal=900, **EXTERNAL), epoch=1008),
             "fail 6887-8.2-07")


def match():
    c = Capture("bad-response-match", "responses that don't fit the request that waits")
    asked = o.request(o.MAP, o.data_map(nonce=o.NONCE))
    good = o.response(o.MAP, o.data_map(nonce=o.NONCE, **EXTERNAL), epoch=1003)
    c.ask(0, asked)
    c.answer(0.02, o.response(o.PEER, o.data_peer(nonce=o.NONCE, **EXTERNAL)), "fail 6887-7.2-07")
    c.answer(0.03, o.response(o.MAP, o.data_map(nonce=o.NONCE2, **EXTERNAL)), "fail 6887-11.1-09")
    c.ask(3, asked)
    c.answer(3.01, good)
    peer = o.request(o.PEER, o.data_peer())
    c.ask(10, peer)
    c.answer(10.01, o.response(o.PEER, o.data_peer(remote_port=444, **EXTERNAL), epoch=1010),
             "fail 6887-12.1-17")
    c.ask(13, peer)
    c.answer(13.01, o.response(o.PEER, o.data_peer(**EXTERNAL), epoch=1013))
    # A stranger's mapping may be updated while a request waits: the true answer clears it.
    c.ask(20, o.request(o.MAP, o.data_map(internal=7)))
    c.answer(20.01, o.response(o.MAP, o.data_map(nonce=o.NONCE2, internal=7, **EXTERNAL), epoch=1020))
    c.answer(20.02, o.response(o.MAP, o.data_map(internal=7, **EXTERNAL), epoch=1020))


def ends():
    c = Capture("bad-response-ends", "answers from another address, and to another port")
    asked = o.request(o.MAP, o.data_map())
    c.ask(0, asked)
    c.answer(0.01, o.response(o.MAP, o.data_map(**EXTERNAL)), "warn 6887-8.2-15",
             server=("192.168.1.2", 5351))
    c.ask(1, o.request(o.MAP, o.data_map(internal=6)))
    c.answer(1.01, o.response(o.MAP, o.data_map(internal=6, **EXTERNAL), epoch=1001),
             "warn 6887-8.2-15", client=("192.168.1.10", 5351 - 1))


def errors():
    c = Capture("bad-error", "errors without a cause, with odd lifetimes, or that are no copies")

    def exchange(seconds, edit, *faults, opcode=o.MAP, options=b"", code=o.NO_RESOURCES, lifetime=30):
        internal = 300 + seconds
        data = o.data_map(internal=internal) if opcode == o.MAP else o.data_peer(internal=internal)
        asked = o.request(opcode, data, options)
        c.exchange(seconds, asked, edit(o.error(asked, code, lifetime, 1000 + seconds)), *faults)

    same = lambda octets: octets
    exchange(0, same, "warn 6887-7.4-02", code=o.UNSUPP_PROTOCOL, lifetime=0)
    exchange(1, same, "fail 6887-7.4-03", code=o.CANNOT_PROVIDE_EXTERNAL)
    exchange(2, same, "fail 6887-7.4-04", code=o.EXCESSIVE_REMOTE_PEERS, lifetime=1800)
    exchange(3, same, "fail 6887-7.4-06", code=o.UNSUPP_OPTION, lifetime=1800,
             options=o.option(222))
    exchange(4, lambda octets: octets[:24], "fail 6887-8.2-14")
    exchange(5, lambda octets: octets + bytes(4), "fail 6887-8.2-14")
    exchange(6, lambda octets: octets[:-1] + b"\1", "fail 6887-11.1-10")
    exchange(7, lambda octets: octets[:43] + b"\7" + octets[44:], "fail 6887-12.1-18",
             opcode=o.PEER)
    exchange(8, lambda octets: octets[:-1] + b"\1", "fail 6887-7.3-06",
             options=o.option(223, b"1234"))
    exchange(9, same, "warn 6887-7.4-02", code=o.NETWORK_FAILURE, lifetime=1800)


def epoch():
    c = Capture("bad-epoch", "an epoch that stands still, and one that falls to where no restart "
                "puts it")
    for number, fault in enumerate([(), (), (), ("fail 6887-8.5-06",), ()]):
        c.exchange(number * 100, o.request(o.MAP, o.data_map(internal=400 + number), lifetime=86400),
                   o.response(o.MAP, o.data_map(internal=400 + number, **EXTERNAL), lifetime=86400,
                              epoch=77), *fault)
    other = ("192.168.1.2", 5351)
    for seconds, epoch, fault in ((500, 9000, ()), (510, 8000, ("warn 6887-8.5-06",))):
        nonce = bytes([seconds % 256]) * 12
        c.ask(seconds, o.request(o.MAP, o.data_map(nonce=nonce)), server=other)
        c.answer(seconds + 0.01, o.response(o.MAP, o.data_map(nonce=nonce, **EXTERNAL), epoch=epoch),
                 *fault, server=other)


def announcements():
    c = Capture("bad-announcement", "announcements from and to the wrong ends, and too often")
    say = lambda seconds, *faults, result=0, **where: c.answer(
        seconds, o.response(o.ANNOUNCE, lifetime=0, epoch=int(seconds), result=result), *faults,
        ttl=1, **{"client": ALL_HOSTS, **where})
    say(0)
    say(0.1, "info 6887-14.1.3-04")
    say(0.35)
    say(0.6, "info 6887-14.1.3-04")
    say(10, server=("192.168.1.6", 5351))
    say(10.2, "info 6887-14.1.3-04", server=("192.168.1.6", 5351))
    say(50, "fail 6887-14.1.3-09", client=("224.0.0.1", 5351))
    say(51, "fail 6887-14.1.3-09", client=("224.0.0.2", 5350))
    say(52, "fail 6887-14.1.3-02", server=("192.168.1.3", 40000))
    say(53, "fail 6887-14.1.3-01", result=8, server=("192.168.1.4", 5351))
    gap, seconds = 0.25, 100.0
    for copy in range(11):
        c.answer(seconds, o.response(o.ANNOUNCE, lifetime=0, epoch=int(seconds)),
                 *(("info 6887-14.1.3-04",) if copy == 10 else ()), ttl=1, client=ALL_HOSTS,
                 server=("192.168.1.5", 5351))
        seconds, gap = seconds + gap, gap * 2


def natpmp():
    c = Capture("bad-natpmp-response", "NAT-PMP responses with faults")
    port, seven = (5683).to_bytes(2, "big"), (7200).to_bytes(4, "big")
    ask = b"\0\1\0\0" + port + port + seven
    say = lambda op, code, *rest: bytes([0, op, 0, code, 0, 0, 3, 232]) + b"".join(rest)
    c.exchange(0, b"\0\0", say(128, 0, bytes(2)), "fail 6886-3.2-01")
    c.exchange(1, b"\0\0", say(128, 3, b"\x0a\0\0\1"), "info 6886-3.2-02")
    c.exchange(2, ask, say(130, 0, port, port, seven), "fail 6886-3.3-02")
    c.exchange(3, ask, say(129, 0, port, port), "fail 6886-3.3-02")
    c.exchange(4, ask, say(129, 0, port, port, b"\0\1\0\0"), "warn 6886-3.3-03")
    c.exchange(5, ask, say(129, 0, b"\0\7", port, seven), "fail 6886-3.5-02")
    c.exchange(6, ask, say(129, 2, port, port, seven), "fail 6886-3.5-03")
    c.exchange(7, b"\0\1\0\0" + port + bytes(6), say(129, 0, port, port, seven), "fail 6886-3.4-02")
    c.exchange(8, b"\0\0", say(128, 1), "warn 6886-3.5-01")
    c.answer(9, say(128, 0, b"\x0b\0\0\1"), "fail 6886-3.2.1-01", client=("224.0.0.1", 5352), ttl=1)


def insisted():
    c = Capture("bad-response-preference",
                "a success with another port than PREFER_FAILURE allows, which the client passes over")
    asked = o.request(o.MAP, o.data_map(external=80), o.option(o.PREFER_FAILURE))
    c.ask(0, asked, "info 6887-13.2-02")
    c.answer(0.01, o.response(o.MAP, o.data_map(external=81, where="11.0.0.1"),
                              o.option(o.PREFER_FAILURE)), "fail 6887-11.3-15")
    c.ask(3, asked, "info 6887-13.2-02")
    c.ask(9, asked, "info 6887-13.2-02")
    c.answer(9.01, o.response(o.MAP, o.data_map(external=80, where="11.0.0.1"),
                              o.option(o.PREFER_FAILURE), epoch=1009))


def elsewhere():
    c = Capture("bad-elsewhere", "an error from where the request didn't go: the client drops it (8.3) and "
                "asks again; one of its requests isn't seen here")
    asked = o.request(o.MAP, o.data_map())
    for seconds in (0, 3):
        c.ask(seconds, asked)
    c.answer(3.5, o.error(asked, o.NO_RESOURCES, 30), "warn 6887-8.2-15",
             server=("192.168.1.2", 5351))
    c.ask(21, asked)


def make():
    for scene in (header, fields, match, insisted, ends, errors, epoch, announcements, natpmp,
                  elsewhere):
        scene()

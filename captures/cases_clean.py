"""Captures without fault: what is accused here is accused falsely."""

import octets as o
from capture import ALL_HOSTS, ALL_NODES, DEVICE, DEVICE6, GATEWAY, GATEWAY6, IN, OUT, Capture

EXTERNAL = {"external": 40000, "where": "11.0.0.1"}


def map_life():
    c = Capture("clean-map", "a mapping is made, renewed twice in its window, and deleted")
    first = o.request(o.MAP, o.data_map())
    renewal = o.request(o.MAP, o.data_map(**EXTERNAL))
    granted = o.data_map(**EXTERNAL)
    c.exchange(0, first, o.response(o.MAP, granted, epoch=1000))
    c.exchange(65, renewal, o.response(o.MAP, granted, epoch=1065))
    c.exchange(137, renewal, o.response(o.MAP, granted, epoch=1137))
    delete = o.request(o.MAP, o.data_map(), lifetime=0)
    c.exchange(150, delete, o.response(o.MAP, o.data_map(), lifetime=0, epoch=1150))
    c.exchange(151, delete, o.response(o.MAP, o.data_map(), lifetime=0, epoch=1151))


def retransmission():
    c = Capture("clean-retransmission", "three retransmissions whose waits double within a tenth; "
                "then a renewal that gets no answer and follows either reading of 8.1.1 and 11.2.1")
    asked = o.request(o.MAP, o.data_map())
    for seconds in (0, 2.8, 8.9, 20.5):
        c.ask(seconds, asked)
    c.answer(20.51, o.response(o.MAP, o.data_map(**EXTERNAL), epoch=20))
    renewal = o.request(o.MAP, o.data_map(**EXTERNAL))
    for seconds in (90, 93.1, 99, 111):
        c.ask(seconds, renewal)
    c.answer(111.01, o.response(o.MAP, o.data_map(**EXTERNAL), epoch=110))
    for seconds in (179, 203.6, 217):
        c.ask(seconds, renewal)
    c.answer(217.01, o.response(o.MAP, o.data_map(**EXTERNAL), epoch=216))


def peer():
    c = Capture("clean-peer", "a PEER of TCP, renewed, and one that can't be had")
    asked = o.request(o.PEER, o.data_peer(protocol=o.TCP, internal=49152), lifetime=600)
    given = o.data_peer(protocol=o.TCP, internal=49152, **EXTERNAL)
    c.exchange(0, asked, o.response(o.PEER, given, lifetime=600))
    again = o.request(o.PEER, given, lifetime=600)
    c.exchange(330, again, o.response(o.PEER, given, lifetime=600, epoch=1330))
    taken = o.request(o.PEER, o.data_peer(nonce=o.NONCE2, internal=5000, external=80,
                                          where="11.0.0.1"))
    c.exchange(340, taken, o.error(taken, o.CANNOT_PROVIDE_EXTERNAL, 77, 1340))


def options():
    c = Capture("clean-options", "each option where it belongs, in requests, successes and errors")
    third = o.option(o.THIRD_PARTY, o.address("192.168.1.20"))
    asked = o.request(o.MAP, o.data_map(), third)
    c.exchange(0, asked, o.response(o.MAP, o.data_map(**EXTERNAL), third))
    refused = o.request(o.MAP, o.data_map(nonce=o.NONCE2, internal=80), third)
    c.exchange(1, refused, o.error(refused, o.UNSUPP_OPTION, 1800, 1001))
    filters = o.filter_option(0, 0, o.ANY4) + o.filter_option(120, 443, "203.0.113.0")
    filters += o.filter_option(128, 0, "198.51.100.9")
    asked = o.request(o.MAP, o.data_map(internal=81), filters)
    c.exchange(2, asked, o.response(o.MAP, o.data_map(internal=81, external=81, where="11.0.0.1"),
                                    filters, epoch=1002))
    unknown = o.option(200, b"12345")
    asked = o.request(o.MAP, o.data_map(internal=82), unknown)
    c.exchange(3, asked, o.response(o.MAP, o.data_map(internal=82, external=82, where="11.0.0.1"),
                                    epoch=1003))
    prefer = o.request(o.MAP, o.data_map(internal=84, external=80), o.option(o.PREFER_FAILURE))
    frame = c.exchange(3.5, prefer, o.error(prefer, o.CANNOT_PROVIDE_EXTERNAL, 60, 1003))
    c.expect(frame - 1, "info 6887-13.2-02")
    many = o.request(o.MAP, o.data_map(internal=83), o.filter_option(128, 1, "198.51.100.1"))
    c.exchange(4, many, o.error(many, o.EXCESSIVE_REMOTE_PEERS, 1800, 1004))


def versions():
    c = Capture("clean-versions", "UNSUPP_VERSION, which tells not whose it is, and the rest behind it")
    asked = o.request(o.MAP, o.data_map())
    c.exchange(0, asked, o.error(asked, o.UNSUPP_VERSION, 86400, version=1))
    for seconds in (1800, 1803, 1809, 1821):
        c.ask(seconds, asked)
    c.answer(1821.01, bytes([0, 0, 0, 1, 0, 0, 0, 9]))
    c.ask(3700, asked)


def errors():
    c = Capture("clean-errors", "errors that are drawn rightly, last as recommended and are rested "
                "for; where reserved bits meet the full copy, either reading")
    asked = o.request(o.MAP, o.data_map())
    c.exchange(0, asked, o.error(asked, o.NO_RESOURCES, 30))
    c.exchange(31, asked, o.error(asked, o.NETWORK_FAILURE, 30, 1031))
    c.exchange(62, asked, o.error(asked, o.NOT_AUTHORIZED, 99, 1062))
    sctp = o.request(o.MAP, o.data_map(protocol=132, internal=9))
    c.exchange(63, sctp, o.error(sctp, o.CANNOT_PROVIDE_EXTERNAL, 10, 1063))
    unparsed = o.error(sctp, o.MALFORMED_REQUEST, 1800, 1075)
    unparsed = unparsed[:12] + sctp[12:24] + unparsed[24:]  # 7.2: the client address comes back
    c.exchange(75, sctp, unparsed)
    opcode = o.request(99, b"12345678")
    c.exchange(80, opcode, o.error(opcode, 4, 1800, 1080))


def ipv6():
    c = Capture("clean-ipv6", "a firewall pinhole over IPv6, and a PEER", ends=(DEVICE6, GATEWAY6))
    own = {"client": "2001:db8:1::10", "lifetime": 3600}
    asked = o.request(o.MAP, o.data_map(where=o.ANY6), **own)
    given = o.data_map(external=5683, where="2001:db8:1::10")
    c.exchange(0, asked, o.response(o.MAP, given, lifetime=3600))
    asked = o.request(o.PEER, o.data_peer(nonce=o.NONCE2, internal=49152, where=o.ANY6,
                                          remote="2001:db8:f::7"), **own)
    given = o.data_peer(nonce=o.NONCE2, internal=49152, external=49152, where="2001:db8:1::10",
                        remote="2001:db8:f::7")
    c.exchange(1, asked, o.response(o.PEER, given, lifetime=3600, epoch=1001))
    c.answer(2, o.response(o.ANNOUNCE, lifetime=0, epoch=0), client=ALL_NODES, ttl=255)


def restart():
    c = Capture("clean-restart", "the server restarts, announces ten times, and the client recreates "
                "its mapping before a renewal would be due")
    asked = o.request(o.MAP, o.data_map(), lifetime=3600)
    again = o.request(o.MAP, o.data_map(**EXTERNAL), lifetime=3600)
    granted = o.data_map(**EXTERNAL)
    c.exchange(0, asked, o.response(o.MAP, granted, lifetime=3600, epoch=5000))
    for copy in range(10):
        seconds = 60 + 0.25 * (2**copy - 1)
        announcement = o.response(o.ANNOUNCE, lifetime=0, epoch=int(seconds) - 60)
        c.answer(seconds, announcement, client=ALL_HOSTS, ttl=1)
        if copy == 3:  # 61.75 s
            c.exchange(63, again, o.response(o.MAP, granted, lifetime=3600, epoch=3))
    c.exchange(2600, o.request(o.ANNOUNCE, lifetime=0), o.response(o.ANNOUNCE, lifetime=0, epoch=2540))


def links():
    """Each packet at both ends of its link: four interfaces, and a NAT in between."""
    names = ("device:eth0", "home:eth0", "home:eth1", "server:eth0")
    c = Capture("clean-links", "one packet seen at four interfaces is one packet; nothing leaves the "
                "port before the success", interfaces=names, link=o.RAW)

    def cross(seconds, first, second, datagram):
        c.add(seconds, datagram, interface=first, direction=OUT)
        c.add(seconds + 0.0001, datagram, interface=second, direction=IN)

    asked = o.request(o.MAP, o.data_map())
    cross(0, 0, 1, o.udp(DEVICE, GATEWAY, asked))
    cross(0.01, 1, 0, o.udp(GATEWAY, DEVICE, o.response(o.MAP, o.data_map(**EXTERNAL))))
    inside, outside, server = ("192.168.1.10", 5683), ("11.0.0.1", 40000), ("11.0.0.2", 5683)
    cross(0.02, 0, 1, o.udp(inside, server, b"\x40\x02\x12\x34\xb2rd"))
    cross(0.03, 2, 3, o.udp(outside, server, b"\x40\x02\x12\x34\xb2rd", ttl=63))
    cross(0.04, 3, 2, o.udp(server, outside, b"\x60\x41\x12\x34"))
    cross(0.05, 1, 0, o.udp(server, inside, b"\x60\x41\x12\x34", ttl=63))


def natpmp():
    c = Capture("clean-natpmp", "a PCP client finds a NAT-PMP server, falls back, maps and deletes")
    c.exchange(0, o.request(o.MAP, o.data_map()), bytes([0, 0, 0, 1, 0, 0, 3, 232]))
    c.exchange(1, b"\0\0", bytes([0, 128, 0, 0, 0, 0, 3, 233, 11, 0, 0, 1]))
    port = (5683).to_bytes(2, "big")
    c.exchange(2, b"\0\1\0\0" + port + port + (7200).to_bytes(4, "big"),
               b"\0\x81\0\0\0\0\3\xea" + port + b"\x9c\x40" + (7200).to_bytes(4, "big"))
    c.exchange(3, b"\0\1\0\0" + port + b"\0\0" + bytes(4),
               b"\0\x81\0\0\0\0\3\xeb" + port + b"\0\0" + bytes(4))
    c.exchange(4, b"\0\2\0\0" + port + port + (7200).to_bytes(4, "big"),
               b"\0\x82\0\2\0\0\3\xec" + port + b"\0\0" + bytes(4))
    c.answer(5, bytes([0, 128, 0, 0, 0, 0, 3, 237, 11, 0, 0, 1]), client=ALL_HOSTS, ttl=1)
    before = ("224.0.0.1", 5351)  # where clients listened before the RFC, whose note tells of them
    c.answer(6, bytes([0, 128, 0, 0, 0, 0, 3, 238, 11, 0, 0, 1]), client=before, ttl=1)
    # What some say to PCP that they can't read is no answer to an address request.
    c.exchange(7, o.request(o.MAP, o.data_map()), b"\0\x80\0\3\0\0\3\xef" + bytes(52))


def by_chance():
    c = Capture("clean-by-chance", "other programs that happen to use port 5351 are no PCP",
                exit_code=4)
    query = b"\x02\x80\x01\0\0\1\0\0\0\0\0\0\7example\0\0\1\0\1"
    c.add(0, o.udp(("192.168.1.10", 5351), ("192.168.1.1", 53), query))
    c.add(0.1, o.udp(("192.168.1.1", 53), ("192.168.1.10", 5351), query))
    c.add(0.2, o.udp(("192.168.1.1", 53), ("192.168.1.10", 5351), b"\0\5" + query))


def odd_but_legal():
    c = Capture("clean-odd", "requests and responses that look wrong and are not")

    def exchange(seconds, opcode, options=b"", given=None, lifetime=120, **fields):
        data = o.data_map if opcode == o.MAP else o.data_peer
        given = {**fields, **(EXTERNAL if given is None else given)}
        c.exchange(seconds, o.request(opcode, data(**fields), options, lifetime=lifetime),
                   o.response(opcode, data(**given), options, lifetime=lifetime,
                              epoch=1000 + int(seconds)))

    exchange(0, o.MAP, protocol=47, internal=0, given={"where": "11.0.0.1"})  # no ports: GRE
    exchange(1, o.MAP, protocol=0, internal=0, given={"where": "11.0.0.1"})  # all protocols
    exchange(2, o.MAP, internal=0, given={"where": "11.0.0.1"})  # all ports
    exchange(3, o.PEER, protocol=47, internal=0, remote_port=0, given={"where": "11.0.0.1"})
    exchange(4, o.MAP, internal=5351, given={"external": 5351, "where": "11.0.0.1"})  # one to one
    refused = o.request(o.ANNOUNCE, lifetime=0)
    c.exchange(5, refused, o.error(refused, o.NO_RESOURCES, 30, 1005))
    # Of two requests that wait, an error without data may answer either.
    for internal in (6, 7):
        c.ask(6, o.request(o.MAP, o.data_map(nonce=o.NONCE2, internal=internal)))
    c.answer(6.1, o.error(o.request(99, lifetime=9), 4, 1800, 1006))
    for internal in (6, 7):
        c.answer(6.2, o.response(o.MAP, o.data_map(nonce=o.NONCE2, internal=internal, **EXTERNAL),
                                 epoch=1006))
    # Later than an answer comes an update of another mapping, and one from a server unknown so far.
    c.answer(7, o.response(o.MAP, o.data_map(nonce=bytes(range(12)), internal=9, **EXTERNAL),
                           epoch=1007))
    c.answer(8, o.response(o.MAP, o.data_map(nonce=o.NONCE2, internal=99, **EXTERNAL), epoch=3),
             server=("192.168.1.9", 5351))
    # An update for one port while another client of the host waits.
    c.ask(8.2, o.request(o.MAP, o.data_map(nonce=o.NONCE, internal=12)))
    c.answer(8.3, o.response(o.MAP, o.data_map(nonce=o.NONCE2, internal=12, **EXTERNAL), epoch=1008),
             client=("192.168.1.10", 40002))
    c.ask(11.2, o.request(o.MAP, o.data_map(nonce=o.NONCE, internal=12)))
    c.answer(11.3, o.response(o.MAP, o.data_map(nonce=o.NONCE, internal=12, **EXTERNAL), epoch=1011))
    # A client that asks from another port now: an update to the one before crosses its request.
    moved = ("192.168.1.10", 40009)
    given = o.response(o.MAP, o.data_map(nonce=o.NONCE, internal=12, **EXTERNAL), epoch=1011)
    c.ask(11.5, o.request(o.MAP, o.data_map(nonce=o.NONCE, internal=12)), client=moved)
    c.answer(11.501, given)
    c.answer(11.51, given, client=moved)
    # A higher version, of which nothing is known here.
    c.ask(12, b"\3\1" + bytes(7), server=("192.168.1.8", 5351))


def quiet_ports():
    c = Capture("clean-traffic", "packets that leave a port and break nothing: multicast, another "
                "port, a recreated mapping, a request that fails, one that takes too long")
    inside, server = ("192.168.1.10", 5683), ("11.0.0.2", 5683)
    wish = lambda number, **fields: o.request(o.MAP, o.data_map(internal=number, **fields))
    grant = lambda number, epoch: o.response(
        o.MAP, o.data_map(internal=number, external=number, where="11.0.0.1"), epoch=epoch)
    c.ask(0, wish(5683))
    c.add(0.1, o.udp(inside, ("224.0.1.187", 5683), b"\x50\x01\0\1"))
    c.add(0.2, o.udp(("192.168.1.10", 6000), server, b"hello"))
    c.answer(0.3, grant(5683, 1000))
    c.ask(1, wish(5684, external=5684, where="11.0.0.1"))
    c.add(1.1, o.udp(("192.168.1.10", 5684), server, b"hello"))
    c.answer(1.2, grant(5684, 1001))
    asked = wish(5685)
    c.ask(2, asked)
    c.add(2.1, o.udp(("192.168.1.10", 5685), server, b"hello"))
    c.answer(2.2, o.error(asked, o.NO_RESOURCES, 30, 1002))
    peer = o.request(o.PEER, o.data_peer(internal=5686))
    c.ask(3, peer)
    c.add(3.1, o.udp(("192.168.1.10", 5686), server, b"hello"))
    c.answer(3.2, o.response(o.PEER, o.data_peer(internal=5686, external=5686, where="11.0.0.1"),
                             epoch=1003))
    for seconds in (4, 7, 13.1):
        c.ask(seconds, wish(5687))
    c.add(14, o.udp(("192.168.1.10", 5687), server, b"hello"))  # tired of waiting
    c.answer(15, grant(5687, 1015))


def lost_answers():
    """Seen near the server, lost on the way from there to the client: which can't know of them."""
    c = Capture("clean-lost-answers", "a success, a renewal's success and an error that never reach "
                "the client, which retransmits")
    granted = o.data_map(**EXTERNAL)
    asked = o.request(o.MAP, o.data_map())
    for seconds in (0, 3, 9, 21):
        c.exchange(seconds, asked, o.response(o.MAP, granted, epoch=1000 + seconds))
    renewal = o.request(o.MAP, granted)
    for seconds in (86, 89, 95):
        c.exchange(seconds, renewal, o.response(o.MAP, granted, epoch=1000 + seconds))
    refused = o.request(o.MAP, o.data_map(nonce=o.NONCE2, internal=80))
    for seconds in (100, 103, 109):
        c.exchange(seconds, refused, o.error(refused, o.NO_RESOURCES, 30, 1000 + seconds))


def announced():
    c = Capture("clean-announced", "an announcement between two transmissions begins them anew, 14.1.3; "
                "and a mapping so short that 4 s between renewals is what counts")
    asked = o.request(o.MAP, o.data_map())
    for seconds in (0, 3):
        c.ask(seconds, asked)
    announcement = o.response(o.ANNOUNCE, lifetime=0, epoch=0)
    for seconds in (4, 4.25, 4.75):
        c.add(seconds, o.udp(GATEWAY, ALL_HOSTS, announcement, 1))
    for seconds in (4.9, 7.9):
        c.ask(seconds, asked)
    c.answer(7.91, o.response(o.MAP, o.data_map(**EXTERNAL), lifetime=5, epoch=3))
    c.exchange(11.91, asked, o.response(o.MAP, o.data_map(**EXTERNAL), lifetime=5, epoch=7))


def overtaken():
    c = Capture("clean-overtaken", "a client changes its mind before the answer comes: which of the two "
                "requests an answer copies can't be told")
    first = o.request(o.MAP, o.data_map(external=1000))
    second = o.request(o.MAP, o.data_map(external=2000))
    c.ask(0, first)
    c.ask(0.1, second)
    c.answer(0.2, o.error(first, o.NO_RESOURCES, 30))
    c.answer(0.3, o.error(second, o.NO_RESOURCES, 30))


def repeated():
    c = Capture("clean-answered-late", "each copy of a request that came again is answered, the last when the "
                "client asks for something else from another port")
    asked = o.request(o.MAP, o.data_map())
    granted = o.data_map(**EXTERNAL)
    for seconds in (0, 3):
        c.ask(seconds, asked)
    c.answer(3.4, o.response(o.MAP, granted, epoch=1003))
    port = ("192.168.1.10", 40001)
    ended = o.request(o.MAP, o.data_map(), lifetime=0)
    c.ask(3.5, ended, client=port)
    c.answer(3.6, o.response(o.MAP, granted, epoch=1003))
    c.answer(3.61, o.response(o.MAP, o.data_map(), lifetime=0, epoch=1003), client=port)


def reset_soon():
    c = Capture("clean-reset-soon", "an external address changes soon after a start: the epoch that starts over "
                "has not fallen, but lags, and another announcement begins")
    announcement = o.response(o.ANNOUNCE, lifetime=0, epoch=0)
    for seconds in (0, 0.3, 0.95, 2.2, 2.45, 2.95):
        c.answer(seconds, announcement, client=ALL_HOSTS, ttl=1)


def make():
    for scene in (map_life, retransmission, peer, options, versions, errors, ipv6, restart, links, natpmp,
                  by_chance, odd_but_legal, quiet_ports, overtaken, lost_answers, announced,
                  repeated, reset_soon):
        scene()

"""The octets that `pinhole ask` sends: every field as the diagrams of the RFCs have it, and as it was asked
for where that is wrong."""

import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asking import Server, address, answer, ask, header, map_data, option, peer_data

NONCE = bytes(range(12))
QUICK = ("--once", "--timeout", "0", "--json")


@pytest.fixture(scope="module")
def server():
    with Server() as server:
        yield server


def sent(server, *words, **options):
    """The one datagram that reaches the server."""
    asked = ask(*words, "--server", server.name, *QUICK, **options)
    assert asked.code == 1, asked.err  # nothing answers
    (datagram,) = server.sent_so_far()
    assert datagram == asked.request
    return datagram


def test_a_map_request_is_what_section_11_1_draws(server):
    octets = sent(
        server,
        "map",
        "--nonce",
        NONCE.hex(),
        "--internal-port",
        5683,
        "--lifetime",
        3600,
        "--external-port",
        40000,
        "--external-address",
        "203.0.113.9",
        "--protocol",
        "tcp",
    )
    assert octets.hex(" ", 4) == (
        "02010000 00000e10 "  # version, R and opcode, reserved; lifetime
        "00000000 00000000 0000ffff 7f000001 "  # client
        "00010203 04050607 08090a0b "  # nonce
        "06000000 16339c40 "  # protocol, reserved; internal and external port
        "00000000 00000000 0000ffff cb007109"  # external address
    )


def test_a_peer_request_is_what_section_12_1_draws(server):
    octets = sent(
        server, "peer", "--nonce", NONCE.hex(), "--internal-port", 49152, "--remote", "[2001:db8::7]:443"
    )
    assert octets[24 + 36 :].hex(" ", 4) == "01bb0000 20010db8 00000000 00000000 00000007"
    assert octets[:2].hex() == "0202"


def test_without_a_kind_it_announces_which_changes_nothing(server):
    assert sent(server) == header(0, 0, "127.0.0.1")


def test_natpmp_requests_are_what_rfc_6886_draws(server):
    assert sent(server, "natpmp-address").hex() == "0000"
    udp = sent(server, "natpmp-map", "--internal-port", 5683, "--external-port", 5684, "--lifetime", 60)
    assert udp.hex(" ", 4) == "00010000 16331634 0000003c"
    assert sent(server, "natpmp-map", "--internal-port", 1, "--protocol", "tcp")[:2].hex() == "0002"


def test_a_nonce_is_drawn_anew_unless_it_is_given(server):
    drawn = {sent(server, "map", "--internal-port", 1)[24:36] for _ in range(3)}
    assert len(drawn) == 3


def test_an_ipv6_server_gets_ipv6_addresses():
    with Server(address="::1") as server:
        octets = sent(server, "map", "--internal-port", 1)
    assert octets[8:24] == address("::1")
    assert octets[44:60] == bytes(16)


def test_the_source_is_the_one_given(server):
    with Server() as free:
        port = free.port
    sent(server, "--source", "127.0.0.9", "--source-port", port)
    assert server.sources[-2] == ("127.0.0.9", port)  # the last is the mark's
    assert server.received[-2][8:24] == address("127.0.0.9")


def test_octets_of_a_file_and_of_standard_input_count_as_they_are(server, tmp_path):
    octets = b"\0\xff\n 00"
    (tmp_path / "octets").write_bytes(octets)
    assert sent(server, "raw", f"@{tmp_path / 'octets'}") == octets
    assert sent(server, "raw", "-", input=octets) == octets
    assert sent(server, "raw", "00 Ff:0a\n20 30 30") == octets
    assert sent(server, "raw", "") == b""


def test_the_largest_datagram_goes_out_whole(server):
    assert sent(server, "--length", 65507)[24:] == bytes(65507 - 24)


def test_a_filter_counts_the_96_bits_before_an_ipv4_prefix(server):
    octets = sent(
        server,
        "map",
        "--internal-port",
        1,
        "--filter",
        "198.51.100.0/24:80",
        "--filter",
        "2001:db8::/32",
        "--filter",
        "::ffff:0:0/96",
        "--filter",
        "none",
    )
    filters = [(120, 80, "198.51.100.0"), (32, 0, "2001:db8::"), (96, 0, "0.0.0.0"), (0, 0, "0.0.0.0")]
    assert octets[60:] == b"".join(
        option(3, struct.pack("!BBH", 0, bits, port) + address(prefix)) for bits, port, prefix in filters
    )


# --- any combination -----------------------------------------------------------------------------------

number8, number16 = st.integers(0, 255), st.integers(0, 65535)
number32 = st.integers(0, 2**32 - 1)
addresses = st.ip_addresses().map(str)


@st.composite
def options(draw):
    """Words of the command, and the octets that they stand for."""
    kind = draw(st.sampled_from(["third-party", "prefer-failure", "filter", "option", "raw-option"]))
    if kind == "third-party":
        internal = draw(addresses)
        return ["--third-party", internal], option(1, address(internal))
    if kind == "prefer-failure":
        return ["--prefer-failure"], option(2, b"")
    if kind == "filter":
        prefix, port = draw(addresses), draw(number16)
        bits = draw(st.integers(0, 128 if ":" in prefix else 32))
        data = struct.pack("!BBH", 0, bits + (0 if ":" in prefix else 96), port) + address(prefix)
        return ["--filter", f"{prefix}/{bits}:{port}"], option(3, data)
    data = draw(st.binary(max_size=40))
    if kind == "option":
        code = draw(number8)
        return ["--option", f"{code}:{data.hex()}"], option(code, data)
    return ["--raw-option", data.hex()], data


@st.composite
def requests(draw):
    """Words of the command, and the request that they stand for."""
    kind = draw(st.sampled_from(["announce", "map", "peer"]))
    words = [kind]
    given = {}

    def maybe(name, strategy, *spelling):
        if draw(st.booleans()):
            given[name] = draw(strategy)
            words.extend([spelling[0], str(spelling[1](given[name]) if spelling[1:] else given[name])])

    maybe("version", number8, "--version")
    maybe("opcode", st.integers(0, 127), "--opcode")
    maybe("reserved", number16, "--reserved", hex)
    maybe("lifetime", number32, "--lifetime")
    maybe("client", addresses, "--client")
    response = draw(st.booleans())
    words += ["--response"] if response else []
    opcode = given.get("opcode", ["announce", "map", "peer"].index(kind))
    lifetime = given.get("lifetime", 0 if kind == "announce" else 7200)
    octets = header(
        opcode,
        lifetime,
        given.get("client", "127.0.0.1"),
        given.get("version", 2),
        response,
        given.get("reserved", 0),
    )
    if kind != "announce":
        nonce, port = draw(st.binary(min_size=12, max_size=12)), draw(number16)
        words += ["--nonce", nonce.hex(), "--internal-port", str(port)]
        maybe("protocol", number8, "--protocol")
        maybe("external_port", number16, "--external-port")
        maybe("external", addresses, "--external-address")
        maybe("map_reserved", st.binary(min_size=3, max_size=3), "--map-reserved", bytes.hex)
        octets += map_data(
            nonce,
            port,
            given.get("protocol", 17),
            given.get("external_port", 0),
            given.get("external", "0.0.0.0"),
            given.get("map_reserved", bytes(3)),
        )
    if kind == "peer":
        remote, port = draw(addresses), draw(number16)
        words += ["--remote", f"[{remote}]:{port}" if ":" in remote else f"{remote}:{port}"]
        maybe("peer_reserved", st.binary(min_size=2, max_size=2), "--peer-reserved", bytes.hex)
        octets = octets[:24] + peer_data(octets[24:], remote, port, given.get("peer_reserved", bytes(2)))
    for more, expected in draw(st.lists(options(), max_size=5)):
        words += more
        octets += expected
    if draw(st.booleans()):
        start = draw(st.integers(0, len(octets)))
        piece = draw(st.binary(max_size=min(8, len(octets) - start)))
        words += ["--overwrite", f"{start}:{piece.hex()}"]
        octets = octets[:start] + piece + octets[start + len(piece) :]
    if draw(st.booleans()):
        length = draw(st.integers(0, 1200))
        words += ["--length", str(length)]
        octets = octets[:length] + bytes(max(0, length - len(octets)))
    maybe("trailing", st.binary(max_size=20), "--trailing", bytes.hex)
    return words, octets + given.get("trailing", b"")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests())
def test_any_fields_arrive_octet_for_octet(server, request):
    words, octets = request
    assert sent(server, *words) == octets


def test_the_option_spelt_with_an_equals_sign_is_the_same(server):
    assert sent(server, "--lifetime=7") == sent(server, "--lifetime", 7) == header(0, 7, "127.0.0.1")


def test_the_answer_leaves_the_request_as_it_was():
    with Server(lambda request, number: [answer(request)]) as server:
        asked = ask("map", "--internal-port", 5683, "--server", server.name, "--count", 3, "--interval", 0)
    assert asked.code == 0, asked.out
    assert len(server.received) == 3
    assert len(set(server.received)) == len(set(server.sources)) == 1

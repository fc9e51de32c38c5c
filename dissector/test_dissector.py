"""pinhole.lua, seen through tshark: each test writes a capture and reads the fields that come out."""

import csv
import io
import ipaddress
import os
import pathlib
import struct
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
CAPTURES = HERE.parent / "captures"
sys.path.insert(0, str(CAPTURES))

import octets as o  # noqa: E402
from capture import Packet  # noqa: E402

BUILD = pathlib.Path(os.environ.get("PINHOLE_BUILD", HERE.parent / "build")).resolve()
START = 1_700_000_000_000_000_000  # nanoseconds since 1970
MILLISECOND = 1_000_000

DEVICE, GATEWAY, OTHER = "192.168.1.10", "192.168.1.1", "192.168.1.11"
NONCE = bytes(range(12))


# --- captures -------------------------------------------------------------------------------


class Capture:
    """Packets at named interfaces, in the order in which they are added."""

    def __init__(self, *interfaces):
        self.interfaces = interfaces or ("device:eth0",)
        self.packets = []

    def packet(
        self,
        milliseconds,
        payload,
        source=DEVICE,
        destination=GATEWAY,
        ports=(50000, 5351),
        interface="device:eth0",
    ):
        datagram = o.udp((source, ports[0]), (destination, ports[1]), payload)
        return self.datagram(milliseconds, datagram, interface)

    def answer(self, milliseconds, payload, source=GATEWAY, destination=DEVICE, **keys):
        keys.setdefault("ports", (5351, 50000))
        return self.packet(milliseconds, payload, source, destination, **keys)

    def datagram(self, milliseconds, datagram, interface="device:eth0"):
        time = START + int(milliseconds * MILLISECOND)
        frame = o.frame(o.ETHERNET, datagram)
        self.packets.append(Packet(time, self.interfaces.index(interface), 0, frame))
        return self

    @property
    def octets(self):
        return o.pcapng(self.packets, [(name, o.ETHERNET) for name in self.interfaces])


def mapped(address):
    address = ipaddress.ip_address(address)
    return b"\0" * 10 + b"\xff\xff" + address.packed if address.version == 4 else address.packed


def request(nonce=NONCE, port=5683, lifetime=120, client=DEVICE, protocol=17):
    return (
        struct.pack(">BBHI", 2, 1, 0, lifetime)
        + mapped(client)
        + nonce
        + struct.pack(">BxxxHH", protocol, port, 0)
        + mapped("0.0.0.0")
    )


def response(nonce=NONCE, port=5683, result=0, lifetime=120, protocol=17):
    return (
        struct.pack(">BBBBII", 2, 0x81, 0, result, lifetime, 1000)
        + b"\0" * 12
        + nonce
        + struct.pack(">BxxxHH", protocol, port, 40000)
        + mapped("11.0.0.1")
    )


def peer(octets, remote, port=7000):
    """A PEER message made of a MAP message: another opcode, and the remote peer behind it."""
    opcode = bytes([octets[1] & 0x80 | 2])
    return octets[:1] + opcode + octets[2:] + struct.pack(">Hxx", port) + mapped(remote)


def announce(answer=False):
    if answer:
        return struct.pack(">BBBBII", 2, 0x80, 0, 0, 0, 7) + b"\0" * 12
    return struct.pack(">BBHI", 2, 0, 0, 0) + mapped(DEVICE)


# --- tshark ---------------------------------------------------------------------------------

FIELDS = (
    "request_in",
    "response_in",
    "retransmission_of",
    "time",
    "time_since_first",
    "retransmission",
    "repeated_response",
    "response_without_request",
)
EXPERTS = ("retransmission", "repeated_response", "response_without_request")


def dissect(path, passes=("-2", "-Y", "frame"), extra=()):
    """One dict a frame, with the fields that are there: frames as numbers, times as seconds."""
    names = ["frame.number"] + [f"pinhole.{name}" for name in FIELDS] + list(extra)
    command = [
        "tshark",
        "-r",
        str(path),
        "-X",
        f"lua_script:{HERE / 'pinhole.lua'}",
        *passes,
        "-T",
        "fields",
        "-E",
        "separator=/t",
        "-E",
        "occurrence=a",
    ]
    for name in names:
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "Lua" not in done.stdout + done.stderr, done.stdout + done.stderr
    frames = {}
    for row in csv.reader(io.StringIO(done.stdout), delimiter="\t"):
        values = {name.removeprefix("pinhole."): value for name, value in zip(names, row) if value}
        number = int(values.pop("frame.number"))
        for name, value in values.items():
            if name in EXPERTS:
                values[name] = True
            elif name.startswith("time"):
                values[name] = float(value)
            elif name in FIELDS:
                values[name] = int(value)
        frames[number] = values
    return frames


@pytest.fixture
def links(tmp_path):
    def through(capture, **keys):
        path = tmp_path / "capture.pcapng"
        path.write_bytes(capture.octets)
        return dissect(path, **keys)

    return through


# --- links ----------------------------------------------------------------------------------


def test_a_request_and_its_response_name_each_other_and_the_time_between(links):
    frames = links(Capture().packet(0, request()).answer(2.5, response()))
    assert frames[1] == {"response_in": 2}
    assert frames[2] == {"request_in": 1, "time": pytest.approx(0.0025)}


def test_in_one_pass_a_response_still_names_its_request(links):
    frames = links(Capture().packet(0, request()).answer(2, response()), passes=())
    assert frames[2]["request_in"] == 1


def test_ipv6_messages_are_linked(links):
    device, gateway = "2001:db8::10", "fe80::1"
    capture = Capture()
    capture.packet(0, request(client=device), source=device, destination=gateway)
    capture.answer(1, response(), source=gateway, destination=device)
    assert links(capture)[2]["request_in"] == 1


def test_a_retransmission_names_the_first_transmission_and_is_an_expert_note(links):
    capture = Capture()
    for milliseconds in (0, 3000, 9000):
        capture.packet(milliseconds, request())
    frames = links(capture.answer(9004, response()))
    assert frames[1] == {"response_in": 4}
    assert frames[2] == {
        "response_in": 4,
        "retransmission_of": 1,
        "retransmission": True,
        "time_since_first": pytest.approx(3),
    }
    assert frames[3]["retransmission_of"] == 1
    assert frames[4] == {
        "request_in": 3,
        "time": pytest.approx(0.004),
        "time_since_first": pytest.approx(9.004),
    }


def test_a_request_that_nobody_answers_has_no_links(links):
    assert links(Capture().packet(0, request()))[1] == {}


def test_the_same_request_after_a_response_is_a_renewal(links):
    capture = Capture().packet(0, request()).answer(2, response())
    frames = links(capture.packet(60000, request()).answer(60001, response()))
    assert frames[3] == {"response_in": 4}
    assert frames[4] == {"request_in": 3, "time": pytest.approx(0.001)}


def test_a_request_with_another_lifetime_is_no_retransmission(links):
    frames = links(Capture().packet(0, request()).packet(10, request(lifetime=0)))
    assert "retransmission_of" not in frames[2]


def test_a_copy_at_another_interface_is_no_retransmission(links):
    capture = Capture("device:eth0", "gateway:eth0")
    capture.packet(0, request()).packet(0.1, request(), interface="gateway:eth0")
    capture.answer(2, response(), interface="gateway:eth0").answer(2.1, response())
    frames = links(capture)
    assert frames[1] == {"response_in": 4}
    assert frames[2] == {"response_in": 3}
    assert frames[3]["request_in"] == 2
    assert frames[4]["request_in"] == 1


def test_two_clients_with_one_nonce_on_different_interfaces_are_kept_apart(links):
    capture = Capture("one:eth0", "two:eth0")
    capture.packet(0, request(), interface="one:eth0")
    capture.packet(1, request(), interface="two:eth0")
    capture.answer(2, response(), interface="one:eth0")
    frames = links(capture)
    assert frames[1] == {"response_in": 3}
    assert frames[2] == {}
    assert frames[3]["request_in"] == 1


OTHERS = {
    "nonce": {"payload": request(nonce=NONCE[::-1])},
    "internal-port": {"payload": request(port=5684)},
    "protocol": {"payload": request(protocol=6)},
    "client-port": {"payload": request(), "ports": (50001, 5351)},
    "client-address": {"payload": request(client=OTHER), "source": OTHER},
}


def test_a_response_belongs_to_the_request_that_it_copies(links):
    """At each interface two requests, which differ in one thing, and a response to the first."""
    capture = Capture(*OTHERS)
    for number, (name, other) in enumerate(OTHERS.items()):
        capture.packet(10 * number, request(), interface=name)
        capture.packet(10 * number + 1, interface=name, **other)
        capture.answer(10 * number + 2, response(), interface=name)
    frames = links(capture)
    for number, name in enumerate(OTHERS):
        first = 3 * number + 1
        assert frames[first] == {"response_in": first + 2}, name
        assert frames[first + 1] == {}, name


def test_an_error_response_is_linked_too(links):
    frames = links(Capture().packet(0, request()).answer(1, response(result=2)))
    assert frames[2]["request_in"] == 1


def test_peer_messages_are_told_apart_by_the_remote_peer(links):
    capture = Capture()
    for milliseconds, remote in enumerate(("11.0.0.7", "11.0.0.8")):
        capture.packet(milliseconds, peer(request(), remote))
    frames = links(capture.answer(5, peer(response(), "11.0.0.7")))
    assert frames[1] == {"response_in": 3}
    assert frames[2] == {}
    assert frames[3]["request_in"] == 1


def test_a_response_without_a_request_is_an_expert_warning(links):
    frames = links(Capture().answer(0, response()))
    assert frames[1] == {"response_without_request": True}


def test_a_second_response_is_an_expert_note_and_has_no_response_time(links):
    capture = Capture().packet(0, request()).answer(1, response())
    frames = links(capture.answer(5000, response(lifetime=60)))
    assert frames[1] == {"response_in": 2}
    assert frames[3] == {"request_in": 1, "repeated_response": True}


def test_an_announce_request_and_its_response_are_linked(links):
    frames = links(Capture().packet(0, announce()).answer(1, announce(answer=True)))
    assert frames[1] == {"response_in": 2}
    assert frames[2]["request_in"] == 1


def test_a_multicast_announce_needs_no_request(links):
    capture = Capture().answer(
        0, announce(answer=True), destination="224.0.0.1", ports=(5351, 5350)
    )
    assert links(capture)[1] == {}


# --- what must not disturb ------------------------------------------------------------------


def test_nat_pmp_beside_pcp_is_left_alone(links):
    capture = Capture().packet(0, b"\0\0").answer(1, bytes.fromhex("0080000000000010" "0b000001"))
    capture.packet(2, request()).answer(3, response())
    frames = links(capture, extra=("nat-pmp.opcode",))
    assert frames[1] == {"nat-pmp.opcode": "0"}
    assert frames[2] == {"nat-pmp.opcode": "128"}
    assert frames[4]["request_in"] == 3


LENGTHS = (0, 1, 2, 3, 23, 24, 30, 36, 37, 40)


def test_a_message_cut_before_its_internal_port_breaks_no_link_around_it(links):
    capture = Capture(*(f"cut-at-{length}" for length in LENGTHS))
    for number, length in enumerate(LENGTHS):
        at = {"interface": f"cut-at-{length}"}
        capture.packet(10 * number, request(), **at).packet(10 * number + 1, request()[:length], **at)
        capture.answer(10 * number + 2, response()[:length], **at)
        capture.answer(10 * number + 3, response(), **at)
    frames = links(capture)
    for number, length in enumerate(LENGTHS):
        assert frames[4 * number + 4]["request_in"] == 4 * number + 1, length


def test_a_cut_message_and_an_unknown_opcode_are_never_linked(links):
    capture = Capture().packet(0, request()[:30]).answer(1, response()[:30])
    unknown = b"\x02\x55" + request()[2:]
    capture.packet(2, unknown).answer(3, b"\x02\xd5" + response()[2:])
    assert links(capture) == {1: {}, 2: {}, 3: {}, 4: {}}


def test_a_response_quoted_in_an_icmp_error_is_no_response(links):
    quoted = o.udp((GATEWAY, 5351), (DEVICE, 50000), response())
    unreachable = struct.pack(">BBHI", 3, 3, 0, 0) + quoted
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(unreachable), 0, 0, 64, 1, 0)
    addresses = b"".join(ipaddress.ip_address(a).packed for a in (DEVICE, GATEWAY))
    capture = Capture().packet(0, request()).answer(1, response())
    capture.datagram(2, header + addresses + unreachable)
    frames = links(capture, extra=("portcontrol.opcode",))
    assert frames[3] == {"portcontrol.opcode": "1"}


def assert_links_agree(path):
    """Every link leads to its counterpart. Returns how many responses have a request."""
    frames = dissect(path)
    for number, values in frames.items():
        if "request_in" in values:
            assert frames[values["request_in"]]["response_in"] <= number, path
        if "response_in" in values:
            assert "request_in" in frames[values["response_in"]], path
    return sum("request_in" in values for values in frames.values())


def test_in_a_real_run_each_exchange_is_linked_at_both_ends_of_its_link(tmp_path):
    scenario = HERE.parent / "scenarios" / "home.yaml"
    command = [BUILD / "pinhole", "run", scenario, "--out", tmp_path / "run"]
    subprocess.run(command, capture_output=True, timeout=120)
    # A mapping made and deleted, each seen by the device and by the gateway.
    assert assert_links_agree(tmp_path / "run" / "lab.pcapng") == 4


def test_links_agree_in_every_clean_golden_capture(tmp_path):
    """All in one file, each at interfaces of its own."""
    clean = sorted(CAPTURES.glob("golden/clean-*.pcapng"))
    merged = tmp_path / "clean.pcapng"
    subprocess.run(["mergecap", "-a", "-I", "none", "-F", "pcapng", "-w", merged, *clean], check=True)
    assert assert_links_agree(merged) > 20

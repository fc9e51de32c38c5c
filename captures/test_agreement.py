"""pinhole and tshark read the same from the same octets: two decoders of different hands."""

import random
import struct

import pytest

import agreement
import octets as o
from capture import START, Packet

ADDRESSES = {4: ("192.168.1.10", "11.0.0.1"), 6: ("2001:db8::a", "fe80::1")}


def any_address(rng):
    mapped = bytes(10) + b"\xff\xff"
    return rng.choice([bytes(16), mapped + bytes(4), mapped + rng.randbytes(4),
                       rng.randbytes(16), bytes.fromhex("20010db8") + rng.randbytes(12)])


def pcp_option(rng, code, length=0):
    data = {1: lambda: any_address(rng), 2: lambda: b"",
            3: lambda: rng.randbytes(4) + any_address(rng)}.get(code, lambda: rng.randbytes(length))()
    return o.option(code, data, reserved=rng.randrange(256))


def pcp_options(rng):
    """One whose length is no multiple of 4 comes last: behind it tshark 4.0 looks for the next option
    at a wrong place, forgetting which option it was that had padding."""
    options = [pcp_option(rng, rng.choice([1, 2, 3, 131, 255]), rng.choice([0, 4, 8]))
               for _ in range(rng.randrange(4))]
    options.append(pcp_option(rng, rng.choice([1, 131, 255]), rng.randrange(12)))
    return b"".join(options)


def pcp_message(rng):
    response, opcode = rng.randrange(2), rng.randrange(3)
    message = struct.pack(">BBHI", 2, response << 7 | opcode, rng.getrandbits(16),
                          rng.getrandbits(32))
    message += rng.randbytes(16) if response else any_address(rng)
    if opcode == 0:
        return response, message
    message += rng.randbytes(20) + any_address(rng)
    if opcode == 2:
        message += rng.randbytes(4) + any_address(rng)
    return response, message + (pcp_options(rng) if rng.randrange(4) else b"")


def natpmp_message(rng):
    response, opcode = rng.randrange(2), rng.randrange(3)
    if not response:
        return response, bytes([0, opcode]) + (rng.randbytes(10) if opcode else b"")
    result = rng.choice([0, 2, 3, 4, 5, 600])
    return response, struct.pack(">BBHI", 0, 128 + opcode, result, rng.getrandbits(32)) + (
        rng.randbytes(8 if opcode else 4))


def coap_option(delta, value):
    def nibble(number):
        if number < 13:
            return number, b""
        if number < 269:
            return 13, bytes([number - 13])
        return 14, struct.pack(">H", number - 269)

    (delta, delta_octets), (length, length_octets) = nibble(delta), nibble(len(value))
    return bytes([delta << 4 | length]) + delta_octets + length_octets + value


def coap_message(rng):
    if rng.randrange(8) == 0:
        return 0, struct.pack(">BBH", 0x70, 0, rng.getrandbits(16))
    token = rng.randbytes(rng.randrange(9))
    code = rng.choice([1, 2, 3, 4, 65, 68, 69, 132, 160])
    message = struct.pack(">BBH", 0x40 | rng.randrange(3) << 4 | len(token), code,
                          rng.getrandbits(16)) + token
    previous = 0
    text = b"abcdefgh-._~=&" * 25
    values = {1: rng.randbytes(4), 3: text[:9], 4: rng.randbytes(8), 6: rng.randbytes(3),
              7: b"\x16\x33", 8: text[:5], 11: text[:rng.choice([1, 12, 13, 14, 255])],
              14: rng.randbytes(2), 15: text[:rng.choice([13, 100, 255])], 20: text[:3],
              60: rng.randbytes(4), 292: rng.randbytes(8), 2048: b"private"}
    for number in sorted(rng.sample(list(values), rng.randrange(5))):
        message += coap_option(number - previous, values[number])
        previous = number
    return code >= 64, message + (b"\xff" + rng.randbytes(20) if rng.randrange(2) else b"")


# The server's port, and how to make a message: (is it a response?, octets)
GENERATORS = {"PCP": (5351, pcp_message), "NAT-PMP": (5351, natpmp_message),
              "CoAP": (5683, coap_message)}

# Each format and each kind of link at least once.
FILES = {
    "pcap-ethernet": (o.ETHERNET, lambda packets: o.pcap(packets, o.ETHERNET)),
    "pcap-big-nanoseconds-cooked": (
        o.SLL, lambda packets: o.pcap(packets, o.SLL, order=">", nanoseconds=True)),
    "pcapng-cooked2": (o.SLL2, lambda packets: o.pcapng(packets, [("node:eth0", o.SLL2)])),
    "pcapng-big-raw": (
        o.RAW, lambda packets: o.pcapng(packets, [("node:eth0", o.RAW)], order=">")),
}


def write_capture(path, seed, file, count=300):
    """Messages of all protocols in turn. Returns how many."""
    rng = random.Random(seed)
    link, write = FILES[file]
    packets = []
    for i in range(count):
        port, generate = list(GENERATORS.values())[i % len(GENERATORS)]
        response, payload = generate(rng)
        client, server = ADDRESSES[rng.choice([4, 6])]
        ends = [(client, 40000), (server, port)]
        source, destination = reversed(ends) if response else ends
        datagram = o.udp(source, destination, payload)
        packets.append(Packet(START + i * 1_234_567_000, 0, 0, o.frame(link, datagram)))
    path.write_bytes(write(packets))
    return count


@pytest.mark.parametrize("file", FILES)
def test_every_field_is_read_alike(tmp_path, file):
    capture = tmp_path / "generated.pcap"
    count = write_capture(capture, file, file)
    lines, compared = agreement.differences(str(capture))
    assert lines == []
    assert compared == count


def test_a_field_read_differently_is_found(tmp_path, monkeypatch):
    capture = tmp_path / "generated.pcap"
    write_capture(capture, 1, "pcap-ethernet", count=9)
    messages = agreement.pinhole_messages(str(capture))
    for frame, field in (4, "lifetime"), (5, "version"), (6, "message_id"):
        messages[frame]["fields"][field] += 1
    messages[7]["interface"] = "node:eth1"
    messages[8]["time"] += 0.001
    del messages[9]
    monkeypatch.setattr(agreement, "pinhole_messages", lambda path: messages)
    lines, _ = agreement.differences(str(capture))
    assert [line.split(":")[0] for line in lines] == [f"frame {n}" for n in range(4, 10)]

"""Octets of the golden captures: PCP, NAT-PMP, UDP over IP, links, and the two file formats.

Standard library only, and nothing of the harness: what is judged must not come from the judge.
"""

import ipaddress
import struct

SERVER_PORT = 5351
CLIENT_PORT = 5350
UDP, TCP = 17, 6
ANNOUNCE, MAP, PEER = 0, 1, 2
THIRD_PARTY, PREFER_FAILURE, FILTER = 1, 2, 3
SUCCESS, UNSUPP_VERSION, NOT_AUTHORIZED, MALFORMED_REQUEST, UNSUPP_OPTION = 0, 1, 2, 3, 5
NETWORK_FAILURE, NO_RESOURCES, UNSUPP_PROTOCOL = 7, 8, 9
CANNOT_PROVIDE_EXTERNAL, ADDRESS_MISMATCH, EXCESSIVE_REMOTE_PEERS = 11, 12, 13

ANY4 = "::ffff:0.0.0.0"
ANY6 = "::"
NONCE = bytes(range(0x31, 0x3D))
NONCE2 = bytes(range(0x51, 0x5D))


def address(text):
    """An address as PCP writes it: IPv4 as IPv4-mapped IPv6 (section 5)."""
    if isinstance(text, bytes):
        return text
    parsed = ipaddress.ip_address(text)
    return bytes(10) + b"\xff\xff" + parsed.packed if parsed.version == 4 else parsed.packed


# --- PCP, RFC 6887 ------------------------------------------------------------------------------


def option(code, data=b"", reserved=0, length=None, padding=b"\0\0\0"):
    """One option (7.3); length and padding can be set wrong."""
    size = len(data) if length is None else length
    return struct.pack("!BBH", code, reserved, size) + data + padding[: -len(data) % 4]


def filter_option(prefix, port, peer, reserved=0):
    return option(FILTER, struct.pack("!BBH", reserved, prefix, port) + address(peer))


def data_map(nonce=NONCE, protocol=UDP, internal=5683, external=0, where=ANY4, reserved=b"\0\0\0"):
    head = nonce + bytes([protocol]) + reserved
    return head + struct.pack("!HH", internal, external) + address(where)


def data_peer(remote_port=443, remote="203.0.113.7", reserved16=b"\0\0", **fields):
    return data_map(**fields) + struct.pack("!H", remote_port) + reserved16 + address(remote)


def request(opcode, data=b"", options=b"", client="192.168.1.10", lifetime=120, version=2, r=0,
            reserved=b"\0\0"):
    head = bytes([version, r << 7 | opcode]) + reserved + struct.pack("!I", lifetime)
    return head + address(client) + data + options


def response(opcode, data=b"", options=b"", result=SUCCESS, lifetime=120, epoch=1000, version=2,
             r=1, reserved=0, reserved96=bytes(12)):
    head = bytes([version, r << 7 | opcode, reserved, result])
    return head + struct.pack("!II", lifetime, epoch) + reserved96 + data + options


def error(asked, result, lifetime=1800, epoch=1000, reserved=0, version=2):
    """The error response to a request: the request itself with its header set (8.2)."""
    padded = asked[:1100] + bytes(-len(asked) % 4)
    head = bytes([version, asked[1] | 0x80, reserved, result]) + struct.pack("!II", lifetime, epoch)
    return head + bytes(12) + padded[24:]


# --- IP and UDP -----------------------------------------------------------------------------------


def checksum(octets):
    octets += bytes(len(octets) % 2)
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def udp(source, destination, payload, ttl=64, bad_checksum=False):
    """An IP datagram: source and destination are (address, port)."""
    a, b = (ipaddress.ip_address(end[0]) for end in (source, destination))
    length = 8 + len(payload)
    segment = struct.pack("!HHHH", source[1], destination[1], length, 0) + payload
    pseudo = a.packed + b.packed + struct.pack("!IxxxB", length, UDP)
    if a.version == 4:
        pseudo = a.packed + b.packed + struct.pack("!BBH", 0, UDP, length)
    total = checksum(pseudo + segment) or 0xFFFF
    if bad_checksum:
        total ^= 0x1234
    segment = segment[:6] + struct.pack("!H", total) + segment[8:]
    return ip(a, b, segment, ttl)


def tcp(source, destination, ttl=64):
    """A SYN; its checksum is left out, since nothing here looks at it."""
    a, b = (ipaddress.ip_address(end[0]) for end in (source, destination))
    segment = struct.pack("!HHIIBBHHH", source[1], destination[1], 1, 0, 5 << 4, 2, 65535, 0, 0)
    return ip(a, b, segment, ttl, TCP)


def ip(a, b, segment, ttl=64, protocol=UDP, identification=1, fragment=0):
    if a.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(segment), protocol, ttl) + a.packed + b.packed + segment
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), identification, fragment, ttl,
                       protocol, 0) + a.packed + b.packed
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + segment


def fragments(datagram, at):
    """An IPv4 datagram in two pieces, the second from octet `at` (a multiple of 8) of its payload."""
    a, b = (ipaddress.ip_address(datagram[i : i + 4]) for i in (12, 16))
    payload = datagram[20:]
    return [ip(a, b, payload[:at], fragment=0x2000), ip(a, b, payload[at:], fragment=at // 8)]


# --- links ----------------------------------------------------------------------------------------

ETHERNET, RAW, SLL, SLL2 = 1, 101, 113, 276


def frame(link, datagram, vlans=()):
    ether = 0x86DD if datagram[0] >> 4 == 6 else 0x0800
    if link == RAW:
        return datagram
    if link == SLL:
        return struct.pack("!HHH8sH", 4, 1, 6, b"\2\0\0\0\0\1", ether) + datagram
    if link == SLL2:
        return struct.pack("!HHIHBB8s", ether, 0, 2, 1, 4, 6, b"\2\0\0\0\0\1") + datagram
    tags = b"".join(struct.pack("!HH", 0x8100, vlan) for vlan in vlans)
    return b"\2\0\0\0\0\2" + b"\2\0\0\0\0\1" + tags + struct.pack("!H", ether) + datagram


# --- files ----------------------------------------------------------------------------------------


def pcap(packets, link, order="<", nanoseconds=False, snaplen=65535):
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    ticks = 1 if nanoseconds else 1000
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, link)
    for packet in packets:
        seconds, rest = divmod(packet.time, 10**9)
        kept = packet.octets[:snaplen]
        out += struct.pack(order + "IIII", seconds, rest // ticks, len(kept), len(packet.octets)) + kept
    return out


def block(order, kind, body):
    length = 12 + len(body) + -len(body) % 4
    end = struct.pack(order + "I", length)
    return struct.pack(order + "I", kind) + end + body + bytes(-len(body) % 4) + end


def block_option(order, code, value):
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def pcapng(packets, links, order="<", snaplen=0):
    """links: (name, link type) of each interface; nanoseconds."""
    out = block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    for name, link in links:
        body = struct.pack(order + "HHI", link, 0, snaplen)
        body += block_option(order, 2, name.encode()) if name else b""
        body += block_option(order, 9, b"\x09") + bytes(4)
        out += block(order, 1, body)
    for packet in packets:
        kept = packet.octets[:snaplen] if snaplen else packet.octets
        body = struct.pack(order + "IIIII", packet.interface, packet.time >> 32,
                           packet.time & 0xFFFFFFFF, len(kept), len(packet.octets))
        body += kept + bytes(-len(kept) % 4)
        if packet.direction:
            body += block_option(order, 2, struct.pack(order + "I", packet.direction)) + bytes(4)
        out += block(order, 6, body)
    return out

"""Capture files made from Python bytes, by their specifications and by no code of pinhole's.

Tests give them to pinhole and to tshark alike.
"""

import ipaddress
import struct

LINK_ETHERNET, LINK_RAW, LINK_SLL, LINK_SLL2 = 1, 101, 113, 276


def checksum(octets):
    octets += bytes(len(octets) % 2)
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def udp(source, source_port, destination, destination_port, payload):
    """An IP datagram; the addresses tell which IP."""
    source, destination = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    length = 8 + len(payload)
    pseudo = source.packed + destination.packed + struct.pack(">II", length, 17)
    header = struct.pack(">HHHH", source_port, destination_port, length, 0)
    header = header[:6] + struct.pack(">H", checksum(pseudo + header + payload) or 0xFFFF)
    if source.version == 6:
        return (struct.pack(">IHBB", 6 << 28, length, 17, 64)
                + source.packed + destination.packed + header + payload)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, 17, 0)
    ip += source.packed + destination.packed
    return ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:] + header + payload


def frame(link_type, datagram):
    ethertype = struct.pack(">H", 0x0800 if datagram[0] >> 4 == 4 else 0x86DD)
    return {
        LINK_ETHERNET: bytes.fromhex("020000000001 020000000002") + ethertype,
        LINK_RAW: b"",
        LINK_SLL: bytes.fromhex("0000 0001 0006 0200000000020000") + ethertype,
        LINK_SLL2: ethertype + bytes.fromhex("0000 00000001 0001 00 06 0200000000020000"),
    }[link_type] + datagram


def pcap(packets, link_type, order="<", nanoseconds=False):
    """packets: [(time in nanoseconds, octets)]"""
    magic, unit = (0xA1B23C4D, 1) if nanoseconds else (0xA1B2C3D4, 1000)
    out = struct.pack(order + "IHHIIII", magic, 2, 4, 0, 0, 65535, link_type)
    for time, octets in packets:
        second, rest = divmod(time, 10**9)
        out += struct.pack(order + "IIII", second, rest // unit, len(octets), len(octets)) + octets
    return out


def padded(octets):
    return octets + bytes(-len(octets) % 4)


def pcapng(packets, link_type, order="<", names=("node:eth0",)):
    """packets: [(time in nanoseconds, octets)], or with an index into names, its interface, behind"""
    def option(code, value):
        return struct.pack(order + "HH", code, len(value)) + padded(value)

    def block(kind, body):
        length = struct.pack(order + "I", len(body) + 12)
        return struct.pack(order + "I", kind) + length + body + length

    out = block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    for name in names:
        out += block(1, struct.pack(order + "HHI", link_type, 0, 65535)
                     + option(2, name.encode()) + option(9, b"\x09") + option(0, b""))
    for time, octets, *interface in packets:
        out += block(6, struct.pack(order + "IIIII", *interface or [0], time >> 32,
                                    time & 0xFFFFFFFF, len(octets), len(octets)) + padded(octets))
    return out

"""CoAP messages (RFC 7252), as much of them as tests of our servers need, and clients that speak by them.

It shares no code with the programs under test.
"""

import itertools
import os
import socket
import struct

CON, NON, ACK, RST = range(4)
GET, POST, PUT, DELETE, FETCH = 1, 2, 3, 4, 5
OBSERVE, LOCATION_PATH, URI_PATH, CONTENT_FORMAT, URI_QUERY, ACCEPT = 6, 8, 11, 12, 15, 17
BLOCK2, BLOCK1, SIZE1 = 23, 27, 60

# The first is a DTLS record.
OTHER_VERSIONS = (bytes([0x15, 0xFE, 0xFD]) + bytes(10), b"\x00\x01ab", b"\x80\x01ab", b"\xc0\x01ab")


def code(text):
    whole, detail = text.split(".")
    return int(whole) << 5 | int(detail)


def code_text(octet):
    return f"{octet >> 5}.{octet & 31:02d}"


def unsigned(value):
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _nibble(number):
    if number < 13:
        return number, b""
    if number < 269:
        return 13, bytes([number - 13])
    return 14, struct.pack("!H", number - 269)


class Message:
    def __init__(self, kind, octet, mid, token=b"", options=(), payload=b""):
        self.kind, self.code, self.mid, self.token = kind, octet, mid, token
        self.options, self.payload = list(options), payload

    def pack(self):
        out = bytes([0x40 | self.kind << 4 | len(self.token), self.code]) + struct.pack("!H", self.mid) + self.token
        before = 0
        for number, value in sorted(self.options, key=lambda option: option[0]):
            delta, more_delta = _nibble(number - before)
            length, more_length = _nibble(len(value))
            out += bytes([delta << 4 | length]) + more_delta + more_length + value
            before = number
        return out + (b"\xff" + self.payload if self.payload else b"")

    @staticmethod
    def unpack(octets):
        length = octets[0] & 15
        message = Message(octets[0] >> 4 & 3, octets[1], struct.unpack("!H", octets[2:4])[0], octets[4 : 4 + length])
        at, number = 4 + length, 0
        while at < len(octets) and octets[at] != 0xFF:
            parts = [octets[at] >> 4, octets[at] & 15]
            at += 1
            for index, part in enumerate(parts):
                if part == 13:
                    parts[index], at = octets[at] + 13, at + 1
                elif part == 14:
                    parts[index], at = struct.unpack("!H", octets[at : at + 2])[0] + 269, at + 2
            number += parts[0]
            message.options.append((number, octets[at : at + parts[1]]))
            at += parts[1]
        message.payload = octets[at + 1 :]
        return message

    def all(self, number):
        return [value for option, value in self.options if option == number]

    def number(self, number, otherwise=None):
        values = self.all(number)
        return int.from_bytes(values[0], "big") if values else otherwise

    @property
    def path(self):
        return "/" + "/".join(step.decode() for step in self.all(URI_PATH))

    @property
    def location(self):
        return "/".join(step.decode() for step in self.all(LOCATION_PATH))

    @property
    def text(self):
        return code_text(self.code)


def path_options(path, queries=()):
    return [(URI_PATH, step.encode()) for step in path.strip("/").split("/") if step] + [
        (URI_QUERY, query.encode()) for query in queries
    ]


class Client:
    """One UDP socket that asks, answers and hears. Nothing is sent again: loopback loses nothing."""

    def __init__(self, server, address="127.0.0.1", port=0, seconds=5):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, port))
        self.socket.settimeout(seconds)
        self.server = server
        self.mids = itertools.count(int.from_bytes(os.urandom(2), "big"))
        self.waiting = []

    def close(self):
        self.socket.close()

    def mid(self):
        return next(self.mids) & 0xFFFF

    def send(self, message):
        self.socket.sendto(message.pack(), self.server)
        return message

    def hear(self):
        """The next message, as it comes."""
        return Message.unpack(self.socket.recv(65536))

    def hears_nothing(self, seconds):
        """Whether no message comes for so long."""
        patience = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            self.hear()
            return False
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(patience)

    def ask(self, method, path, queries=(), options=(), payload=b"", mid=None):
        """The response to a request; requests that come meanwhile wait."""
        token = os.urandom(4)
        mid = self.mid() if mid is None else mid
        self.send(Message(CON, method, mid, token, path_options(path, queries) + list(options), payload))
        while True:
            message = self.hear()
            if message.kind in (ACK, RST) and message.mid == mid:
                return message
            self.waiting.append(message)

    def request(self):
        """The next request of the server."""
        for index, message in enumerate(self.waiting):
            if 0 < message.code < 32:
                return self.waiting.pop(index)
        while True:
            message = self.hear()
            if 0 < message.code < 32:
                return message

    def answer(self, request, text, payload=b"", content_format=None, options=()):
        options = list(options)
        if content_format is not None:
            options.append((CONTENT_FORMAT, unsigned(content_format)))
        self.send(Message(ACK, code(text), request.mid, request.token, options, payload))

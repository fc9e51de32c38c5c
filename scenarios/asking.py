"""What the tests of `pinhole ask` share: the command, a server that a test plays, and requests laid out from
the diagrams of RFC 6887 and RFC 6886, with no line of the code under test."""

import contextlib
import ipaddress
import json
import queue
import socket
import struct
import subprocess
import threading

from conftest import PATIENCE, PINHOLE

MAP, PEER = 1, 2
UDP = 17
ALIVE = (0, 1)  # exit codes of an exchange that took place


class Asked:
    """An `ask` that is over."""

    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def request(self):
        return bytes.fromhex(self.json["request"]["octets"])

    @property
    def answers(self):
        """The octets of each answer, None where none came."""
        answers = [asked["answer"] for asked in self.json["asked"]]
        return [answer and bytes.fromhex(answer["octets"]) for answer in answers]


def ask(*words, into=(), **options):
    """Runs the command; into is what enters another namespace first."""
    done = subprocess.run(
        [*into, PINHOLE, "ask", *map(str, words)], capture_output=True, timeout=PATIENCE, **options
    )
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    return Asked(done)


class Server:
    """A server on the loopback. Each datagram goes to reply(request, number), number counting from 0, which
    returns datagrams to send back."""

    def __init__(self, reply=lambda request, number: [], address="127.0.0.1"):
        self.handle = bound(address)
        host, self.port = self.handle.getsockname()[:2]
        self.name = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self.reply = reply
        self.received, self.sources = [], []
        self.taken = queue.SimpleQueue()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):  # the end of the test
            while True:
                request, source = self.handle.recvfrom(70000)
                self.received.append(request)
                self.sources.append(source)
                self.taken.put(request)
                for answer in self.reply(request, len(self.received) - 1):
                    self.handle.sendto(answer, source)

    def sent_so_far(self):
        """What has come since the last call. The loopback keeps the order: a mark shows the end."""
        mark = b"mark %d" % id(object())
        with bound(self.handle.getsockname()[0]) as other:
            other.sendto(mark, self.handle.getsockname())
        return list(iter(lambda: self.taken.get(timeout=PATIENCE), mark))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.handle.close()


def bound(address="127.0.0.1"):
    handle = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    handle.bind((address, 0))
    return handle


# --- messages ----------------------------------------------------------------------------------------


def address(text):
    """16 octets; IPv4 as ::ffff:a.b.c.d (RFC 6887 section 5)."""
    parsed = ipaddress.ip_address(text)
    return parsed.packed if parsed.version == 6 else bytes(10) + b"\xff\xff" + parsed.packed


def header(opcode, lifetime, client, version=2, response=False, reserved=0):
    """Section 7.1."""
    return struct.pack("!BBHI", version, response << 7 | opcode, reserved, lifetime) + address(client)


def map_data(nonce, internal_port, protocol=UDP, external_port=0, external="0.0.0.0", reserved=bytes(3)):
    """Section 11.1."""
    ports = struct.pack("!HH", internal_port, external_port)
    return nonce + bytes([protocol]) + reserved + ports + address(external)


def peer_data(mapping, remote, remote_port, reserved=bytes(2)):
    """Section 12.1."""
    return mapping + struct.pack("!H", remote_port) + reserved + address(remote)


def option(code, data):
    """Section 7.3."""
    return struct.pack("!BBH", code, 0, len(data)) + data + bytes(-len(data) % 4)


def answer(request, result=0, epoch=0, lifetime=120, **changes):
    """A response as section 8.2 makes it; changes are octets by their place, as at12=b'..'."""
    octets = bytearray(request[:1100] + bytes(-len(request[:1100]) % 4))
    octets[1] |= 0x80
    octets[2:24] = struct.pack("!BBII", 0, result, lifetime, epoch) + bytes(12)
    for place, value in changes.items():
        start = int(place.removeprefix("at"))
        octets[start : start + len(value)] = value
    return bytes(octets)

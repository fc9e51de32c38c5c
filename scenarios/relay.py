"""A wire between a device and a server that a test holds in its hands: a relay of UDP on the loopback, which keeps
what went by, and may lose it or say it again."""

import dataclasses
import select
import socket
import threading
import time

from coap_wire import Message

PATIENCE = 20  # seconds after which something that must come has not; no test rests on it
TO_SERVER, TO_DEVICE = ">", "<"
ALERT, HANDSHAKE, APPLICATION_DATA = 21, 22, 23  # DTLS content types


@dataclasses.dataclass
class Packet:
    way: str
    octets: bytes
    time: float

    @property
    def coap(self):
        return Message.unpack(self.octets)


class Relay:
    """Listens on a port of its own; what comes there goes on to the server at a port, and back."""

    def __init__(self, server_port):
        self.device_side, self.server_side = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self.device_side.bind(("127.0.0.1", 0))
        self.server_side.bind(("127.0.0.1", 0))
        self.port = self.device_side.getsockname()[1]
        self.server = ("127.0.0.1", server_port)
        self.device = None
        self.packets = []
        self.pass_on = lambda packet: 1  # how often a packet goes on
        self.news = threading.Condition()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            for handle in select.select([self.device_side, self.server_side], [], [])[0]:
                try:
                    octets, source = handle.recvfrom(65536)
                except ConnectionError:  # nobody listens at the moment
                    continue
                way = TO_SERVER if handle is self.device_side else TO_DEVICE
                if way == TO_SERVER:
                    self.device = source
                packet = Packet(way, octets, time.monotonic())
                times = self.pass_on(packet)
                for _ in range(times):
                    self.send(packet)
                with self.news:
                    self.packets.append(packet)
                    self.news.notify_all()

    def send(self, packet):
        """Says it (again), from the same place as before."""
        if packet.way == TO_SERVER:
            self.server_side.sendto(packet.octets, self.server)
        elif self.device:
            self.device_side.sendto(packet.octets, self.device)

    def seen(self, wanted=lambda packet: True, since=0):
        with self.news:
            return [packet for packet in self.packets[since:] if wanted(packet)]

    def await_seen(self, wanted, count=1, since=0, patience=PATIENCE):
        """The first packets that are wanted, once there are so many."""
        deadline = time.monotonic() + patience
        with self.news:
            while True:
                found = [packet for packet in self.packets[since:] if wanted(packet)]
                if len(found) >= count:
                    return found[:count]
                left = deadline - time.monotonic()
                assert left > 0, f"{len(found)} of {count} came; all: {[describe(p) for p in self.packets]}"
                self.news.wait(left)

    def answer_to(self, packet):
        """The first response with the token of a request."""
        back = TO_DEVICE if packet.way == TO_SERVER else TO_SERVER
        return self.await_seen(lambda p: p.way == back and p.coap.code >= 64 and p.coap.token == packet.coap.token)[0]


def describe(packet):
    """A line for people."""
    if is_dtls(packet):
        return f"{packet.way} DTLS {packet.octets[0]}"
    message = packet.coap
    return f"{packet.way} {message.text} {message.path} {[v.decode() for v in message.all(15)]}"


def is_dtls(packet, content=None):
    first = packet.octets[0]
    return 20 <= first <= 25 and (content is None or first == content)


def request(way, method, path, query=None):
    """A test for requests, such as of await_seen()."""

    def wanted(packet):
        message = packet.coap
        queries = [value.decode() for value in message.all(15)]
        return (
            packet.way == way
            and message.code == method
            and (message.path == path or (path.endswith("*") and message.path.startswith(path[:-1])))
            and (query is None or query in queries)
        )

    return wanted

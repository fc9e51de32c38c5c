"""pinhole-device and pinhole-server as processes, with gateways that a test plays: honest, silent, lying.

Each test runs in a child with a network namespace of its own, where all addresses are local: no packet
can leave, and nothing outside is needed.
"""

import contextlib
import ctypes
import fcntl
import functools
import os
import pathlib
import random
import select
import signal
import socket
import struct
import subprocess
import time
import traceback

from conftest import BUILD

DEVICE = BUILD / "pinhole-device"
SERVER = BUILD / "pinhole-server"
PATIENCE = 20  # seconds after which something that must come has not; no test rests on it
PORT = 5683
GATEWAY = "10.0.0.1"
SERVER_AT = "10.0.0.2"
EXTERNAL = "11.0.0.1"
MAP, ANNOUNCE = 1, 0
SUCCESS, UNSUPP_VERSION, NOT_AUTHORIZED = 0, 1, 2
MAPPED_IPV4 = bytes(10) + b"\xff\xff"


# --- a network of its own ----------------------------------------------------------------------------


def enter_namespace():
    """A user and a network namespace for this process, with the loopback up."""
    libc = ctypes.CDLL(None, use_errno=True)
    new_user, new_network = 0x10000000, 0x40000000
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(new_user | new_network) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    pathlib.Path("/proc/self/setgroups").write_text("deny")
    pathlib.Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    pathlib.Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    up_running, set_flags = 0x1 | 0x40, 0x8914
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, set_flags, struct.pack("16sh14x", b"lo", up_running))
    for address in (GATEWAY, SERVER_AT):
        ip("address", "add", f"{address}/32", "dev", "lo")


started = []  # what a test started, to be ended with it


def sealed(test):
    """Runs the test in a child of its own, in a namespace of its own."""

    @functools.wraps(test)
    def wrapper(*fixtures, **named):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                enter_namespace()
                test(*fixtures, **named)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                for process in started:
                    process.kill()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        assert status == 0, "failed in its namespace: see above"

    return wrapper


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def make_link():
    """An interface, lan, that is up; its other end leads nowhere."""
    ip("link", "add", "lan", "type", "veth", "peer", "name", "nowhere")
    for interface in ("lan", "nowhere"):
        ip("link", "set", interface, "up")


class Wire:
    """All UDP datagrams on the loopback since it was made."""

    OUTGOING = 4

    def __init__(self):
        everything = 3
        self.handle = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(everything))
        self.handle.bind(("lo", everything))
        self.handle.setblocking(False)

    def datagrams(self):
        """(source port, destination port) of each, oldest first."""
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                octets, address = self.handle.recvfrom(65536)
                if address[2] == self.OUTGOING and octets[0] >> 4 == 4 and octets[9] == socket.IPPROTO_UDP:
                    found.append(struct.unpack("!HH", octets[(octets[0] & 15) * 4 :][:4]))
        return found


# --- programs ----------------------------------------------------------------------------------------


class Program:
    def __init__(self, *command, **environment):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PINHOLE_")}
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**clean, **environment},
        )
        started.append(self.process)
        self.lines, self.rest = [], b""

    def await_line(self, wanted):
        """Reads on to a line that holds wanted, and returns it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            while b"\n" in self.rest:
                line, _, self.rest = self.rest.partition(b"\n")
                self.lines.append(line.decode())
                if wanted in self.lines[-1]:
                    return self.lines[-1]
            ready, _, _ = select.select([self.process.stdout], [], [], deadline - time.monotonic())
            octets = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            assert octets, f"no line '{wanted}' but {self.lines}, {self.process.poll()}"
            self.rest += octets

    def end(self, number=signal.SIGTERM):
        """Ends it; returns exit code, standard output from the last awaited line on, standard error."""
        self.process.send_signal(number)
        out, error = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, (self.rest + out).decode(), error.decode()


def device(*options, **environment):
    return Program(DEVICE, "--gateway", GATEWAY, "--server", SERVER_AT, *options, **environment)


def server(*options):
    program = Program(SERVER, "--address", SERVER_AT, "--ack-timeout", 1, "--max-retransmit", 1, *options)
    program.await_line("ready")
    return program


def refused(*command):
    """Runs a program that must not start; returns exit code and what it says."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=PATIENCE)
    return done.returncode, done.stderr


# --- the gateway that a test plays -------------------------------------------------------------------


class Request:
    def __init__(self, octets, sender):
        self.octets, self.sender, self.time = octets, sender, time.monotonic()

    @property
    def lifetime(self):
        return struct.unpack("!I", self.octets[4:8])[0]

    @property
    def internal_port(self):
        return struct.unpack("!H", self.octets[40:42])[0]

    @property
    def suggestion(self):
        return socket.inet_ntoa(self.octets[56:60]), struct.unpack("!H", self.octets[42:44])[0]


class Gateway:
    def __init__(self, address=GATEWAY, scope=0):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.handle = socket.socket(family, socket.SOCK_DGRAM)
        self.handle.bind((address, 5351, 0, scope) if scope else (address, 5351))
        self.start = time.monotonic()

    def receive(self, patience=PATIENCE):
        """The next request; None if none comes within patience."""
        self.handle.settimeout(patience)
        try:
            return Request(*self.handle.recvfrom(2048))
        except socket.timeout:
            return None

    def epoch(self):
        return int(time.monotonic() - self.start)

    def answer(self, request, result=SUCCESS, lifetime=None, port=40000, external=EXTERNAL, **changes):
        """The answer of an honest server, but for changes: offset_N=octets."""
        lifetime = request.lifetime if lifetime is None else lifetime
        octets = bytearray(request.octets)
        octets[1] |= 0x80
        octets[2:4] = bytes([0, result])
        octets[4:12] = struct.pack("!II", lifetime, self.epoch())
        octets[12:24] = bytes(12)
        if result == SUCCESS and request.lifetime:
            octets[42:44] = struct.pack("!H", port)
            octets[44:60] = MAPPED_IPV4 + socket.inet_aton(external)
        for name, value in changes.items():
            offset = int(name.removeprefix("offset_"))
            octets[offset : offset + len(value)] = value
        self.handle.sendto(octets, request.sender)


def coap_get(path, mid=7):
    """A confirmable GET, by hand."""
    return struct.pack("!BBH", 0x41, 1, mid) + b"\x5a" + bytes([0xB0 | len(path)]) + path


def ask(address, message, port=PORT):
    """Sends a confirmable message as a stranger, until it is answered; returns the answer."""
    deadline = time.monotonic() + PATIENCE
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        handle.settimeout(1)
        while time.monotonic() < deadline:
            handle.sendto(message, (address, port))
            with contextlib.suppress(socket.timeout):
                return handle.recv(2048)
    raise AssertionError(f"no answer to {message.hex()}")


# --- the device --------------------------------------------------------------------------------------


@sealed
def test_a_device_registers_from_its_mapped_port_once_it_is_mapped_and_not_before():
    wire, gateway, directory = Wire(), Gateway(), server()
    program = device("--name", "lamp", "--lifetime", 600)
    request = gateway.receive()
    assert (len(request.octets), request.internal_port, request.lifetime) == (60, PORT, 600)
    assert request.octets[8:24] == MAPPED_IPV4 + socket.inet_aton(request.sender[0])  # 8.1
    assert request.suggestion == ("0.0.0.0", 0)
    program.await_line("ready")
    assert PORT not in {source for source, _ in wire.datagrams()}  # 10.2
    gateway.answer(request)
    assert program.await_line("mapped").endswith(f"mapped udp {PORT} -> {EXTERNAL}:40000 lifetime 600")
    said = directory.await_line("registered")
    assert f"registered lamp from {GATEWAY}:{PORT} base coap://{EXTERNAL}:40000" in said
    program.await_line("registered lamp")
    assert (PORT, PORT) in wire.datagrams()


@sealed
def test_a_device_answers_whoever_asks_for_its_status():
    gateway = Gateway()
    program = device()
    gateway.answer(gateway.receive())
    program.await_line("mapped")
    answer = ask(GATEWAY, coap_get(b"status"))
    assert answer[1] == 0x45 and answer.endswith(b"\xffalive")  # 2.05
    assert ask(GATEWAY, coap_get(b"nothing", 8))[1] == 0x84  # 4.04


@sealed
def test_a_device_leaves_its_server_first_and_then_its_gateway():
    gateway, directory = Gateway(), server()
    program = device("--name", "lamp")
    gateway.answer(gateway.receive())
    program.await_line("registered")
    program.process.send_signal(signal.SIGTERM)
    request = gateway.receive()
    assert (request.lifetime, request.suggestion) == (0, ("0.0.0.0", 0))  # 15.1
    directory.await_line("deregistered lamp")
    gateway.answer(request)
    program.await_line(f"unmapped udp {PORT}")
    assert program.process.wait(PATIENCE) == 0


@sealed
def test_a_device_leaves_in_time_even_if_nobody_answers():
    gateway = Gateway()
    program = device("--farewell", 1)
    gateway.answer(gateway.receive())
    program.await_line("mapped")
    start = time.monotonic()
    assert program.end()[0] == 0
    assert time.monotonic() - start < 1 + PATIENCE / 2
    assert gateway.receive().lifetime == 0


@sealed
def test_a_device_asks_a_silent_gateway_again_and_stays_silent_on_its_port():
    wire, gateway = Wire(), Gateway()
    program = device()
    first, second = gateway.receive(), gateway.receive()
    assert second.octets == first.octets
    assert second.time - first.time > 2.69  # 8.1.1: 3 s less a tenth
    assert PORT not in {source for source, _ in wire.datagrams()}
    assert program.process.poll() is None


@sealed
def test_a_device_renews_before_the_mapping_ends():
    gateway = Gateway()
    program = device()
    first = gateway.receive()
    gateway.answer(first, lifetime=8)
    renewal = gateway.receive()
    assert renewal.octets[24:42] == first.octets[24:42]  # the same nonce, protocol and port
    assert renewal.suggestion == (EXTERNAL, 40000)  # 11.2.1
    assert 3.99 < renewal.time - first.time
    gateway.answer(renewal, lifetime=8)
    program.await_line("renewed")
    assert not [line for line in program.lines if "lost" in line]


@sealed
def test_a_device_that_loses_its_mapping_gets_another_and_registers_anew():
    gateway, directory = Gateway(), server()
    program = device("--name", "lamp")
    gateway.answer(gateway.receive(), lifetime=3)
    directory.await_line("base coap://11.0.0.1:40000")
    program.await_line("lost")
    gateway.answer(gateway.receive(), port=40001)
    directory.await_line("base coap://11.0.0.1:40001")
    program.await_line("coap://11.0.0.1:40001")


@sealed
def test_a_device_whose_outside_address_changes_registers_anew():
    gateway, directory = Gateway(), server()
    device("--name", "lamp")
    request = gateway.receive()
    gateway.answer(request)
    directory.await_line("base coap://11.0.0.1:40000")
    gateway.answer(request, external="11.0.0.9", port=7)  # a Mapping Update, 14.2
    directory.await_line("base coap://11.0.0.9:7")


@sealed
def test_a_device_reminds_a_gateway_that_announces_its_restart():
    # Over a pair of interfaces: the loopback carries no multicast.
    make_link()
    ip("address", "add", "10.9.0.10/24", "dev", "lan")
    gateway = Gateway("10.9.0.10")
    gateway.start -= 1000
    program = Program(DEVICE, "--gateway", "10.9.0.10")
    gateway.answer(gateway.receive())
    program.await_line("mapped")
    gateway.handle.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.9.0.10"))
    gateway.handle.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
    gateway.handle.sendto(struct.pack("!BBBBII12x", 2, 0x80, 0, 0, 0, 0), ("224.0.0.1", 5350))
    recovery = gateway.receive()  # after 5 s at most, 14.1.3
    assert recovery.suggestion == (EXTERNAL, 40000)


@sealed
def test_a_device_ignores_what_is_not_the_answer():
    gateway = Gateway()
    program = device()
    request = gateway.receive()
    gateway.answer(request, offset_24=bytes(12))  # another nonce
    gateway.answer(request, offset_0=b"\x03")
    gateway.answer(request, offset_40=b"\0\1")  # another internal port
    gateway.handle.sendto(b"", request.sender)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((SERVER_AT, 5351))
        honest, gateway.handle = gateway.handle, stranger
        gateway.answer(request, port=666)  # from elsewhere
        gateway.handle = honest
    gateway.answer(request)
    assert f"{EXTERNAL}:40000" in program.await_line("mapped")
    assert program.lines[:-1] == [line for line in program.lines[:-1] if "ready" in line or "asking" in line]


@sealed
def test_a_device_that_is_refused_says_so_and_does_not_insist():
    wire, gateway = Wire(), Gateway()
    program = device()
    gateway.answer(gateway.receive(), result=NOT_AUTHORIZED, lifetime=1800)
    program.await_line("refused udp 5683 NOT_AUTHORIZED")
    assert gateway.receive(4) is None
    assert PORT not in {source for source, _ in wire.datagrams()}


@sealed
def test_a_device_speaks_natpmp_with_a_gateway_that_knows_nothing_newer():
    gateway = Gateway()
    program = device()
    request = gateway.receive()
    gateway.handle.sendto(struct.pack("!BBHI", 0, 0, 1, 9), request.sender)  # RFC 6886 section 3.5
    address_request = gateway.receive()
    assert address_request.octets == b"\0\0"
    gateway.handle.sendto(struct.pack("!BBHI4s", 0, 128, 0, 9, socket.inet_aton(EXTERNAL)), request.sender)
    mapping_request = gateway.receive()
    assert mapping_request.octets == struct.pack("!BBHHHI", 0, 1, 0, PORT, 0, 7200)
    gateway.handle.sendto(struct.pack("!BBHIHHI", 0, 129, 0, 9, PORT, 40002, 3600), request.sender)
    assert program.await_line("mapped").endswith(f"{EXTERNAL}:40002 lifetime 3600")


@sealed
def test_a_device_without_pcp_registers_at_once():
    wire, directory = Wire(), server()
    device("--no-pcp", "--name", "lamp", "--port", 5699)  # from the server's own address, hence the port
    assert f"from {SERVER_AT}:5699 base coap://{SERVER_AT}:5699" in directory.await_line("lamp")
    assert 5351 not in {destination for _, destination in wire.datagrams()}


@sealed
def test_a_device_holds_its_port_alone_and_before_it_asks():
    gateway = Gateway()
    program = device()
    gateway.receive()
    for share in (0, 1):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, share)
            try:
                other.bind((GATEWAY, PORT))
                raise AssertionError("the port could be shared")
            except OSError:
                pass
    assert program.end()[0] == 0


@sealed
def test_a_device_whose_port_is_taken_asks_for_nothing():
    gateway = Gateway()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((GATEWAY, PORT))
        code, said = refused(DEVICE, "--gateway", GATEWAY)
    assert code == 1 and f"could not take UDP port {GATEWAY}:{PORT}" in said
    assert gateway.receive(0.2) is None


@sealed
def test_a_device_finds_its_default_router_among_many_routes():
    make_link()
    ip("address", "add", "10.9.0.10/16", "dev", "lan")
    routes = "".join(f"route add 172.16.{n // 256}.{n % 256}/32 via 10.9.0.2\n" for n in range(2000))
    routes += "route add default via 10.9.0.3 metric 600\nroute add default via 10.9.0.1 metric 100\n"
    subprocess.run(["ip", "-batch", "-"], input=routes, text=True, check=True)
    ip("address", "add", "10.9.0.1/32", "dev", "lo")  # the router is here, too
    gateway = Gateway("10.9.0.1")
    Program(DEVICE, "--server", SERVER_AT)
    assert gateway.receive().internal_port == PORT


@sealed
def test_a_device_asks_a_link_local_router_from_its_global_address():
    make_link()
    for address in ("fd00::10/64", "2001:db8::10/64"):
        ip("address", "add", address, "dev", "lan", "nodad")
    ip("route", "add", "default", "via", "fe80::1", "dev", "lan")
    ip("address", "add", "fe80::1/64", "dev", "lan", "nodad")
    gateway = Gateway("fe80::1", socket.if_nametoindex("lan"))
    Program(DEVICE, "--server", "2001:db8:1::1")
    request = gateway.receive()
    assert request.sender[0] == "2001:db8::10"  # 8.4: neither the link-local nor the unique local one
    assert request.octets[8:24] == socket.inet_pton(socket.AF_INET6, "2001:db8::10")
    assert request.octets[44:60] == bytes(16)  # the IPv6 address of zeros


@sealed
def test_a_device_survives_any_datagram():
    gateway = Gateway()
    program = device()
    request = gateway.receive()
    gateway.answer(request)
    program.await_line("mapped")
    dice = random.Random(6887)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for _ in range(2000):
            octets = bytearray(dice.randbytes(dice.choice((0, 1, 3, 4, 23, 24, 60, 80, 200, 1200, 1400))))
            if len(octets) > 3 and dice.random() < 0.7:
                octets[0:2] = dice.choice((b"\x40\x01", b"\x41\x45", b"\x02\x81", b"\x00\x80", b"\x02\x80"))
            stranger.sendto(octets, (GATEWAY, PORT))
            gateway.handle.sendto(octets, request.sender)
    assert ask(GATEWAY, coap_get(b"status", 4711))[1] == 0x45
    assert program.end()[0] == 0


# --- a device that finds another ----------------------------------------------------------------------


class Directory:
    """A directory that a test plays, and another endpoint beside it, LAMP."""

    LAMP = (SERVER_AT, 40001)

    def __init__(self):
        self.handle = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.handle.bind((SERVER_AT, PORT))
        self.lamp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.lamp.bind(self.LAMP)
        for handle in (self.handle, self.lamp):
            handle.settimeout(PATIENCE)

    def receive(self):
        self.request, self.sender = self.handle.recvfrom(2048)
        return self.request

    def answer(self, code, rest=b""):
        length = self.request[0] & 15
        head = bytes([0x60 | length, code]) + self.request[2 : 4 + length]
        self.handle.sendto(head + rest, self.sender)

    def register(self):
        assert self.receive()[1] == 2
        self.answer(0x41, b"\x82rd\x011")


@sealed
def test_a_device_finds_another_and_asks_it_from_its_own_port():
    gateway, directory = Gateway(), Directory()
    program = device("--name", "lock", "--find", "lamp")
    gateway.answer(gateway.receive())
    directory.register()
    program.await_line("registered")
    program.process.send_signal(signal.SIGUSR1)
    assert directory.receive().endswith(b"\xb9rd-lookup\x02ep\x47ep=lamp")
    directory.answer(0x45, b'\xc1\x28\xff</rd/2>;ep="lamp";base="coap://%s:%d"' % (SERVER_AT.encode(), 40001))
    question, sender = directory.lamp.recvfrom(2048)
    assert question[1] == 1 and question.endswith(b"\xb6status") and sender == (GATEWAY, PORT)
    length = question[0] & 15
    directory.lamp.sendto(bytes([0x60 | length, 0x45]) + question[2 : 4 + length] + b"\xffon", sender)
    program.await_line("answer lamp 2.05")


@sealed
def test_a_device_looks_again_until_a_directory_tells_it_something_that_it_can_use():
    gateway, directory = Gateway(), Directory()
    program = device("--find", "lamp")
    gateway.answer(gateway.receive())
    directory.register()
    program.await_line("registered")
    program.process.send_signal(signal.SIGUSR1)
    base = b"coap://%s:40001" % SERVER_AT.encode()
    for links in (
        b"",
        b"</rd/1>",
        b"<" + b"/" * 900,
        b'</rd/1>;ep="lamps";base="' + base + b'"',
        b'</rd/1>;ep="lamp"',
        b'</rd/1>;ep="lamp";base',
        b'</rd/1>;ep="lamp";base="' + b"x" * 900 + b'"',
        b'</rd/1>;ep="lamp";base="coap://lamp.example"',
        b'</rd/1>;ep="lamp";base="coap://[::1"',
        b'</rd/1>;ep="lamp";base="coaps://%s"' % SERVER_AT.encode(),
        bytes(range(128, 255)),
    ):
        assert directory.receive()[1] == 1, links
        directory.answer(0x45, b"\xc1\x28\xff" + links if links else b"")
    assert directory.receive()[1] == 1
    directory.answer(0x84)
    directory.receive()
    directory.answer(0x45, b'\xc1\x28\xff</rd/1>;ep="lock";base="%s",</rd/2>;base="%s";ep="lamp"' % (base, base))
    assert directory.lamp.recvfrom(2048)[0][1] == 1
    assert program.end()[0] == 0


@sealed
def test_a_device_by_peer_asks_for_its_flow_to_the_server_and_for_no_map():
    peer = 2
    gateway = Gateway()
    program = device("--by-peer", "--external-port", 40000)
    request = gateway.receive()
    assert (request.octets[1], len(request.octets), request.internal_port) == (peer, 80, PORT)
    assert request.octets[60:62] == struct.pack("!H", PORT)
    assert request.octets[64:80] == MAPPED_IPV4 + socket.inet_aton(SERVER_AT)
    gateway.answer(request)
    assert program.await_line("mapped").endswith(
        f"mapped udp {PORT} towards {SERVER_AT}:{PORT} -> {EXTERNAL}:40000 lifetime 7200"
    )
    assert refused(DEVICE, "--by-peer")[0] == 2
    assert refused(DEVICE, "--by-peer", "--server", SERVER_AT, "--filter", "11.0.0.2/32")[0] == 2


# --- the server --------------------------------------------------------------------------------------


def register(name, base=None, mid=9):
    message = struct.pack("!BBH", 0x41, 2, mid) + b"\x5a" + b"\xb2rd"
    option = 4  # from Uri-Path to Uri-Query
    for query in [b"ep=" + name] + ([b"base=" + base] if base else []):
        length = len(query)
        message += bytes([option << 4 | (length if length < 13 else 13)])
        message += (bytes([length - 13]) if length >= 13 else b"") + query
        option = 0
    return message


@sealed
def test_a_server_asks_out_of_the_blue_at_the_address_that_was_named():
    directory = server("--path", "status")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as lamp:
        lamp.bind((GATEWAY, 40000))
        lamp.settimeout(PATIENCE)
        answer = ask(SERVER_AT, register(b"lamp", b"coap://10.0.0.1:40000"))
        assert answer[1] == 0x41 and answer[5:] == b"\x82rd\x011"  # 2.01, Location-Path: /rd/1
        directory.process.send_signal(signal.SIGUSR1)
        question, sender = lamp.recvfrom(2048)
        assert sender == (SERVER_AT, PORT)
        assert question[1] == 1 and question.endswith(b"\xb6status")
        token = question[4 : 4 + (question[0] & 15)]
        lamp.sendto(bytes([0x60 | len(token), 0x45]) + question[2:4] + token, sender)
        assert directory.await_line("answer").endswith("answer lamp 2.05")


def look_up(query, mid):
    """GET /rd-lookup/ep?QUERY: the answer's code, and its links as one text."""
    message = struct.pack("!BBH", 0x41, 1, mid) + b"\x5a\xb9rd-lookup\x02ep"
    if query:
        message += bytes([0x4D, len(query) - 13]) + query if len(query) >= 13 else bytes([0x40 | len(query)]) + query
    answer = ask(SERVER_AT, message)
    return answer[1], answer[5:].partition(b"\xff")[2].decode()


@sealed
def test_a_server_tells_where_an_endpoint_of_that_name_is_reached():
    server()
    assert look_up(b"ep=lamp", 1) == (0x45, "")
    ask(SERVER_AT, register(b"lamp", b"coap://10.0.0.1:40000", mid=2))
    ask(SERVER_AT, register(b"lock", b"coap://[2001:db8::1]", mid=3))
    lamp = '</rd/1>;ep="lamp";base="coap://10.0.0.1:40000";rt="core.rd-ep"'
    lock = '</rd/2>;ep="lock";base="coap://[2001:db8::1]:5683";rt="core.rd-ep"'
    found = {
        b"": f"{lamp},{lock}",
        b"ep=lamp": lamp,
        b"ep=lam": "",
        b"ep=lo*": lock,
        b"rt=core.rd-ep": f"{lamp},{lock}",
        b"base=coap://10.0.0.1:40000": lamp,
        b"d=here": "",
    }
    for mid, (query, links) in enumerate(found.items(), 10):
        assert look_up(query, mid) == (0x45, links), query
    assert look_up(b"lamp", 30)[0] == 0x80


@sealed
def test_a_server_that_knows_many_endpoints_tells_them_block_by_block():
    server()
    for number in range(64):
        ask(SERVER_AT, register(b"lamp-%d" % number, b"coap://10.0.0.1:%d" % (40000 + number), mid=number))
    client = BUILD / "peers/root/usr/bin/coap-client-notls"
    command = [client, "-B", str(PATIENCE), f"coap://{SERVER_AT}/rd-lookup/ep?rt=core.rd-ep"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    links = done.stdout.strip().split(",")
    assert len(links) == 64 and len(done.stdout) > 1024
    assert links[-1] == '</rd/64>;ep="lamp-63";base="coap://10.0.0.1:40063";rt="core.rd-ep"'


@sealed
def test_a_server_takes_no_name_that_would_break_out_of_a_link():
    server()
    for mid, name in enumerate((b'a"b', b"a\\b")):
        assert ask(SERVER_AT, register(name, mid=mid))[1] == 0x80


@sealed
def test_a_server_says_who_does_not_answer():
    directory = server()
    assert ask(SERVER_AT, register(b"lamp", b"coap://10.0.0.1:40000"))[1] == 0x41
    directory.process.send_signal(signal.SIGUSR1)
    assert directory.await_line("answer").endswith("no answer lamp")


@sealed
def test_a_server_takes_no_registration_that_it_cannot_read():
    server()
    bad = [b"", b"a b", b"x" * 64, b"\xff"]
    bases = [
        b"coap://",
        b"coap://10.0.0.1:0",
        b"coap://10.0.0.1:70000",
        b"http://10.0.0.1",
        b"coap://[::1",
        b"coap://10.0.0.1:1x",
    ]
    messages = [register(name) for name in bad] + [register(b"lamp", base) for base in bases]
    for number, message in enumerate(messages):
        message = message[:2] + struct.pack("!H", 100 + number) + message[4:]
        assert ask(SERVER_AT, message)[1] == 0x80, message  # 4.00


@sealed
def test_a_server_survives_any_datagram_and_a_flood_of_names():
    directory = server()
    dice = random.Random(7252)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for number in range(2000):
            octets = bytearray(dice.randbytes(dice.choice((0, 1, 3, 4, 9, 60, 200, 1400))))
            if len(octets) > 3 and dice.random() < 0.7:
                octets[0:2] = dice.choice((b"\x40\x02", b"\x41\x01", b"\x60\x45", b"\x50\x04", b"\x70\x00"))
            if len(octets) > 23 and dice.random() < 0.3:
                octets[:17] = b"\x40\x01" + octets[2:4] + b"\xb9rd-lookup\x02ep"
            stranger.sendto(octets, (SERVER_AT, PORT))
            if number % 8 == 0:
                stranger.sendto(register(b"n%d" % number, mid=number), (SERVER_AT, PORT))
    assert ask(SERVER_AT, register(b"last", mid=60000))[1] == 0x41
    assert directory.end()[0] == 0


# --- what they are told ------------------------------------------------------------------------------


def test_a_wrong_option_is_one_line_and_exit_2():
    for program, options, complaint in (
        (DEVICE, ("--prot", "1"), "unknown option '--prot'"),
        (DEVICE, ("--port", "0"), "--port: expected a number from 1 to 65535, got '0'"),
        (DEVICE, ("--port", "56x"), "--port: expected a number from 1 to 65535, got '56x'"),
        (DEVICE, ("--port",), "--port needs a value"),
        (DEVICE, ("--gateway", "home"), "--gateway: expected an IPv4 or IPv6 address, got 'home'"),
        (DEVICE, ("--no-pcp=1",), "--no-pcp takes no value"),
        (SERVER, ("--ack-timeout", "0.2"), "--ack-timeout: expected a number from 1 to 60, got '0.2'"),
        (SERVER, ("hello",), "expected an option, got 'hello'"),
    ):
        code, said = refused(program, *options)
        assert code == 2 and complaint in said and said.count("\n") == 1


def test_help_lists_the_options():
    for program in (DEVICE, SERVER):
        said = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
        assert "--ack-timeout" in said and "usage:" in said

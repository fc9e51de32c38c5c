"""A host, a gateway and an internet in network namespaces, and PCP by hand, for what pinhole-gateway does
in the kernel:

    host d0 --- eth0 gateway eth1 --- s0 internet
    192.168.0.10        .1   11.0.0.1       11.0.0.2, 11.0.0.3
    2001:db8:1::10     ::1   2001:db8:2::1  2001:db8:2::2

`inside_lab(function)` calls function(lab) in a child with namespaces of its own, as an ordinary user too;
nothing is left of them afterwards.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import struct
import subprocess
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWPID = 0x20000, 0x10000000, 0x40000000, 0x20000000
PATIENCE = 5  # seconds that a state may take to come about
SILENCE = 0.3  # seconds after which a datagram is taken not to come
MAP, PEER = 1, 2
UDP = 17
libc = ctypes.CDLL(None, use_errno=True)

SET_UP = """
mount --make-rprivate / && mount -t tmpfs none /run && mkdir -p /run/netns
mount -t proc proc /proc  # of this PID namespace: a sanitized program looks itself up there
for node in host gateway internet; do ip netns add $node; ip -n $node link set lo up; done
ip link add d0 netns host type veth peer name eth0 netns gateway
ip link add s0 netns internet type veth peer name eth1 netns gateway
ip -n host addr add 192.168.0.10/16 dev d0
ip -n host addr add 192.168.0.11/16 dev d0
ip -n host addr add 2001:db8:1::10/64 dev d0 nodad
ip -n gateway addr add 192.168.0.1/16 dev eth0
ip -n gateway addr add 2001:db8:1::1/64 dev eth0 nodad
ip -n gateway addr add 11.0.0.1/24 dev eth1
ip -n gateway addr add 2001:db8:2::1/64 dev eth1 nodad
ip -n internet addr add 11.0.0.2/24 dev s0
ip -n internet addr add 11.0.0.3/24 dev s0
ip -n internet addr add 2001:db8:2::2/64 dev s0 nodad
ip -n host link set d0 up; ip -n internet link set s0 up
ip -n gateway link set eth0 up; ip -n gateway link set eth1 up
ip -n host route add default via 192.168.0.1
ip -n host -6 route add default via 2001:db8:1::1
ip -n internet route add 192.168.0.0/16 via 11.0.0.1
ip -n internet -6 route add default via 2001:db8:2::1
ip -n host route add local 192.168.128.0/17 dev lo
ip netns exec gateway sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
"""


def packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6, address if ":" in address else f"::ffff:{address}")


def shown(octets: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET6, octets).replace("::ffff:", "")


def filter_option(address: str, prefix: int, port: int = 0) -> bytes:
    return struct.pack(">BBHBBH", 3, 0, 20, 0, prefix, port) + packed(address)


class Answer:
    """A PCP response, MAP or PEER."""

    def __init__(self, octets: bytes, source: str):
        self.source = source
        self.octets = octets
        self.opcode = octets[1] & 0x7F
        self.result = octets[3]
        self.lifetime, self.epoch = struct.unpack(">II", octets[4:12])
        if len(octets) >= 60:
            self.port = struct.unpack(">H", octets[42:44])[0]
            self.address = shown(octets[44:60])


class Lab:
    def __init__(self, build: Path):
        self.build = build
        self.gateway: subprocess.Popen | None = None
        self.said: list[str] = []

    @contextlib.contextmanager
    def at(self, node: str) -> Iterator[None]:
        """Sockets made in here are the node's."""
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{node}", os.O_RDONLY)
        enter(there)
        try:
            yield
        finally:
            enter(home)
            os.close(there)
            os.close(home)

    def udp(self, node: str, address: str, port: int = 0) -> socket.socket:
        with self.at(node):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            made = socket.socket(family, socket.SOCK_DGRAM)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((address, port))
        made.settimeout(PATIENCE)
        return made

    @property
    def environment(self) -> dict[str, str]:
        """nft may be the one of the unpacked peers: none needs to be installed."""
        unpacked = self.build / "peers/root/usr/sbin"
        return {**os.environ, "PATH": f"{os.environ['PATH']}:{unpacked}"}

    def run(self, node: str, *command: str) -> str:
        done = subprocess.run(
            ["ip", "netns", "exec", node, *command],
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr or done.returncode}"
        return done.stdout

    def start(self, *arguments: str) -> None:
        command = [self.build / "pinhole-gateway", "--inside", "eth0", "--outside", "eth1"]
        self.gateway = subprocess.Popen(
            ["ip", "netns", "exec", "gateway", *command, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = []
        while not self.said or not self.said[-1].endswith("ready"):
            line = self.gateway.stdout.readline()
            assert line, f"the gateway ended: {self.said}"
            self.said.append(line.rstrip("\n"))

    def kill(self) -> None:
        self.gateway.kill()
        self.gateway.wait()

    def stop(self) -> None:
        self.gateway.terminate()
        assert self.gateway.wait(PATIENCE) == 0

    def ask(
        self,
        opcode: int,
        source: str,
        port: int,
        lifetime: int,
        options: bytes = b"",
        nonce: bytes = b"a" * 12,
        remote: tuple[str, int] | None = None,
        via: socket.socket | None = None,
        protocol: int = UDP,
    ) -> Answer:
        """A MAP or PEER of a port of the host, by its own address."""
        six = ":" in source
        message = struct.pack(">BBHI", 2, opcode, 0, lifetime) + packed(source) + nonce
        message += struct.pack(">B3xHH", protocol, port, 0) + packed("::" if six else "0.0.0.0")
        if remote:
            message += struct.pack(">HH", remote[1], 0) + packed(remote[0])
        with contextlib.nullcontext(via) if via else self.udp("host", source) as asking:
            asking.settimeout(PATIENCE)
            asking.sendto(message + options, ("2001:db8:1::1" if six else "192.168.0.1", 5351))
            octets, sender = asking.recvfrom(1200)
        return Answer(octets, sender[0])

    def map(self, port: int, lifetime: int = 600, source: str = "192.168.0.10", **more) -> Answer:
        return self.ask(MAP, source, port, lifetime, **more)


def enter(namespace: int) -> None:
    if libc.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def received(there: socket.socket, patience: float = PATIENCE) -> tuple[bytes, tuple] | None:
    there.settimeout(patience)
    try:
        return there.recvfrom(2000)
    except TimeoutError:
        return None


def arrives(sender: socket.socket, to: tuple[str, int], receiver: socket.socket) -> bool:
    text = os.urandom(8)
    sender.sendto(text, to)
    got = received(receiver)
    return got is not None and got[0] == text


def is_dropped(sender: socket.socket, to: tuple[str, int], receiver: socket.socket) -> bool:
    sender.sendto(b"unwanted", to)
    return received(receiver, SILENCE) is None


def await_state(holds: Callable[[], bool]) -> bool:
    """Whether something comes to hold within PATIENCE."""
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def leave_the_machine(user: int, group: int) -> None:
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID):
        raise OSError(ctypes.get_errno(), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def child(function: Callable[[Lab], object], build: Path, report: int) -> None:
    try:
        subprocess.run(["sh", "-ec", SET_UP], check=True)
        text = function(Lab(build)) or ""
        os.write(report, b"+" + str(text).encode())
    except BaseException:  # whatever it is, the parent has to hear of it
        os.write(report, b"-" + traceback.format_exc().encode())


def inside_lab(function: Callable[[Lab], object], build: Path) -> str:
    """What function(lab) returns, as text; its failure is an AssertionError here."""
    reading, writing = os.pipe()
    user, group = os.getuid(), os.getgid()
    first = os.fork()
    if first == 0:
        leave_the_machine(user, group)
        # The first process of the new PID namespace: when it ends, the kernel ends all others.
        init = os.fork()
        if init == 0:
            child(function, build, writing)
            os._exit(0)
        os.waitpid(init, 0)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        report = pipe.read().decode()
    os.waitpid(first, 0)
    assert report.startswith("+"), report[1:] or "the lab could not be made"
    return report[1:]

"""How many registrations a second pinhole-lwm2m-server takes, beside a libcoap server that only answers them, and
what a registered device takes of its memory.

The devices are simulated, each with an address of its own on loopback. PCP is left out: it would be asked for at
each registration.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
from pathlib import Path

from benching import Figure, figures

DEVICES = 10000
TIMED = 10000  # registrations, of the same devices again
WINDOW = 64  # registrations outstanding
ROUNDS = 5
FEW = 100


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def command(build: Path, ours: bool, port: int) -> list[str]:
    if ours:
        return [str(build / "pinhole-lwm2m-server"), "--port", str(port), "--pcp", "never"]
    return [str(build / "test/bench_lwm2m_bare"), str(port)]


def resident(pid: int) -> int:
    """The most memory that it had, in octets."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) * 1024


def load(build: Path, ours: bool, devices: int, timed: int) -> tuple[dict[str, float], int]:
    """What the load says, and the most memory that the server had, in octets."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PINHOLE_")}
    log = Path(build, "bench-lwm2m.log")
    with log.open("w") as out:
        server = subprocess.Popen(
            ["stdbuf", "-oL", *command(build, ours, port)], stdout=out, env=environment
        )
    while "ready" not in log.read_text():
        if server.poll() is not None:
            raise RuntimeError("the server ended")
    arguments = [str(n) for n in (port, devices, timed, WINDOW)]
    text = subprocess.check_output([build / "test/bench_lwm2m_load", *arguments], text=True)
    memory = resident(server.pid)
    server.terminate()
    server.wait()
    log.unlink()
    said = json.loads(text)
    if said["success"] != devices + timed:
        raise RuntimeError(f"{devices + timed} registrations were to be taken: {text.strip()}")
    return said, memory


NAMES = ("lwm2m.register.10000", "lwm2m.register.first", "lwm2m.memory")


@figures(*NAMES)
def registrations(build: Path) -> dict[str, Figure]:
    seconds: dict[tuple[str, bool], list[float]] = {}
    memory: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(ROUNDS):
        for ours in (True, False):
            few = load(build, ours, FEW, 0)[1]
            said, many = load(build, ours, DEVICES, TIMED)
            memory[ours].append((many - few) / (DEVICES - FEW))
            for name in ("first", "again"):
                seconds.setdefault((name, ours), []).append(said[name])

    def rate(name: str, ours: bool) -> float:
        return DEVICES / statistics.median(seconds[name, ours])

    peer = f"peer: a libcoap server that answers 2.01 and keeps nothing; {WINDOW} outstanding, median of {ROUNDS}"
    return {
        "lwm2m.register.10000": Figure(
            rate("again", True), rate("again", False), "/s",
            f"registrations with {DEVICES} registered; {peer}", less_is_better=False,
        ),
        "lwm2m.register.first": Figure(
            rate("first", True), rate("first", False), "/s",
            f"first registrations of {DEVICES} devices; {peer}", less_is_better=False,
        ),
        "lwm2m.memory": Figure(
            statistics.median(memory[True]), statistics.median(memory[False]), "octets",
            f"of the program's own memory a registered device; peer: libcoap's session alone, median of {ROUNDS}",
        ),
    }  # fmt: skip

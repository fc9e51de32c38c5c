"""How fast `pinhole check` judges captures, beside tshark and beside reading them and nothing more."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benching import Figure, figures

PACKETS = 1_000_000
ROUNDS = 5
CLIENTS = {"check.rate.libpcap.1000": 1_000, "check.rate.libpcap.100000": 100_000}


def write_capture(build: Path, folder: str, packets: int, clients: int) -> Path:
    path = Path(folder, f"{packets}-{clients}.pcap")
    subprocess.run([build / "test/bench_check", "write", path, str(packets), str(clients)], check=True)
    return path


def check(build: Path, path: Path) -> float:
    """Seconds that the check took; there must be nothing to find."""
    run = subprocess.run(
        [build / "pinhole", "check", "--json", path], capture_output=True, check=True, text=True
    )
    result = json.loads(run.stdout)
    if result["findings"]:
        raise RuntimeError(f"a clean capture gave findings: {result['findings'][0]}")
    return result["seconds"]


def read(build: Path, path: Path) -> float:
    run = subprocess.run(
        [build / "test/bench_check", "read", path], capture_output=True, check=True, text=True
    )
    return json.loads(run.stdout)["seconds"]


def wall(command: list[str | Path]) -> float:
    start = time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.monotonic() - start


@figures("check.rate.tshark")
def beside_tshark(build: Path) -> dict[str, Figure]:
    print("check.rate.tshark: tshark takes a while for a million packets", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=build) as folder:
        path = write_capture(build, folder, PACKETS, 1_000)
        fields = ["-Y", "portcontrol", "-T", "fields", "-e", "frame.number", "-e", "portcontrol.opcode"]
        ours = [wall([build / "pinhole", "check", path]) for _ in range(ROUNDS)]
        peer = wall(["tshark", "-r", path, *fields])
    note = (
        f"packets judged, of {PACKETS} by 1000 clients; median of {ROUNDS} whole runs; "
        "tshark -Y portcontrol -T fields: one run"
    )
    rate = PACKETS / statistics.median(ours)
    return {"check.rate.tshark": Figure(rate, PACKETS / peer, "/s", note, less_is_better=False)}


@figures(*CLIENTS)
def beside_reading(build: Path) -> dict[str, Figure]:
    result = {}
    for name, clients in CLIENTS.items():
        with tempfile.TemporaryDirectory(dir=build) as folder:
            path = write_capture(build, folder, PACKETS, clients)
            read(build, path), check(build, path)  # the file is in memory from here on
            seconds = [(check(build, path), read(build, path)) for _ in range(ROUNDS)]
        ours, bare = (PACKETS / statistics.median(times) for times in zip(*seconds))
        note = (
            f"packets judged, of {PACKETS} by {clients} clients; peer: a bare libpcap loop over the same; "
            f"medians of {ROUNDS} in turn"
        )
        result[name] = Figure(ours, bare, "/s", note, less_is_better=False)
    return result


def memory(build: Path, path: Path) -> int:
    """The most memory that a check had, in octets."""
    command = [build / "pinhole", "check", "--quiet", path]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    status, usage = os.wait4(process.pid, 0)[1:]
    if status != 0:
        raise RuntimeError(f"pinhole check ended with status {status}")
    return usage.ru_maxrss * 1024


@figures("check.memory")
def memory_is_bounded(build: Path) -> dict[str, Figure]:
    clients, times = 50_000, 4
    with tempfile.TemporaryDirectory(dir=build) as folder:
        short = memory(build, write_capture(build, folder, PACKETS, clients))
        long = memory(build, write_capture(build, folder, times * PACKETS, clients))
    note = (
        f"of memory at most, for {times * PACKETS} packets by {clients} clients; "
        f"peer: ours for {PACKETS} packets by as many"
    )
    return {"check.memory": Figure(long, short, "octets", note)}

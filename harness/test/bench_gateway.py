"""How fast pinhole-gateway maps, beside miniupnpd, and what its mappings cost the packets.

Everything runs in namespaces of its own (gateway_lab.py). The gateway keeps its state file all the while.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from benching import Figure, figures
from gateway_lab import Lab, inside_lab

ROOT = Path(__file__).resolve().parents[2]
SERVER, FIRST_HOST = "192.168.0.1", "192.168.128.1"
POOL = [f"11.0.1.{i}" for i in range(1, 31)]  # one address has ports for a third of a second
A_HOST = 30000  # mappings
FIRST = 2000  # number of the first mapping: miniupnpd refuses internal ports below 1024
LIFETIME = 3600
WINDOW = 512  # requests outstanding where there are many clients
ROUNDS = 5
SIZES = {"1": 0, "1000": 1000, "5000": 5000, "50000": 50000}
NEW = 1000  # mappings that are timed, of ours
PEER_SIZES = {"1": (0, 50), "1000": (1000, 30), "5000": (5000, 20)}  # before; timed


def load(lab: Lab, first: int, count: int, window: int) -> dict[str, float]:
    text = lab.run(
        "host", str(lab.build / "test/bench_pcp_load"), SERVER, FIRST_HOST, str(A_HOST),
        str(FIRST + first), str(count), str(window), str(LIFETIME),
    )  # fmt: skip
    done = json.loads(text)
    if done["success"] != count:
        raise RuntimeError(f"{count} requests were to be granted: {text.strip()}")
    return done


def rate(lab: Lab, first: int, count: int, window: int) -> float:
    return count / load(lab, first, count, window)["seconds"]


def start_ours(lab: Lab, *more: str) -> None:
    state = tempfile.mkdtemp(dir="/run")
    lab.start(
        "--mappings", "400000", "--mappings-per-host", "65535", "--state", f"{state}/state", *more
    )  # fmt: skip


def measured(build: Path, function: Callable[[Lab], object]) -> object:
    """What function(lab) returns, from a lab of its own."""
    return json.loads(inside_lab(lambda lab: json.dumps(function(lab)), build))


# --- the limit ---

# What a server that only turns requests into answers does with the same clients, in the same lab: what a
# machine's sockets allow.


def echo(window: int, count: int) -> Callable[[Lab], float]:
    def measure(lab: Lab) -> float:
        server = subprocess.Popen(
            ["ip", "netns", "exec", "gateway", lab.build / "test/bench_pcp_echo"],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        if server.stdout.readline() != "ready\n":
            raise RuntimeError("the echo does not listen")
        answered = rate(lab, 0, count, window)
        server.kill()
        server.wait()
        return answered

    return measure


# --- one request at a time -------------------------------------------------------------------------------


def ours_at(size: int) -> Callable[[Lab], float]:
    def measure(lab: Lab) -> float:
        start_ours(lab, "--external", *POOL)
        if size:
            load(lab, 0, size, WINDOW)
        return rate(lab, size, NEW, 1)

    return measure


def expanded(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", lambda m: values.get(m[1], m[2] or ""), text)


FIREWALL = """
table inet filter {
    chain forward { type filter hook forward priority filter; }
}
"""


def start_miniupnpd(lab: Lab) -> None:
    """As scenarios/peers/miniupnpd.yaml has it."""
    peer = yaml.safe_load((ROOT / "scenarios/peers/miniupnpd.yaml").read_text())
    root = lab.build / "peers/root"
    libraries = ":".join(str(root / f) for f in ("usr/lib", "usr/lib/x86_64-linux-gnu"))
    values = {
        "PINHOLE_INSIDE": "eth0",
        "PINHOLE_OUTSIDE": "eth1",
        "PINHOLE_RUNTIME": "/run",
        "PINHOLE_BUILD": str(lab.build),
        "PINHOLE_PEERS": str(ROOT / "scenarios/peers"),
        "PINHOLE_LIBRARIES": libraries,
    }
    Path("/run/rules.nft").write_text(FIREWALL + expanded(peer["nftables"], values))
    lab.run("gateway", "nft", "-f", "/run/rules.nft")
    for name, text in peer["files"].items():
        Path("/run", name).write_text(expanded(text, values))
    program, *arguments = [expanded(word, values) for word in peer["program"]]
    environment = {k: expanded(v, values) for k, v in peer["environment"].items()}
    subprocess.run(
        ["ip", "netns", "exec", "gateway", lab.build / program, *arguments],
        env={**lab.environment, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    end = time.monotonic() + 10
    while ":5351" not in lab.run("gateway", "ss", "-uln"):
        if time.monotonic() > end:
            raise RuntimeError("miniupnpd does not listen")
        time.sleep(0.01)


def miniupnpd(lab: Lab) -> dict[str, float]:
    start_miniupnpd(lab)
    rates, have = {}, 0
    for name, (size, timed) in PEER_SIZES.items():
        if size > have:
            load(lab, have, size - have, 1)
            have = size
        rates[name] = rate(lab, have, timed, 1)
        have += timed
    return rates


@figures(*(f"gateway.map.create.{name}" for name in SIZES), "gateway.map.create.limit")
def one_at_a_time(build: Path) -> dict[str, Figure]:
    ours: dict[str, list[float]] = {name: [] for name in SIZES}
    print("gateway.map.create: miniupnpd takes minutes for its 5,000 mappings", file=sys.stderr)
    peer = measured(build, miniupnpd)
    limit = []
    for _ in range(ROUNDS):
        for name, size in SIZES.items():
            ours[name].append(measured(build, ours_at(size)))
        limit.append(measured(build, echo(1, NEW)))
    note = f"new MAPs, one outstanding; peer: a server that only sends them back; median of {ROUNDS} times {NEW}"
    result = {
        "gateway.map.create.limit": Figure(
            statistics.median(ours["1"]), statistics.median(limit), "/s", note, less_is_better=False
        )
    }
    for name, size in SIZES.items():
        note = f"new MAPs, one outstanding, beside {size} mappings; median of {ROUNDS} times {NEW}"
        if name in PEER_SIZES:
            note += f"; miniupnpd: {PEER_SIZES[name][1]} beside {PEER_SIZES[name][0]}"
        result[f"gateway.map.create.{name}"] = Figure(
            statistics.median(ours[name]), peer.get(name), "/s", note, less_is_better=False
        )
    return result


# --- many at a time --------------------------------------------------------------------------------------

MANY = 300000


def many(lab: Lab) -> list[float]:
    start_ours(lab, "--external", *POOL)
    created = rate(lab, 0, MANY, WINDOW)
    return [created, rate(lab, 0, MANY, WINDOW)]


@figures("gateway.map.create.many", "gateway.map.renew")
def many_at_a_time(build: Path) -> dict[str, Figure]:
    runs = [[*measured(build, many), measured(build, echo(WINDOW, MANY))] for _ in range(ROUNDS)]
    created, renewed, limit = (statistics.median(rates) for rates in zip(*runs))
    what = (
        f"{MANY} mappings over {len(POOL)} external addresses, {WINDOW} requests outstanding; "
        "peer: a server that only sends requests back"
    )
    return {
        "gateway.map.create.many": Figure(
            created, limit, "/s", f"new MAPs; {what}; median of {ROUNDS}", less_is_better=False
        ),
        "gateway.map.renew": Figure(
            renewed, limit, "/s", f"renewals of the same; {what}", less_is_better=False
        ),
    }


# --- packets ---------------------------------------------------------------------------------------------

PORTS = 10000  # the first of those mapped, inside and outside alike
PACKETS = 200000
REPLIED_FLOWS = 1000
HOST, REMOTE, EXTERNAL, REMOTE_PORT = "192.168.128.1", "11.0.0.2", "11.0.0.1", 20000
FEW, MOST = 10, 50000

COUNTING = """
table ip counting {
    counter arrived { }
    chain arriving { type filter hook prerouting priority raw; ip protocol udp counter name arrived drop; }
}
"""


def flood(lab: Lab, count: int, flows: int, spread: int, out: bool = False) -> float:
    """Sends to the mapped ports, or what they would answer; gives the seconds that it took."""
    node, ends = "internet", [REMOTE, REMOTE_PORT, EXTERNAL, PORTS]
    if out:
        node, ends = "host", [HOST, REMOTE_PORT, REMOTE, PORTS]
    words = [lab.build / "test/bench_gateway_flood", *ends, count, flows, spread]
    return float(lab.run(node, *map(str, words), *(["out"] if out else [])))


def arrived(lab: Lab) -> int:
    listing = json.loads(lab.run("host", "nft", "-j", "list", "counters"))["nftables"]
    return next(entry["counter"]["packets"] for entry in listing if "counter" in entry)


def packets(mappings: int, ports: int, replied: bool) -> Callable[[Lab], float]:
    """Packets a second that arrive at so many of the mapped ports."""

    def measure(lab: Lab) -> float:
        start_ours(lab, "--ports", f"{PORTS}-65535")
        text = lab.run(
            "host", str(lab.build / "test/bench_pcp_load"), SERVER, HOST, "60000",
            str(PORTS - 1), str(mappings), str(min(WINDOW, mappings)), str(LIFETIME),
        )  # fmt: skip
        if json.loads(text)["success"] != mappings:
            raise RuntimeError("not all mappings were granted")
        Path("/run/counting.nft").write_text(COUNTING)
        lab.run("host", "nft", "-f", "/run/counting.nft")
        flows = PACKETS
        if replied:
            flows = REPLIED_FLOWS
            flood(lab, flows, flows, ports)
            flood(lab, flows, flows, ports, out=True)
        before = arrived(lab)
        seconds = flood(lab, PACKETS, flows, ports)
        return (arrived(lab) - before) / seconds

    return measure


# Name of the figure: mapped ports that packets go to with most mappings (with few, to all), replied, text.
DATA_PLANE = {
    "gateway.dataplane.50000": (FEW, False, f"each the first of its flow, to the same {FEW} mapped ports"),
    "gateway.dataplane.50000.replied": (
        FEW,
        True,
        f"of {REPLIED_FLOWS} replied flows, to the same {FEW} mapped ports",
    ),
    "gateway.dataplane.50000.spread": (
        MOST,
        False,
        "each the first of its flow, to all mapped ports in turn",
    ),
}


@figures(*DATA_PLANE)
def data_plane(build: Path) -> dict[str, Figure]:
    result = {}
    for name, (ports, replied, text) in DATA_PLANE.items():
        rates: dict[int, list[float]] = {FEW: [], MOST: []}
        for _ in range(ROUNDS):
            for mappings, seen in rates.items():
                seen.append(measured(build, packets(mappings, min(ports, mappings), replied)))
        few, most = (statistics.median(rates[mappings]) for mappings in (FEW, MOST))
        note = f"packets, {text}; with {MOST} mappings, and (peer) with {FEW}; medians of {ROUNDS} in turn"
        result[name] = Figure(most, few, "/s", note, less_is_better=False)
    return result


# --- memory ----------------------------------------------------------------------------------------------


def resident(mappings: int) -> Callable[[Lab], int]:
    """The most memory that the program had, in octets."""

    def measure(lab: Lab) -> int:
        start_ours(lab, "--external", *POOL)
        load(lab, 0, mappings, min(WINDOW, mappings))
        lab.gateway.terminate()
        return os.wait4(lab.gateway.pid, 0)[2].ru_maxrss * 1024

    return measure


@figures("gateway.memory")
def memory(build: Path) -> dict[str, Figure]:
    few, many_more = (measured(build, resident(mappings)) for mappings in (FEW, FEW + MANY))
    note = f"of the program's own memory a mapping: what {MANY} more of them added"
    return {"gateway.memory": Figure((many_more - few) / MANY, None, "octets", note)}

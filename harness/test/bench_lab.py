"""How fast labs come and go, beside mininet's: stars of nodes, without capture and programs."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from benching import Figure, figures

ROUNDS = 3  # of ours and mininet in turn
OURS_A_ROUND = 5
PACKAGES = ["mininet", "bridge-utils", "net-tools", "cgroup-tools"]


def unpack_mininet(build: Path) -> Path:
    """Fetches mininet's packages and unpacks them below the build folder: nothing is installed."""
    root = build / "bench" / "peers" / "mininet"
    if (root / "usr/bin/mnexec").exists():
        return root
    packages = build / "bench" / "peers" / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    fetched = subprocess.run(
        ["apt-get", "-qq", "download", *PACKAGES], cwd=packages, capture_output=True, text=True
    )
    if fetched.returncode != 0:
        sys.exit(f"bench: can't fetch mininet: {fetched.stderr.strip()} (apt-get update helps?)")
    for package in packages.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, root], check=True)
    return root


def mininet_star(build: Path, hosts: int) -> dict[str, float]:
    """One star of mininet's, in namespaces of its own: it writes /run and /tmp, and stays unseen."""
    root = unpack_mininet(build)
    folders = ["usr/bin", "usr/sbin", "bin", "sbin"]
    environment = dict(os.environ)
    environment["PATH"] = ":".join(
        [*(str(root / f) for f in folders), "/usr/sbin", "/sbin", "/usr/bin", "/bin"]
    )
    environment["PYTHONPATH"] = str(root / "usr/lib/python3/dist-packages")
    script = Path(__file__).parent / "mininet_star.py"
    # -U -r also for root: what it does to the machine's limits is refused.
    command = ["unshare", "-U", "-r", "-m", "-n", "-i", "-u", "-p", "-f", "--mount-proc", "--kill-child"]
    shell = 'mount -t tmpfs none /run && mount -t sysfs none /sys && exec "$@"'
    result = subprocess.run(
        [*command, "sh", "-c", shell, "sh", "/usr/bin/python3", script, str(hosts)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if result.returncode != 0:
        sys.exit(f"bench: mininet failed: {result.stderr.strip()}")
    return json.loads(result.stdout.splitlines()[-1])


def our_star(build: Path, nodes: int, runs: int) -> dict[str, list[float]]:
    result = subprocess.run(
        [build / "test" / "bench_lab", str(nodes), str(runs)], stdout=subprocess.PIPE, text=True
    )
    if result.returncode != 0:
        sys.exit("bench: bench_lab failed")
    return json.loads(result.stdout)


@figures("lab.star100.up", "lab.star100.reap", "lab.star100.freed")
def star_of_100(build: Path) -> dict[str, Figure]:
    ours: dict[str, list[float]] = {"up": [], "reap": [], "freed": []}
    peer: dict[str, list[float]] = {"up": [], "down": []}
    for _ in range(ROUNDS):
        for name, times in our_star(build, 100, OURS_A_ROUND).items():
            ours[name] += times
        for name, time in mininet_star(build, 100).items():
            peer[name].append(time)
    median = {name: statistics.median(times) for name, times in ours.items()}
    down = statistics.median(peer["down"])
    runs = f"medians of {len(ours['up'])} and {ROUNDS} runs in turn"
    return {
        "lab.star100.up": Figure(
            median["up"],
            statistics.median(peer["up"]),
            "s",
            f"100 nodes, from nothing to links up; mininet's with a bridge, without controller; {runs}",
        ),
        "lab.star100.reap": Figure(median["reap"], None, "s", "from kill -9 until no process is left"),
        "lab.star100.freed": Figure(
            median["freed"],
            down,
            "s",
            "from kill -9 until the kernel counts no namespace; mininet: net.stop()",
        ),
    }


@figures("lab.star500.up")
def star_of_500(build: Path) -> dict[str, Figure]:
    times = our_star(build, 500, 5)
    return {
        "lab.star500.up": Figure(
            statistics.median(times["up"]), None, "s", "500 nodes, from nothing to links up"
        )
    }

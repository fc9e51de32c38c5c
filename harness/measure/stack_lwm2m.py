"""The stack of a whole LwM2M device: the deepest that its main thread goes in two lives in a lab, of which one
has NoSec and one DTLS.

In each the device is bootstrapped, registers, maps its port by PCP through a gateway, is read in every format,
discovered, observed, written, written and read in blocks, sends, sleeps and wakes, and takes its leave.

The kernel gives a stack zeroed memory. So the deepest octet that isn't zero tells how far it was used, from where
the kernel put arguments and environment; deeper octets that were left zero, or were never written, are missed. What
libcoap, OpenSSL and libc take below the device's functions counts, and so does the dynamic linker, which runs on the same
stack before them (some 6 KiB) and for the first call of each function. What happens in the last 10 ms does not.
"""

import os
import pathlib
import re
import selectors
import signal
import subprocess
import sys
import time

from sizing import ROOT

sys.path.append(str(ROOT / "harness/test"))

from gateway_lab import Lab, inside_lab  # noqa: E402

SERVER = "11.0.0.2"
BOOTSTRAP_PORT = 5693
KEY = "000102030405060708090a0b0c0d0e0f"
ACCOUNTS = (f"coap://{SERVER}:5683", f"coaps://{SERVER}:5684")
WITHIN = 20  # seconds for what is awaited
LOOK = 0.01  # seconds between two looks at a device that takes its leave
LONG = '"' * 600  # in JSON, where each is two octets, more than a block of 1024

FORMATS = ("tlv", "senml-json", "senml-cbor")
# What the server is told, in this order.
COMMANDS = (
    *(
        (f"read device {path}", "--format", name)
        for path in ("/1/0", "/3/0", "/4/0", "/3303/0", "/26887/0")
        for name in FORMATS
    ),
    *(("read device /3303/0/5700", "--format", name) for name in ("text", "cbor")),
    *((f"discover device {path}",) for path in ("/3", "/3303/0", "/26887/0")),
    ("attributes device /3303/0/5700 pmin=1 pmax=60 gt=30",),
    ("observe device /3303/0/5700",),
    ("composite device /3/0 /1/0 /3303/0/5700",),
    ("write device /3/0/14 +01:00",),
    *((f"write device /3/0/15 {LONG}", "--format", name) for name in FORMATS),
    *(("read device /3/0/15", "--format", name) for name in FORMATS),
    ("execute device /3303/0/5605",),
    ("write device /26887/0 0=600",),
    ("execute device /26887/0/15",),
    ("create device /26887 5=5690 0=600",),
    ("delete device /26887/1",),
    ("cancel device /3303/0/5700",),
)


class Program:
    """A program in a node of the lab, and the lines that it prints."""

    def __init__(self, lab: Lab, node: str, *command: object):
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", node, *map(str, command)],
            env={"PATH": lab.environment["PATH"]},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.said = ""
        self.seen = 0
        self.output = selectors.DefaultSelector()
        self.output.register(self.process.stdout, selectors.EVENT_READ)

    def await_line(self, pattern: str) -> None:
        """The next line that matches; those before it are passed over."""
        until = time.monotonic() + WITHIN
        while not (match := re.compile(pattern).search(self.said, self.seen)):
            ready = self.output.select(max(until - time.monotonic(), 0))
            octets = os.read(self.process.stdout.fileno(), 1 << 16) if ready else b""
            assert octets, f"{self.process.args[4]} did not say '{pattern}' but: {self.said}"
            self.said += octets.decode()
        self.seen = match.end()


def deepest(pid: int) -> int:
    """Octets of its stack that a process has used until now; 0 once it has ended."""
    try:
        places = pathlib.Path(f"/proc/{pid}/maps").read_text()
        facts = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        (start, end) = re.search(r"^(\w+)-(\w+) .*\[stack\]$", places, re.MULTILINE).groups()
        with open(f"/proc/{pid}/mem", "rb", 0) as memory:
            memory.seek(int(start, 16))
            used = memory.read(int(end, 16) - int(start, 16)).lstrip(b"\0")
    except (OSError, AttributeError):
        return 0
    begin = int(facts[25])  # proc(5): startstack, the 28th
    return begin - (int(end, 16) - len(used))


def live(lab: Lab, image: pathlib.Path, account: str) -> int:
    """One life of the device, whose server is at account."""
    lab.start()
    program, control = lab.build / "pinhole-lwm2m-server", "/run/control"
    server = Program(lab, "internet", program, "--psk", f"device:{KEY}", "--control", control)
    server.await_line("ready port")
    bootstrap = Program(
        lab, "internet", lab.build / "pinhole-lwm2m-bootstrap", "--port", BOOTSTRAP_PORT,
        "--give-server", account, "--give-identity", "device", "--give-key", KEY,
    )  # fmt: skip
    bootstrap.await_line("ready port")
    device = Program(
        lab, "host", image, "--endpoint", "device", "--lwm2m", "1.1",
        "--bootstrap", f"coap://{SERVER}:{BOOTSTRAP_PORT}",
    )  # fmt: skip
    server.await_line("pcp device seen from its mapping")
    for command, *options in COMMANDS:
        lab.run("internet", str(program), "--control", control, "--tell", command, *options)
    device.process.send_signal(signal.SIGUSR1)
    server.await_line("sent device")
    for state in ("asleep", "awake"):
        device.process.send_signal(signal.SIGUSR2)
        device.await_line(state)
    # The mapping's deletion, which comes last, is not answered: so there is time to look.
    lab.gateway.send_signal(signal.SIGSTOP)
    device.process.terminate()
    used = 0
    while device.process.poll() is None:
        used = max(used, deepest(device.process.pid))
        time.sleep(LOOK)
    server.await_line("deregistered device")
    assert device.process.returncode == 0, device.said
    return used


def measure(image: pathlib.Path, build: pathlib.Path) -> int:
    """The octets, of the deeper life; AssertionError with the reason where there can't be a lab."""
    return max(
        int(inside_lab(lambda lab: live(lab, image, account), build.resolve())) for account in ACCOUNTS
    )

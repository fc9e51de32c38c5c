"""What the tests of the runs share: pinhole as a user calls it, and tshark as a judge that shares no code
with it."""

import functools
import json
import os
import pathlib
import re
import subprocess

import jsonschema
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCENARIOS = ROOT / "scenarios"
BUILD = pathlib.Path(os.environ.get("PINHOLE_BUILD", ROOT / "build"))
PINHOLE = BUILD / "pinhole"
PATIENCE = 120  # seconds after which a command hangs; no test rests on it


# What the tests look at in a packet: our name and tshark's. A quoted packet inside an ICMP error doesn't
# count: only a field's first occurrence does.
FIELDS = {
    "frame": "frame.number",
    "time": "frame.time_epoch",
    "at": "frame.interface_name",
    "source": "ip.src",
    "destination": "ip.dst",
    "source6": "ipv6.src",
    "destination6": "ipv6.dst",
    "source_port": "udp.srcport",
    "destination_port": "udp.dstport",
    "payload": "udp.payload",
    "udp_checksum": "udp.checksum.status",
    "ip_checksum": "ip.checksum.status",
    "icmp": "icmp.type",
    "coap": "coap.code",
    "token": "coap.token",
    "query": "coap.opt.uri_query",
    "pcp_version": "portcontrol.version",
    "pcp_response": "portcontrol.r",
    "pcp_opcode": "portcontrol.opcode",
    "pcp_result": "portcontrol.result_code",
    "pcp_client": "portcontrol.client_ip",
    "pcp_external_port": "portcontrol.map.rsp_assigned_external_port",
}
GRANTED = {"pcp_response": "1", "pcp_opcode": "1", "pcp_result": "0"}
BAD_CHECKSUM = "0"
GET, POST, CREATED, CONTENT = "1", "2", "65", "69"  # codes of CoAP


SCHEMAS = {path.name: json.loads(path.read_text()) for path in (ROOT / "reports/schemas").glob("*.json")}


def validate(name, document):
    """Holds a document against a schema of ours, such as "test"."""
    resolver = jsonschema.RefResolver("", {}, store=SCHEMAS)
    jsonschema.Draft202012Validator(SCHEMAS[f"{name}.schema.json"], resolver=resolver).validate(document)


def coap_path(segments):
    """The path that tshark's Uri-Path options make; "" without any."""
    return "/" + segments.replace(",", "/") if segments else ""


class Run:
    """A run that is over: what the command said and what its folder holds."""

    fields = FIELDS
    occurrence = "f"  # of a field that is there several times: the first; "a": all

    def __init__(self, process, folder):
        self.folder = pathlib.Path(folder)
        self.out, self.err = process.communicate(timeout=PATIENCE)
        self.code = process.returncode

    def read(self, name):
        return json.loads((self.folder / name).read_text())

    @property
    def result(self):
        return self.read("result.json")

    def expectation(self, name):
        return next(e for e in self.result["expectations"] if e["name"] == name)

    def failed(self):
        return [e["name"] for e in self.result["expectations"] if e["verdict"] == "fail"]

    @functools.cached_property
    def packets(self):
        """What tshark sees: a dictionary for each packet, all its values texts."""
        command = ["tshark", "-r", self.folder / "lab.pcapng"]
        command += ["-T", "fields", "-E", f"occurrence={self.occurrence}"]
        command += ["-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
        command += [word for field in self.fields.values() for word in ("-e", field)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        packets = [dict(zip(self.fields, line.split("\t"))) for line in done.stdout.splitlines()]
        for packet in packets:
            self.complete(packet)
        return packets

    def complete(self, packet):
        """Says of a packet what tshark has no field for."""

    def where(self, **wanted):
        """The packets whose values are those wanted."""
        return [p for p in self.packets if all(p[key] == value for key, value in wanted.items())]

    def assert_holds(self):
        assert (self.code, self.failed(), self.crashed()) == (0, [], []), self.out + self.err
        assert self.result["verdict"] == "pass"

    def crashed(self):
        return [crash["program"] for crash in self.result["crashes"]]

    def log(self, name):
        return (self.folder / "logs" / f"{name}.log").read_text()


def begin(scenario, folder, *arguments, pinhole=PINHOLE, **options):
    command = [pinhole, "run", scenario, "--out", folder, *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, **options
    )


def run(scenario, folder, *arguments, **options):
    return Run(begin(scenario, folder, *arguments, **options), folder)


def variants_of(scenario, names):
    """For run_all(): the scenario itself, as None, and its variants."""
    return {name: [scenario, *(["--variant", name] if name else [])] for name in names}


def run_all(folder, table, kind=Run):
    """Runs side by side what a table names: for each a scenario and arguments."""
    begun = {}
    for name, (scenario, *arguments) in table.items():
        out = folder / re.sub(r"\W+", "-", name or "itself")
        begun[name] = (begin(SCENARIOS / scenario, out, *arguments), out)
    return {name: kind(process, out) for name, (process, out) in begun.items()}


# All that the project's own scenarios can show. Labs don't disturb each other: they run side by side.
SHOWN = {
    "home": ["home.yaml"],
    "home without PCP": ["home.yaml", "--variant", "without-pcp"],
    "home, other port": ["home.yaml", "--variant", "other-port"],
    "home, libtorrent": ["home.yaml", "--peer", "device=libtorrent"],
    "home, natpmpc": ["home.yaml", "--peer", "device=natpmpc"],
    "cgn": ["cgn.yaml"],
    "nested": ["nested.yaml"],
    "nested without proxy": ["nested.yaml", "--variant", "without-proxy"],
    "nested, restart": ["nested.yaml", "--variant", "restart"],
    "nested, refused": ["nested.yaml", "--variant", "refused"],
    "nested, silent": ["nested.yaml", "--variant", "silent"],
    "firewall6": ["firewall6.yaml"],
}


@pytest.fixture(scope="session")
def shown(tmp_path_factory):
    return run_all(tmp_path_factory.mktemp("runs"), SHOWN)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for the marks
def pytest_collection_modifyitems(items):
    """Where several processes share the tests, one gets all that look at these runs: else each makes them."""
    for item in items:
        if "shown" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("shown"))


HOME_OF_TWO = """
name: two
description: two nodes on one network
networks:
  lan: { ipv4: 10.1.0.0/24 }
nodes:
  left: {}
  right: {}
links:
  - { node: left, network: lan, interface: eth0, addresses: [10.1.0.1] }
  - { node: right, network: lan, interface: eth0, addresses: [10.1.0.2] }
"""


@pytest.fixture
def two(tmp_path):
    """Runs a scenario of two nodes, `left` and `right`, and peers written by the test."""

    def run_two(rest, peers=None, *arguments, **options):
        (tmp_path / "peers").mkdir(exist_ok=True)
        for name, text in (peers or {}).items():
            (tmp_path / "peers" / f"{name}.yaml").write_text(text)
        scenario = tmp_path / "two.yaml"
        scenario.write_text(HOME_OF_TWO + rest)
        return run(scenario, tmp_path / "out", *arguments, **options)

    return run_two

"""Bad input of pinhole run: one line that names file and line, exit 2, nothing started."""

import shutil

import pytest

from conftest import BUILD, SCENARIOS, run

HOME = (SCENARIOS / "home.yaml").read_text()

# What to replace in home.yaml (its first occurrence), by what, which text stands on the line complained of,
# and what the complaint says.
FAULTS = {
    "an unknown key": ("name: home\n", "name: home\ncolour: red\n", "colour: red", "colour"),
    "an escape sequence": ("name: home\n", 'name: "\\e[2Jhome"\n', "2Jhome", "control character"),
    "an unknown key of a node": ("server: {}", "server: { foward: true }", "foward", "foward"),
    "an unknown key of a step": ("- start: server", "- begin: server", "begin: server", "begin"),
    "a link to a missing node": (
        "{ node: server, network",
        "{ node: serfer, network",
        "serfer",
        "serfer",
    ),
    "a link to a missing network": (
        "{ node: server, network: internet",
        "{ node: server, network: intranet",
        "intranet",
        "intranet",
    ),
    "an address twice": ("[11.0.0.2]", "[11.0.0.1]", "[11.0.0.1] }\n\nprograms", "11.0.0.1"),
    "an overlapping network": (
        "internet: { ipv4: 11.0.0.0/24 }",
        "internet: { ipv4: 192.168.1.128/25 }",
        "192.168.1.128",
        "overlap",
    ),
    "a program on a missing node": ("node: server\n", "node: nowhere\n", "nowhere", "nowhere"),
    "a missing peer": (
        "peer: miniupnpd",
        "peer: maxiupnpd",
        "maxiupnpd",
        "known for role gateway: miniupnpd",
    ),
    "a missing peer's variant": (
        "peer: coap-server",
        "peer: coap-server:huge",
        "coap-server:huge",
        "no variant 'huge'",
    ),
    "a fact that nobody knows": (
        "PINHOLE_INSIDE: eth0",
        "PINHOLE_INSIDE: '${NOBODY}'",
        "NOBODY",
        "nothing is known of '${NOBODY}'",
    ),
    "a step of a missing program": (
        "- start: server",
        "- start: serfer",
        "serfer",
        "no program 'serfer'",
    ),
    "a step before its program's start": (
        "  - start: gateway\n",
        "  - stop: gateway\n  - start: gateway\n",
        "stop: gateway",
        "not started",
    ),
    "two steps in one": (
        "- start: server",
        "- { start: server, stop: server }",
        "stop: server }",
        "'start' and 'stop'",
    ),
    "a wait without a reason": (
        ", why: the gateway forgets an idle UDP flow after 2 s",
        "",
        "pass: { for: 3s }",
        "why",
    ),
    "a duration without a unit": ("for: 3s", "for: 3", "for: 3,", "3"),
    "a signal that isn't one": ("signal: USR1", "signal: USR9", "USR9", "USR9"),
    "a pattern that isn't one": (
        "line: registered",
        "line: (registered",
        "(registered",
        "regular expression",
    ),
    "an expectation of an unknown protocol": ("see: pcp", "see: bgp", None, "bgp"),
    "an expectation of an unknown field": (
        "kind: response, opcode: MAP",
        "kind: response, opcod: MAP",
        "opcod:",
        "opcod",
    ),
    "an expectation at a missing interface": (
        "at: server:eth0",
        "at: server:eth7",
        "server:eth7",
        "server:eth7",
    ),
    "a reference to nothing": (
        "${mapping.external-address}",
        "${maping.external-address}",
        "maping",
        "maping",
    ),
    "a condition on a missing program": (
        "when: { device: coap }",
        "when: { devise: coap }",
        "devise",
        "no program 'devise'",
    ),
    "a condition on an unknown protocol": (
        "when: { device: coap }",
        "when: { device: ftp }",
        "ftp",
        "expected one of pcp, natpmp, coap",
    ),
    "a requirement accepted that isn't one": (
        "expect:\n",
        "accept: { 6887-99.9-01: why not }\nexpect:\n",
        "6887-99.9-01",
        "no requirement '6887-99.9-01'",
    ),
    "no description of steps": ("steps:\n", "stages:\n", "stages:", "stages"),
}


def line_of(text, wanted):
    return text[: text.index(wanted)].count("\n") + 1


@pytest.mark.parametrize("fault", FAULTS)
def test_of_a_bad_scenario_one_line_tells_file_and_line(fault, tmp_path):
    old, new, place, complaint = FAULTS[fault]
    assert old in HOME
    text = HOME.replace(old, new, 1)
    scenario = tmp_path / "bad.yaml"
    scenario.write_text(text)
    done = run(scenario, tmp_path / "out")
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert complaint in done.err
    assert done.err.startswith(f"{scenario}:")
    if place:
        assert done.err.startswith(f"{scenario}:{line_of(text, place)}: ")
    assert not (tmp_path / "out").exists()


PEER = """
name: thing
role: thing
program: [/bin/true]
"""
BAD_PEERS = {
    "an unknown key": ("role: thing", "role: thing\ncolour: red", 4, "colour"),
    "another role": ("role: thing", "role: other", None, "has the role other, expected thing"),
    "no program": ("program: [/bin/true]", "speaks: []", None, "program"),
    "a program without a path": ("[/bin/true]", "[]", 4, "expected the program's path"),
    "a program that isn't there": (
        "/bin/true",
        "/bin/untrue",
        4,
        "program 'thing' not found: /bin/untrue",
    ),
    "a program that can't be run": ("/bin/true", "/etc/passwd", 4, "Permission denied"),
    "two ways to be ready": (
        "role: thing",
        "role: thing\nready: { udp: 1, tcp: 2 }",
        4,
        "expected one of udp",
    ),
    "an unknown protocol": ("role: thing", "role: thing\nspeaks: [ftp]", 4, "expected one of pcp"),
    "a file outside its folder": (
        "role: thing",
        "role: thing\nfiles: { ../x: y }",
        4,
        "without '/'",
    ),
    "a fact that nobody knows": (
        "/bin/true",
        '"${NOBODY}/true"',
        4,
        "nothing is known of '${NOBODY}'",
    ),
    "a fact without an end": ("/bin/true", '"${NOBODY"', 4, "lacks its '}'"),
}


@pytest.mark.parametrize("fault", BAD_PEERS)
def test_of_a_bad_peer_file_one_line_tells_file_and_line(fault, two, tmp_path):
    old, new, line, complaint = BAD_PEERS[fault]
    done = two(
        "programs: { it: { node: left, role: thing, peer: thing } }\nsteps: []\nexpect: []\n",
        {"thing": PEER.replace(old, new)},
    )
    place = f"{tmp_path}/peers/thing.yaml:{line}: " if line else str(tmp_path)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(place) and complaint in done.err
    assert not (tmp_path / "out").exists()


def test_a_probe_through_a_mapping_that_nobody_awaited_is_refused(two):
    done = two(
        "programs: { it: { node: left, role: thing, peer: thing } }\n"
        "steps: [{ start: it }, { probe: { from: left, through: it } }]\nexpect: []\n",
        {"thing": PEER},
    )
    assert (done.code, done.out) == (2, "")
    assert "no mapping of 'it' is awaited by then" in done.err


@pytest.mark.parametrize(
    "missing, key, kind",
    [("peers/root/usr/sbin/miniupnpd", "needs:", "file"), ("pinhole-device", "program:", "program")],
)
def test_a_missing_program_is_told_with_its_peer_s_file_and_line(missing, key, kind, tmp_path):
    """A build folder in which everything is there but one program."""
    build = tmp_path / "build"
    shutil.copytree(
        BUILD,
        build,
        symlinks=True,
        ignore=shutil.ignore_patterns("obj", "test", "lib*.a", "*.pcapng"),
    )
    (build / missing).unlink()
    peers = tmp_path / "scenarios" / "peers"
    shutil.copytree(SCENARIOS / "peers", peers)
    scenario = tmp_path / "scenarios" / "home.yaml"
    scenario.write_text(HOME)
    done = run(scenario, tmp_path / "out", pinhole=build / "pinhole")
    file = "miniupnpd.yaml" if "miniupnpd" in missing else "reference-device.yaml"
    line = line_of((peers / file).read_text(), key)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"{peers / file}:{line}: {kind} '")
    assert "not found" in done.err and missing in done.err and "; make " in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "text", ["", "\n\n", "- 1\n", "name: [\n", "\0\1\2", "name: x\n" * 3, "a: &a [*a]\n"]
)
def test_what_is_no_scenario_at_all_is_refused(text, tmp_path):
    scenario = tmp_path / "bad.yaml"
    scenario.write_text(text)
    done = run(scenario, tmp_path / "out")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert str(scenario) in done.err


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (
            ["--peer", "device=nobody"],
            "unknown peer 'nobody'; known for role device: libcoap-server, libtorrent, natpmpc, reference",
        ),
        (["--peer", "device=miniupnpd"], "has the role gateway, expected device"),
        (["--peer", "toaster=reference"], "expected ROLE=NAME with a role of"),
        (["--peer", "../device"], "expected ROLE=NAME"),
        (["--variant", "huge"], "unknown variant 'huge'"),
        (["--seed", "-1"], "expected a number from 0"),
        (["--seed"], "expected a value"),
        (["--colour"], "unknown option"),
        (["more.yaml"], "expected one scenario file"),
    ],
)
def test_bad_arguments_are_refused_by_one_line(arguments, complaint, tmp_path):
    done = run(SCENARIOS / "home.yaml", tmp_path / "out", *arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert complaint in done.err
    assert not (tmp_path / "out").exists()


def test_a_folder_with_somebody_s_files_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    done = run(SCENARIOS / "home.yaml", tmp_path)
    assert (done.code, done.out) == (2, "")
    assert "thesis.txt" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "out").write_text("")
    done = run(SCENARIOS / "home.yaml", tmp_path / "out")
    assert done.code == 2 and "Not a directory" in done.err

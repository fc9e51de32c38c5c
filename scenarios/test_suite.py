"""pinhole test: verdicts on a peer, in the forms that people and machines read."""

import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from conftest import BUILD, PATIENCE, PINHOLE, SCENARIOS, validate

SOME = "gateway.7.2*"  # a part of the suite that is soon done
GOOD, SHORT, HARNESS, NOTHING = 0, 1, 2, 4


def call(*arguments):
    return subprocess.run([PINHOLE, *arguments], capture_output=True, text=True, timeout=PATIENCE)


def suite(folder, peer, *arguments):
    """The report of a run, and what the command said."""
    path = folder / "report.json"
    done = call("test", peer, "--out", folder / "out", "--json", path, "--seed", "1", *arguments)
    return json.loads(path.read_text()), done


def verdicts(report):
    return {result["id"]: result["verdict"] for result in report["cases"]}


@pytest.fixture(scope="module")
def flawed(tmp_path_factory):
    """A gateway that is wrong about one thing, which a case tells."""
    folder = tmp_path_factory.mktemp("flawed")
    report, done = suite(folder, "reference", "--filter", SOME, "--defect", "answers-in-version-1")
    return folder / "report.json", report, done


@pytest.mark.xdist_group("whole suites")
@pytest.mark.parametrize("role", ["gateway", "device", "proxy"])
def test_the_reference_passes_every_case_of_its_role(tmp_path, role):
    report, done = suite(tmp_path, "reference", "--role", role)
    short = [r for r in report["cases"] if r["verdict"] not in ("pass", "info")]
    assert short == [], done.stdout
    assert done.returncode == GOOD
    validate("test", report)


def test_a_failure_tells_section_octets_frames_and_how_to_repeat_it(flawed):
    _, report, done = flawed
    assert done.returncode == SHORT
    validate("test", report)
    failed = next(r for r in report["cases"] if r["verdict"] == "fail" and r["id"].startswith("gateway"))
    assert failed["section"].startswith("7")
    assert failed["frames"] and failed["expected"] and failed["actual"]
    assert failed["rerun"] in done.stdout
    assert str(failed["frames"][0]) in done.stdout
    again = subprocess.run(failed["rerun"], shell=True, capture_output=True, text=True, timeout=PATIENCE)
    assert again.returncode == SHORT
    assert failed["actual"] in again.stdout


def test_the_frames_of_a_failure_are_those_of_its_capture(flawed):
    _, report, _ = flawed
    failed = next(r for r in report["cases"] if r["verdict"] == "fail" and r["id"].startswith("gateway"))
    wanted = " || ".join(f"frame.number == {frame}" for frame in failed["frames"])
    done = subprocess.run(
        ["tshark", "-r", failed["capture"], "-Y", wanted, "-T", "fields", "-e", "udp.port"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = done.stdout.split()
    assert len(rows) == len(failed["frames"])
    assert all("5351" in row for row in rows)


def test_the_report_stays_beside_its_captures(flawed):
    path, report, _ = flawed
    assert json.loads((path.parent / "out/report.json").read_text()) == report


def test_quiet_says_nothing(tmp_path):
    done = call("test", "reference", "--filter", SOME, "--out", tmp_path / "out", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (GOOD, "", "")


def test_two_runs_with_one_seed_come_to_the_same(tmp_path):
    reports = [suite(tmp_path / name, "reference", "--filter", SOME)[0] for name in ("a", "b")]
    assert verdicts(reports[0]) == verdicts(reports[1])


# --- shards ------------------------------------------------------------------------------------------------


def test_merged_shards_are_the_whole(tmp_path):
    whole, _ = suite(tmp_path / "whole", "reference", "--filter", SOME)
    parts = []
    for i in (1, 2, 3):
        report, _ = suite(tmp_path / str(i), "reference", "--filter", SOME, "--shard", f"{i}/3")
        assert 0 < len(report["cases"]) < len(whole["cases"])
        parts.append(tmp_path / str(i) / "report.json")
    done = call("merge", *parts, "--json", tmp_path / "merged.json", "--quiet")
    merged = json.loads((tmp_path / "merged.json").read_text())
    assert done.returncode == GOOD
    assert verdicts(merged) == verdicts(whole)
    assert merged["summary"] == whole["summary"]
    validate("test", merged)


def test_a_report_is_merged_once(flawed):
    path, _, _ = flawed
    done = call("merge", path, path)
    assert done.returncode == HARNESS
    assert "has been reported already" in done.stderr


def test_reports_of_other_peers_are_not_merged(flawed, tmp_path):
    path, report, _ = flawed
    other = {**report, "peer": {**report["peer"], "version": "another"}, "cases": []}
    (tmp_path / "other.json").write_text(json.dumps(other))
    done = call("merge", path, tmp_path / "other.json")
    assert done.returncode == HARNESS
    assert "another suite, peer or version" in done.stderr


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"suite": 1}', '{"suite":"s","peer":{"name":"n","version":"v","role":"r"},'
             '"seed":1,"seconds":1,"cases":[{}]}'],
)  # fmt: skip
def test_what_is_no_report_is_said_to_be_none(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    done = call("merge", tmp_path / "x.json")
    assert done.returncode == HARNESS
    assert done.stderr.startswith(f"pinhole merge: {tmp_path}/x.json:")
    assert len(done.stderr.splitlines()) == 1


# --- known failures ----------------------------------------------------------------------------------------


def test_known_failures_are_told_from_new_ones(flawed, tmp_path):
    path, report, _ = flawed
    failed = [r["id"] for r in report["cases"] if r["verdict"] == "fail"]
    assert len(failed) > 1
    (tmp_path / "known").write_text(f"# what we know\n\n{failed[0]}  # why\n")
    done = call("merge", path, "--expect", tmp_path / "known", "--json", tmp_path / "out.json")
    told = {r["id"]: r.get("expectation") for r in json.loads((tmp_path / "out.json").read_text())["cases"]}
    assert told[failed[0]] == "known failure"
    assert all(told[name] == "new failure" for name in failed[1:])
    assert f"{failed[1]} (new failure)" in done.stdout
    assert done.returncode == SHORT


def test_only_known_failures_are_good(flawed, tmp_path):
    path, report, _ = flawed
    failed = [r["id"] for r in report["cases"] if r["verdict"] == "fail"]
    (tmp_path / "known").write_text("\n".join(failed))
    assert call("merge", path, "--expect", tmp_path / "known").returncode == GOOD


def test_an_unexpected_pass_is_told(flawed, tmp_path):
    path, report, _ = flawed
    passed = next(r["id"] for r in report["cases"] if r["verdict"] == "pass")
    failed = [r["id"] for r in report["cases"] if r["verdict"] == "fail"]
    (tmp_path / "known").write_text("\n".join([*failed, passed]))
    done = call("merge", path, "--expect", tmp_path / "known")
    assert f"{passed} (unexpected pass" in done.stdout
    assert done.returncode == GOOD


def test_a_known_failure_of_no_case_is_refused(flawed, tmp_path):
    path, _, _ = flawed
    (tmp_path / "known").write_text("# one\ngateway.7.2.renamed-since\n")
    done = call("merge", path, "--expect", tmp_path / "known")
    assert done.returncode == HARNESS
    assert f"{tmp_path}/known:2: expected the id of one case or rule, got 'gateway.7.2.renamed-since'" in done.stderr


# --- forms for machines ------------------------------------------------------------------------------------


def test_junit_counts_and_names_what_the_report_has(flawed, tmp_path):
    path, report, _ = flawed
    call("merge", path, "--junit", tmp_path / "junit.xml", "--quiet")
    root = ElementTree.parse(tmp_path / "junit.xml").getroot().find("testsuite")
    assert int(root.get("tests")) == len(report["cases"]) == len(root.findall("testcase"))
    failures = {case.get("name") for case in root.findall("testcase") if case.find("failure") is not None}
    assert failures == {r["id"] for r in report["cases"] if r["verdict"] == "fail"}
    assert int(root.get("failures")) == len(failures)


def test_junit_escapes_what_a_peer_may_say(flawed, tmp_path):
    path, report, _ = flawed
    hostile = json.loads(path.read_text())
    failed = next(r for r in hostile["cases"] if r["verdict"] == "fail")
    failed["actual"] = "<]]>&\"'\x01\x1b[31m"
    (tmp_path / "hostile.json").write_text(json.dumps(hostile))
    call("merge", tmp_path / "hostile.json", "--junit", tmp_path / "junit.xml", "--quiet")
    root = ElementTree.parse(tmp_path / "junit.xml").getroot()
    messages = [f.get("message") for f in root.iter("failure")]
    assert any("<]]>&\"'??[31m" in message for message in messages)


def test_tap_has_a_line_for_each_case_and_nothing_else(flawed):
    path, report, _ = flawed
    lines = call("merge", path, "--tap").stdout.splitlines()
    assert lines[0] == "TAP version 14"
    assert lines[1] == f"1..{len(report['cases'])}"
    points = [line for line in lines[2:] if line.startswith(("ok ", "not ok "))]
    assert len(points) == len(report["cases"])
    bad = sum(line.startswith("not ok") for line in points)
    assert bad == sum(r["verdict"] == "fail" for r in report["cases"])
    assert all(line.startswith(("ok ", "not ok ", "  ")) for line in lines[2:])


# --- what is chosen, and what is refused ---------------------------------------------------------------------


def test_quick_says_what_it_left_out(tmp_path):
    report, _ = suite(tmp_path, "miniupnpd", "--quick", "--real-time", "--filter", "gateway.7.2.a-mapping-lives*")
    assert [(r["verdict"], r["actual"]) for r in report["cases"] if r["id"].startswith("gateway")] == [
        ("skip", "--quick leaves out what takes over 10 s")
    ]


@pytest.mark.parametrize(
    "arguments, line, code",
    [
        (["nobody"], "'nobody'", HARNESS),
        (["reference", "--role", "king"], "--role king: expected gateway, device or proxy", HARNESS),
        (["reference", "--filter", "nothing*"], "no case of role gateway is named nothing*", NOTHING),
        (["reference", "--shard", "3/2"], "--shard: expected I/N with I from 1 to N, got '3/2'", HARNESS),
        (["reference", "--shard", "1"], "--shard: expected I/N with I from 1 to N, got '1'", HARNESS),
        (["reference", "--jobs", "0"], "--jobs: expected a number from 1 to 64, got '0'", HARNESS),
        (["reference", "--json"], "--json: expected a value behind it", HARNESS),
        (["reference", "--colour"], "unknown option '--colour'", HARNESS),
        ([], "expected one peer", HARNESS),
        (["reference", "miniupnpd"], "expected one peer", HARNESS),
        (["reference", "--defect", "none-such"], "--defect none-such: `pinhole list defects` tells", HARNESS),
        (["reference", "--judging", "6887-7.2-07,6887-0"], "--judging 6887-7.2-07,6887-0: expected ids", HARNESS),
        (["reference", "--expect", "/nowhere"], "--expect /nowhere: No such file or directory", HARNESS),
        (["reference", "--out="], "--out: expected the name of a folder", HARNESS),
    ],
)
def test_what_can_not_be_done_is_said_in_one_line(tmp_path, arguments, line, code):
    done = call("test", *arguments)
    assert done.returncode == code
    assert line in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_report_that_can_not_be_written_is_no_success(tmp_path):
    done = call(
        "test", "reference", "--filter", "gateway.7.2.responses-say*", "--out", tmp_path / "out",
        "--json", tmp_path / "missing/report.json",
    )  # fmt: skip
    assert done.returncode == HARNESS
    assert f"{tmp_path}/missing/report.json can't be written" in done.stderr


def peer_file(folder, program, ready="{ line: there }", more=""):
    path = folder / "peer.yaml"
    path.write_text(
        "name: odd\nrole: gateway\ndescription: one that is no gateway\nspeaks: [pcp]\n"
        f"program: {program}\nready: {ready}\n{more}"
    )
    return path


def test_a_peer_that_dies_is_told_as_such(tmp_path):
    peer = peer_file(tmp_path, "[/bin/sh, -c, 'echo there; read nothing']")
    report, done = suite(tmp_path, peer, "--filter", "gateway.7.2.responses-say*")
    assert done.returncode != GOOD
    assert all(r["verdict"] in ("fail", "error") for r in report["cases"] if r["id"].startswith("gateway"))


@pytest.mark.parametrize("known", [False, True])
def test_a_crash_at_the_end_of_a_case_fails_it_unless_it_is_known(tmp_path, known):
    """By our own gateway, which passes the case, under a shell that dies when it is told to end."""
    ours = (SCENARIOS / "peers/reference-gateway.yaml").read_text()
    start = "program: [pinhole-gateway,"
    program = """program: [/bin/sh, -c, 'trap "kill -ABRT $$" TERM; pinhole-gateway "$@" & wait', sh,"""
    assert start in ours
    peer = tmp_path / "peer.yaml"
    peer.write_text(ours.replace(start, program) + ("crashes: its author knows\n" * known))
    report, done = suite(tmp_path, peer, "--filter", "gateway.7.2.responses-bear*")
    cases = [r for r in report["cases"] if r["id"].startswith("gateway")]
    assert done.returncode == (GOOD if known else SHORT)
    assert {r["verdict"] for r in cases} == {"pass" if known else "fail"}
    told = "the peer died of SIGABRT while it was being stopped"
    assert known or {(r["expected"], r["actual"]) for r in cases} == {("the peer doesn't crash", told)}


@pytest.mark.parametrize(
    "program, ready, verdict, actual",
    [
        ("[/bin/sleep, '1000']", "{ udp: 5351, within: 1s }", "fail", "awaited UDP port 5351"),
        ("[/bin/sh, -c, 'exit 3']", "{ udp: 5351, within: 9s }", "fail", "3"),
        ("[/bin/sh, -c, 'exit 127']", "{ udp: 5351, within: 9s }", "unsupported", "the status that says so"),
    ],
)
def test_a_peer_that_is_never_ready_is_told_as_such(tmp_path, program, ready, verdict, actual):
    peer = peer_file(tmp_path, program, ready)
    report, _ = suite(tmp_path, peer, "--filter", "gateway.7.2.responses-bear*", "--jobs", "1")
    cases = [r for r in report["cases"] if r["id"].startswith("gateway")]
    assert cases and {r["verdict"] for r in cases} == {verdict}
    assert all(actual in r["actual"] for r in cases)


def test_no_escape_of_a_program_reaches_the_terminal(tmp_path):
    version = "version: { command: [/usr/bin/printf, '\\033[2J1\\302\\233m\\n'], pattern: '(.*)' }\n"
    peer = peer_file(tmp_path, "[/bin/sh, -c, 'exit 3']", more=version)
    report, done = suite(tmp_path, peer, "--filter", "gateway.7.2.responses-bear*")
    assert "\x1b[2J1" in report["peer"]["version"]
    assert "odd ?[2J1??m, gateway" in done.stdout
    assert not re.search(r"[^\n -~]", done.stdout)


def test_an_address_that_no_network_has_is_a_claim_that_fails(tmp_path):
    """What the gateway says that it mapped leads nowhere: its fault, not the harness'."""
    liar = """files:
  liar.py: |
    import socket
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("", 5351))
    print("there", flush=True)
    while True:
        data, client = s.recvfrom(1100)
        answer = bytearray(data)
        answer[1] |= 0x80
        answer[3] = 0
        answer[8:24] = bytes([0, 0, 0, 9]) + bytes(12)
        answer[42:60] = bytes([19, 136]) + bytes(10) + bytes([255, 255, 240, 0, 2, 1])
        s.sendto(bytes(answer), client)
"""
    peer = peer_file(tmp_path, '[/usr/bin/python3, "${PINHOLE_RUNTIME}/liar.py"]', more=liar)
    report, done = suite(tmp_path, peer, "--filter", "gateway.11.every-remote-gets-in")
    assert done.returncode == SHORT, done.stdout
    assert verdicts(report)["gateway.11.every-remote-gets-in"] == "fail"


@pytest.mark.skipif(os.geteuid() != 0, reason="others than root keep their own rights in a lab")
def test_a_program_that_no_lab_can_run_is_no_failure_of_its(tmp_path):
    (tmp_path / "mine").mkdir()
    program = tmp_path / "mine/gateway"
    shutil.copy("/bin/true", program)
    peer = peer_file(tmp_path, f"[{program}]")
    for path, mode, words in ((program, 0o700, "cannot execute"), (tmp_path / "mine", 0o700, "others may pass")):
        path.chmod(mode)
        _, done = suite(tmp_path, peer, "--filter", "gateway.7.2.responses-bear*")
        assert done.returncode == HARNESS
        assert words in done.stdout


# --- where results go --------------------------------------------------------------------------------------


def test_a_folder_that_is_no_suites_is_left_alone(tmp_path):
    (tmp_path / "report.json").write_text("mine")
    done = call("test", "reference", "--filter", SOME, "--out", tmp_path)
    assert done.returncode == HARNESS
    assert f"--out {tmp_path}: expected a new or empty folder" in done.stderr
    assert (tmp_path / "report.json").read_text() == "mine"


def test_of_two_suites_in_one_folder_one_gives_way(tmp_path):
    command = [PINHOLE, "test", "reference", "--filter", SOME, "--quiet", "--out", tmp_path / "out"]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=PATIENCE)[1] for process in both]
    assert sorted(process.returncode for process in both) == [GOOD, HARNESS]
    assert "another suite is being run there" in "".join(said)
    assert call(*command[1:]).returncode == GOOD


# --- a peer of one's own -----------------------------------------------------------------------------------


GATEWAY = f'{BUILD}/pinhole-gateway, --inside, "${{PINHOLE_INSIDE}}", --outside, "${{PINHOLE_OUTSIDE}}"'


@pytest.mark.parametrize(
    "role, some",
    [
        ("gateway", "gateway.11.every-remote-gets-in,gateway.11.every-remote-connects"),
        ("device", "device.8.1.1.repeats*"),
        ("proxy", "proxy.3.the-nonce-goes-upstream,proxy.3.1.packets*"),
    ],
)
def test_the_template_of_a_peer_needs_but_its_program(tmp_path, role, some):
    template = (SCENARIOS / f"peers/templates/{role}.yaml").read_text()
    program = {
        "gateway": f"[{GATEWAY}]",
        "device": f"[{BUILD}/pinhole-device]",
        "proxy": f"[{GATEWAY}, --upstream, auto]",
    }[role]
    ready = {"gateway": "{ udp: 5351, within: 5s }", "device": "{ line: ready }"}
    ready = ready.get(role, ready["gateway"])
    template = re.sub(r"^program: .*$", lambda _: f"program: {program}", template, flags=re.M)
    template = re.sub(r"^version: .*$", "", template, flags=re.M)
    template = re.sub(r"^ready: .*$", f"ready: {ready}", template, flags=re.M)
    peer = tmp_path / "mine.yaml"
    peer.write_text(template)
    report, done = suite(tmp_path, peer, "--role", role, "--filter", some)
    assert done.returncode == GOOD, done.stdout + done.stderr
    assert verdicts(report) and set(verdicts(report).values()) == {"pass"}

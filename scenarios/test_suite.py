"""pinhole test: verdicts on a peer, in the forms that people and machines read."""

import json
import re
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
    assert "is in another report already" in done.stderr


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


def test_a_peer_that_dies_is_told_as_such(tmp_path):
    (tmp_path / "dying.yaml").write_text(
        "name: dying\nrole: gateway\ndescription: ends as soon as it is asked\nspeaks: [pcp]\n"
        "program: [/bin/sh, -c, 'echo there; read nothing']\nready: { line: there }\n"
    )
    report, done = suite(tmp_path, str(tmp_path / "dying.yaml"), "--filter", "gateway.7.2.responses-say*")
    assert done.returncode != GOOD
    assert all(r["verdict"] in ("fail", "error") for r in report["cases"] if r["id"].startswith("gateway"))


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

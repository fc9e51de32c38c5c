"""`pinhole check` gives each golden capture the findings that stand beside it, and no others."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
PINHOLE = str(Path(os.environ.get("PINHOLE_BUILD", HERE.parent / "build")) / "pinhole")
EXPECTED = sorted(GOLDEN.glob("*.expect.json"))


def capture_of(expect):
    base = expect.name.removesuffix(".expect.json")
    return next(GOLDEN / f"{base}.{kind}" for kind in ("pcapng", "pcap")
                if (GOLDEN / f"{base}.{kind}").exists())


def check(*arguments, **options):
    return subprocess.run([PINHOLE, "check", *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, check=False, **options)


def findings(run):
    return [{key: finding[key] for key in ("frame", "level", "requirement")}
            for finding in json.loads(run.stdout)["findings"]]


def in_order(list_of_findings):
    return sorted(list_of_findings, key=lambda f: (f["frame"], f["requirement"], f["level"]))


@pytest.mark.parametrize("expect", EXPECTED, ids=lambda path: path.name.split(".")[0])
def test_a_golden_capture_gives_its_findings_and_no_others(expect):
    wanted = json.loads(expect.read_text())
    run = check(capture_of(expect), "--json")
    assert in_order(findings(run)) == wanted["findings"], run.stdout
    assert json.loads(run.stdout)["packets"] == wanted["packets"]
    assert run.returncode == wanted["exit"]
    if "says" in wanted:
        assert wanted["says"] in run.stderr and run.stderr.count("\n") == 1
    else:
        assert run.stderr == ""


def test_every_requirement_of_a_rule_has_a_capture_that_breaks_it():
    run = subprocess.run([PINHOLE, "list", "requirements", "--json"], capture_output=True, check=True)
    judged = {r["id"] for r in json.loads(run.stdout) if r["rules"]}
    broken = {f["requirement"] for e in EXPECTED for f in json.loads(e.read_text())["findings"]}
    assert judged - broken == set()
    assert broken - judged == set()


def test_the_captures_are_what_their_script_makes(tmp_path):
    subprocess.run([sys.executable, HERE / "make_captures.py", tmp_path], check=True)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    kept = {path.name: path.read_bytes() for path in GOLDEN.iterdir()}
    assert made == kept


def test_several_files_are_judged_as_one_and_name_their_captures():
    one, two = GOLDEN / "format-pcap-big.pcap", GOLDEN / "format-sll2.pcapng"
    result = json.loads(check(one, two, "--json").stdout)
    assert [f["capture"] for f in result["findings"]] == [str(one), str(two)]
    assert result["packets"] == 6


def test_standard_input_is_read_like_a_file():
    with open(GOLDEN / "bad-epoch.pcapng", "rb") as capture:
        piped = check("-", "--json", stdin=capture)
    assert findings(piped) == findings(check(GOLDEN / "bad-epoch.pcapng", "--json"))


def test_each_line_for_people_has_level_frame_requirement_and_section():
    run = check(GOLDEN / "format-raw.pcapng")
    assert run.returncode == 1
    assert "fail frame 3" in run.stdout and "6887-7.1-01" in run.stdout
    assert "section 7.1" in run.stdout and "1 fail, 0 warn, 0 info" in run.stdout


def test_quiet_says_nothing_of_a_clean_capture():
    run = check(GOLDEN / "clean-map.pcapng", "--quiet")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_a_capture_without_packets_gets_a_clear_line():
    run = check(GOLDEN / "hostile-no-packets.pcapng")
    assert run.returncode == 4 and "no packets" in run.stdout


def test_another_server_port_can_be_named():
    run = check(GOLDEN / "format-raw.pcapng", "--port", "5352")
    assert run.returncode == 4 and "no PCP" in run.stdout


def test_scaled_time_is_judged_in_the_time_of_the_peers():
    run = check(GOLDEN / "clean-map.pcapng", "--json", "--time-scale", "60")
    assert "6887-11.2.1-04" not in {f["requirement"] for f in findings(run) if f["level"] == "fail"}
    assert run.returncode == 1  # an epoch of one a second is sixty times too slow then


@pytest.mark.parametrize("arguments", [[], ["--port", "0", "x"], ["--port", "70000", "x"], ["--what"],
                                       ["--time-scale", "0", "x"]])
def test_wrong_arguments_draw_the_usage(arguments):
    run = check(*arguments)
    assert run.returncode == 2 and run.stderr.startswith("usage: pinhole check")


def test_a_missing_file_is_named():
    run = check("/nowhere/at/all.pcap")
    assert run.returncode == 2 and "/nowhere/at/all.pcap" in run.stderr and run.stderr.count("\n") == 1

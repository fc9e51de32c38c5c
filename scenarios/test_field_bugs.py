"""field-bugs.md: each bug is caught by the case beside it, as the defect beside it shows."""

import fnmatch
import json
import re
import subprocess

import pytest

from conftest import PATIENCE, PINHOLE, SCENARIOS

BROKEN = {"fail", "warn", "info"}


def rows():
    """Report, what would catch it and what replays it, a row of the tables each."""
    for line in (SCENARIOS / "field-bugs.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[0] != "report" and not set(cells[0]) <= set("-"):
            yield cells[0], *(re.findall("`([^`]+)`", cell) for cell in cells[2:])


def listed(what):
    done = subprocess.run([PINHOLE, "list", what, "--json"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def judges():
    """The requirements of each case; a rule is named by its own."""
    found = {case["id"]: set(case["requirements"]) for case in listed("cases")}
    ruled = [entry["id"] for entry in listed("requirements") if entry["rules"]]
    return found | {f"rule.{requirement}": {requirement} for requirement in ruled}


@pytest.fixture(scope="module")
def defects():
    return {f"{defect['role']}:{defect['name']}": defect for defect in listed("defects")}


def test_the_tables_are_read():
    reports = [report for report, *_ in rows()]
    assert len(reports) >= 34
    assert len(set(reports)) == len(reports)


@pytest.mark.parametrize("report, catchers, replays", rows(), ids=[report for report, *_ in rows()])
def test_what_catches_a_bug_and_what_replays_it_exist(judges, defects, report, catchers, replays):
    assert catchers and replays
    assert [name for name in catchers if name not in judges] == []
    assert [name for name in replays if name not in defects] == []


@pytest.mark.parametrize("report, catchers, replays", rows(), ids=[report for report, *_ in rows()])
def test_a_defect_breaks_what_the_case_beside_it_judges(judges, defects, report, catchers, replays):
    for name in catchers:
        broken = [set(defects[replay]["requirements"]) for replay in replays]
        assert any(judges[name] & requirements for requirements in broken), name
    for replay in replays:
        judged = set().union(*(judges[name] for name in catchers))
        assert judged & set(defects[replay]["requirements"]), replay


def pairs():
    """Each defect with the catchers of its rows, once."""
    return sorted({(replay, tuple(catchers)) for _, catchers, replays in rows() for replay in replays})


@pytest.mark.parametrize("replay, catchers", pairs(), ids=[replay for replay, _ in pairs()])
def test_the_case_catches_the_defect(tmp_path, replay, catchers):
    role, name = replay.split(":")
    cases = ",".join(f"{catcher}*" for catcher in catchers if not catcher.startswith("rule."))
    report = tmp_path / "report.json"
    command = [PINHOLE, "test", "reference", "--role", role, "--defect", name, "--filter", cases]
    command += ["--seed", "6887", "--quiet", "--out", tmp_path / "out", "--json", report]
    subprocess.run(command, capture_output=True, timeout=PATIENCE)
    verdicts = {result["id"]: result["verdict"] for result in json.loads(report.read_text())["cases"]}
    caught = [case for case, verdict in verdicts.items() if verdict in BROKEN]
    assert any(fnmatch.fnmatch(case, f"{catcher}*") for case in caught for catcher in catchers), verdicts

"""pinhole list scenarios and peers: what can be run, told by the files themselves."""

import json
import subprocess

import pytest
import yaml

from conftest import PINHOLE, SCENARIOS

FOLDERS = {"scenarios": SCENARIOS, "peers": SCENARIOS / "peers"}


def listed(*arguments):
    return subprocess.run([PINHOLE, "list", *arguments], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("what", FOLDERS)
def test_each_file_is_listed_with_its_description_and_variants(what):
    documents = [yaml.safe_load(path.read_text()) for path in sorted(FOLDERS[what].glob("*.yaml"))]
    said = json.loads(listed(what, "--json"))
    assert [entry["name"] for entry in said] == [document["name"] for document in documents]
    for entry, document in zip(said, documents):
        assert entry.get("role") == document.get("role")
        assert entry["description"].split() == document["description"].split()
        assert [v["name"] for v in entry["variants"]] == list(document.get("variants", {}))
    text = listed(what)
    assert all(document["description"].split()[-1] in text for document in documents)


def test_a_scenario_is_listed_under_the_name_that_run_takes():
    for entry in json.loads(listed("scenarios", "--json")):
        assert (SCENARIOS / f"{entry['name']}.yaml").exists()


# --- the register ------------------------------------------------------------------------------------------


def requirements(rfc):
    return [r for r in json.loads(listed("requirements", "--json")) if r["id"].startswith(f"{rfc}-")]


@pytest.mark.parametrize("rfc", ["6887", "6886", "7648", "7723"])
def test_what_can_be_observed_is_judged_and_proven_to_be(rfc):
    observable = [r for r in requirements(rfc) if not r["why_untested"]]
    assert [r["id"] for r in observable if not r["cases"] and not r["rules"]] == []
    assert [r["id"] for r in observable if not r["defects"]] == []


def test_rfc_6887_is_registered_whole():
    registered = requirements("6887")
    assert len(registered) >= 372
    assert len([r for r in registered if r["why_untested"]]) <= 5


def test_every_case_has_a_defect_that_breaks_what_it_judges():
    defects = json.loads(listed("defects", "--json"))
    broken = {(d["role"], requirement) for d in defects for requirement in d["requirements"]}
    for case in json.loads(listed("cases", "--json")):
        assert any((case["role"], r) in broken for r in case["requirements"]), case["id"]


def test_what_a_defect_breaks_is_judged_in_its_role():
    ruled = {r["id"] for r in json.loads(listed("requirements", "--json")) if r["rules"]}
    judged = {(c["role"], r) for c in json.loads(listed("cases", "--json")) for r in c["requirements"]}
    for defect in json.loads(listed("defects", "--json")):
        for requirement in defect["requirements"]:
            assert (defect["role"], requirement) in judged or requirement in ruled, defect

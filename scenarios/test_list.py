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

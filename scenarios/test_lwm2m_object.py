"""The LwM2M object PCP-context: its definition file has the form of OMA's, and says what the programs do."""

import functools
import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from conftest import PINHOLE, ROOT, validate

FILE = ROOT / "harness/engine/lwm2m/26887.xml"
SCHEMA = ROOT / "reports/schemas/lwm2m-object.xsd"
FREE = range(26241, 32769)  # ids that anybody may use
DECK = {0: "RW", 1: "E", 2: "R", 3: "R"}  # lifetime, request, status, version


def objects():
    done = subprocess.run([PINHOLE, "list", "objects", "--json"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@functools.cache
def definition():
    return ElementTree.parse(FILE).getroot().find("Object")


def validated(path):
    return subprocess.run(["xmllint", "--noout", "--schema", SCHEMA, path], capture_output=True, text=True)


def test_the_file_has_the_form_of_an_object_definition():
    done = validated(FILE)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<Type>Integer</Type>", "<Type>Number</Type>"),
        ("<Operations>E</Operations>", "<Operations>X</Operations>"),
        ('<Item ID="1">', '<Item ID="0">'),
        ("<Mandatory>Optional</Mandatory>\n    <Resources>", "<Resources>"),
        ('ObjectType="MODefinition"', 'ObjectType="Other"'),
    ],
)
def test_another_form_is_refused(tmp_path, old, new):
    text = FILE.read_text()
    assert old in text
    damaged = tmp_path / "damaged.xml"
    damaged.write_text(text.replace(old, new, 1))
    assert validated(damaged).returncode != 0


def test_the_file_says_what_the_programs_have():
    (table,) = [entry for entry in objects() if entry["id"] == int(definition().findtext("ObjectID"))]
    said = {
        "id": int(definition().findtext("ObjectID")),
        "name": definition().findtext("Name"),
        "version": definition().findtext("ObjectVersion"),
        "multiple": definition().findtext("MultipleInstances") == "Multiple",
        "mandatory": definition().findtext("Mandatory") == "Mandatory",
        "resources": [
            {
                "id": int(item.get("ID")),
                "name": item.findtext("Name"),
                "operations": item.findtext("Operations"),
                "multiple": item.findtext("MultipleInstances") == "Multiple",
                "mandatory": item.findtext("Mandatory") == "Mandatory",
                "type": item.findtext("Type"),
                "range": item.findtext("RangeEnumeration"),
                "units": item.findtext("Units"),
            }
            for item in definition().iterfind("Resources/Item")
        ],
    }
    for resource in table["resources"]:
        del resource["minimum"], resource["maximum"]
    assert said == table


def test_ranges_for_people_are_those_that_programs_hold_to():
    for entry in objects():
        for resource in entry["resources"]:
            bounds = re.fullmatch(r"(\d+)(?:\.\.|-)(\d+)", resource["range"])
            if bounds:
                assert [resource["minimum"], resource["maximum"]] == [int(b) for b in bounds.groups()], resource


def test_its_id_and_name_are_of_the_free_range():
    number = int(definition().findtext("ObjectID"))
    assert number in FREE and FILE.stem == str(number)
    assert definition().findtext("ObjectURN") == f"urn:oma:lwm2m:x:{number}"


def test_it_tells_what_is_the_decks_and_what_is_design():
    items = {int(item.get("ID")): item for item in definition().iterfind("Resources/Item")}
    for number, item in items.items():
        word = item.findtext("Description").partition(":")[0]
        assert word == ("Deck" if number in DECK else "Design"), number
    assert {number: items[number].findtext("Operations") for number in DECK} == DECK


def test_the_list_keeps_its_schema():
    validate("objects", objects())
    assert [entry["id"] for entry in objects()] == [0, 1, 3, 4, 3303, 26887]

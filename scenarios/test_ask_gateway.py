"""`pinhole ask` inside labs, as a tester in the field has it: a gateway that is somebody's program, a default
router, and tshark's own reading of what went over the wire."""

import json

import pytest
import yaml

from asking import address
from conftest import PINHOLE, SCENARIOS, run

NONCE = bytes(range(12)).hex()
DELETE_OF_ANOTHER = ("map", "--internal-port", 5683, "--lifetime", 0)  # its nonce is another
MAP = ("map", "--internal-port", 5683, "--nonce", NONCE, "--lifetime", 600)


def in_lab(scenario, folder, peer, *asks):
    """The run, and what each (exit code, words) printed when the device asked it."""
    content = yaml.safe_load((SCENARIOS / scenario).read_text())
    content["programs"] = {"gateway": content["programs"]["gateway"]}
    content["steps"] = [{"start": "gateway"}]
    for code, words in asks:
        command = [str(PINHOLE), "ask", *map(str, words), "--json"]
        content["steps"].append({"run": {"node": "device", "command": command, "exit": code}})
    content["expect"] = [
        {"name": "asked", "text": "the device asks", "see": "pcp", "at": "device:eth0", "direction": "out"}
    ]
    content.pop("variants", None)
    (folder / scenario).write_text(yaml.safe_dump(content))
    done = run(folder / scenario, folder / "out", "--peer", f"gateway={peer}")
    assert done.code == 0, done.out + done.err
    return done, [json.loads(printed(done.log(f"run-{step}"))) for step in range(2, 2 + len(asks))]


def printed(log):
    """Standard output: the lines behind a time and a blank, where other marks stand for the rest."""
    behind = [line.partition("Z")[2] for line in log.splitlines()]
    return "\n".join(line for line in behind if line.startswith("  "))


def only(told):
    (one,) = told["asked"]
    return one["answer"]["fields"]


@pytest.mark.parametrize("peer", ["miniupnpd", "reference"])
def test_the_default_router_grants_what_it_is_asked_for(tmp_path, peer):
    done, (granted, natpmp, mismatch, announced) = in_lab(
        "home.yaml",
        tmp_path,
        peer,
        (0, MAP),
        (0, ("natpmp-address",)),
        (1, (*MAP, "--client", "10.9.9.9")),
        (0, ("announce", "--epoch-check")),
    )
    assert granted["server"] == "192.168.1.1:5351"
    assert granted["source"].startswith("192.168.1.10:")
    fields = only(granted)
    assert (fields["result_name"], fields["external_address"], fields["lifetime"]) == (
        "SUCCESS",
        "11.0.0.1",
        600,
    )
    assert only(natpmp)["external_address"] == "11.0.0.1"
    assert only(mismatch)["result_name"] == "ADDRESS_MISMATCH"
    assert announced["asked"][1]["epoch"]["valid"]
    # tshark saw the same.
    asked = done.where(at="device:eth0", pcp_response="0", pcp_opcode="1", source="192.168.1.10")
    answered = done.where(at="device:eth0", pcp_response="1", pcp_opcode="1", pcp_result="0")
    assert asked[0]["payload"] == granted["request"]["octets"]
    assert answered[0]["payload"] == granted["asked"][0]["answer"]["octets"]
    assert answered[0]["pcp_external_port"] == str(fields["external_port"])


@pytest.mark.parametrize("peer", ["miniupnpd", "reference"])
def test_a_router_of_a_link_local_address_is_asked_from_a_global_one(tmp_path, peer):
    _, (granted,) = in_lab("firewall6.yaml", tmp_path, peer, (0, MAP))
    assert granted["server"] == "[fe80::1]:5351"
    assert granted["source"].startswith("[2001:db8:1::10]:")
    assert bytes.fromhex(granted["request"]["octets"])[8:24] == address("2001:db8:1::10")
    assert only(granted)["external_address"] == "2001:db8:1::10"


def test_the_same_nonce_renews_and_another_may_not_delete(tmp_path):
    renew = (*MAP, "--external-port", 7)
    _, (granted, renewed, refused, deleted) = in_lab(
        "home.yaml",
        tmp_path,
        "reference",
        (0, MAP),
        (0, renew),
        (1, DELETE_OF_ANOTHER),
        (0, (*DELETE_OF_ANOTHER, "--nonce", NONCE)),
    )
    assert only(renewed)["external_port"] == only(granted)["external_port"]
    assert only(refused)["result_name"] == "NOT_AUTHORIZED"
    assert only(deleted)["lifetime"] == 0

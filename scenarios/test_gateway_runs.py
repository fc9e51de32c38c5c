"""pinhole run with our own gateway in miniupnpd's place, judged from the captures by tshark."""

import pytest

from conftest import GRANTED, POST, run_all

RUNS = {
    "home": ["home.yaml"],
    "home, other port": ["home.yaml", "--variant", "other-port"],
    "home, libtorrent": ["home.yaml", "--peer", "device=libtorrent"],
    "home, natpmpc": ["home.yaml", "--peer", "device=natpmpc"],
    "firewall6": ["firewall6.yaml"],
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    table = {name: [*words, "--peer", "gateway=reference"] for name, words in RUNS.items()}
    return run_all(tmp_path_factory.mktemp("runs"), table)


@pytest.mark.parametrize("name", RUNS)
def test_every_scenario_holds_with_the_reference_gateway(runs, name):
    run = runs[name]
    assert (run.code, run.failed()) == (0, []), run.out + run.err
    assert run.result["peers"]["gateway"]["name"] == "reference"


@pytest.mark.parametrize("name", RUNS)
def test_no_rule_is_broken_by_the_reference_gateway(runs, name):
    told = runs[name].result["findings"]
    assert [finding for finding in told if finding.get("program") == "gateway"] == []


def test_a_registration_leaves_from_the_port_that_the_client_suggested(runs):
    run = runs["home, other port"]
    assert run.where(at="device:eth0", **GRANTED)[0]["pcp_external_port"] == "40000"
    seen = run.where(at="server:eth0", coap=POST)[0]
    assert (seen["source"], seen["source_port"]) == ("11.0.0.1", "40000")


def test_a_datagram_out_of_the_blue_comes_through_a_nat_pmp_mapping(runs):
    run = runs["home, natpmpc"]
    text = b"out of the blue".hex()
    came = run.where(at="device:eth0", source="11.0.0.2", payload=text)
    assert [packet["destination"] for packet in came] == ["192.168.1.10"]

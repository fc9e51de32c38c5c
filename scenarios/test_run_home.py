"""pinhole run scenarios/home.yaml: judged from its capture by tshark."""

import json
import shlex
import subprocess

import pytest

from conftest import (
    BAD_CHECKSUM,
    BUILD,
    CONTENT,
    CREATED,
    GET,
    GRANTED,
    PINHOLE,
    POST,
    SCENARIOS,
    SHOWN,
    run,
    validate,
)

IDLE = 2.5  # seconds; the gateway forgets after 2


@pytest.fixture
def home(shown):
    return shown["home"]


@pytest.mark.parametrize("name", [n for n in SHOWN if n != "home, other port"])
def test_a_scenario_holds_and_ends_with_0(shown, name):
    shown[name].assert_holds()


@pytest.mark.parametrize("name", SHOWN)
def test_what_a_run_leaves_is_as_its_schemas_say(shown, name):
    for file in ("result", "messages", "traffic"):
        validate(file, shown[name].read(f"{file}.json"))


def test_every_end_of_every_link_is_captured(home):
    ends = {"device:eth0", "gateway:eth0", "gateway:eth1", "server:eth0"}
    assert {packet["at"] for packet in home.packets} == ends
    assert home.result["capture"]["dropped"] == 0
    assert home.result["capture"]["packets"] == len(home.packets)


def test_frames_stand_in_order_of_time_with_whole_checksums(home):
    times = [float(packet["time"]) for packet in home.packets]
    assert times == sorted(times)
    assert home.where(udp_checksum=BAD_CHECKSUM) == []
    assert home.where(ip_checksum=BAD_CHECKSUM) == []


def test_the_device_registers_only_after_success(home):
    granted = home.where(at="device:eth0", **GRANTED)
    sent = home.where(at="device:eth0", source="192.168.1.10", source_port="5683")
    assert int(granted[0]["frame"]) < int(sent[0]["frame"])


def test_the_registration_leaves_from_the_mapped_port(home):
    mapped = home.where(at="device:eth0", **GRANTED)[0]["pcp_external_port"]
    seen = home.where(at="server:eth0", coap=POST)[0]
    assert (seen["source"], seen["source_port"]) == ("11.0.0.1", mapped)


def test_a_get_out_of_the_blue_is_answered_after_the_nat_has_forgotten(home):
    coap = [packet for packet in home.where(at="server:eth0") if packet["coap"]]
    get = next(i for i, packet in enumerate(coap) if packet["coap"] == GET)
    assert float(coap[get]["time"]) - float(coap[get - 1]["time"]) > IDLE
    assert (coap[get + 1]["coap"], coap[get + 1]["token"]) == (CONTENT, coap[get]["token"])


def test_the_gateway_held_the_mapping_until_the_end_of_the_run(home):
    assert "dnat ip to 192.168.1.10:5683" in (home.folder / "state" / "gateway.nft").read_text()
    assert "dport=5683" in (home.folder / "state" / "gateway.conntrack").read_text()


def test_the_device_takes_leave_of_server_and_gateway_while_they_are_there(home):
    told = home.log("device")
    assert 0 < told.index("deregistered") < told.index("unmapped") < told.index("exit status 0")


def test_frames_named_by_an_expectation_are_the_ones_meant(home):
    frame = home.expectation("answer")["frames"][0]
    answer = home.where(frame=str(frame))[0]
    assert (answer["coap"], answer["at"]) == (CONTENT, "server:eth0")


def test_versions_of_peers_are_told(shown):
    assert shown["home"].result["peers"]["device"]["version"].startswith("0.")
    assert shown["home"].result["peers"]["server"]["version"].startswith("0.")
    assert shown["home"].result["peers"]["gateway"]["version"].startswith("2.")
    assert shown["home, libtorrent"].result["peers"]["device"]["version"].startswith("2.")
    assert shown["home, natpmpc"].result["peers"]["device"]["version"]


def test_without_pcp_nobody_reaches_the_device_once_the_nat_has_forgotten(shown):
    run = shown["home without PCP"]
    assert run.where(pcp_response="0") == []
    assert run.where(coap=CREATED, at="device:eth0") != []
    assert len(run.where(coap=GET, at="gateway:eth1")) == 2
    assert run.where(coap=GET, at="device:eth0") == []
    assert run.where(coap=CONTENT) == []


def test_a_mapping_that_is_inbound_only_is_called_so(shown):
    run = shown["home, other port"]
    assert (run.code, run.result["verdict"]) == (1, "fail")
    assert run.failed() == ["registration"]
    assert "source-port is 5683" in run.expectation("registration")["actual"]
    assert run.where(at="device:eth0", **GRANTED)[0]["pcp_external_port"] == "40000"


@pytest.mark.parametrize("name", ["home, libtorrent", "home, natpmpc"])
def test_a_datagram_passes_the_mapping_of_a_client_without_coap(shown, name):
    run = shown[name]
    text = b"out of the blue".hex()
    sent = run.where(at="server:eth0", source="11.0.0.2", payload=text)
    came = run.where(at="device:eth0", source="11.0.0.2", payload=text, destination="192.168.1.10")
    answers = run.where(at="device:eth0", source_port="5351", destination="192.168.1.10")
    assert len(sent) == len(came) == 1
    before = [answer for answer in answers if int(answer["frame"]) < int(sent[0]["frame"])]
    assert float(sent[0]["time"]) - float(before[-1]["time"]) > IDLE


def test_natpmpc_speaks_natpmp_and_libtorrent_pcp(shown):
    def versions(name):
        asked = shown[name].where(at="device:eth0", destination_port="5351")
        return {packet["payload"][:2] for packet in asked}

    assert versions("home, natpmpc") == {"00"}
    assert versions("home, libtorrent") == {"02"}


def test_the_command_that_a_run_names_repeats_it(shown, tmp_path):
    first = shown["home, natpmpc"]
    words = shlex.split(first.result["command"])
    assert words[:2] == [str(PINHOLE), "run"]
    scenario, *arguments = words[2:]
    second = run(scenario, tmp_path / "again", *arguments)
    for key in ("scenario", "seed", "command", "verdict", "peers"):
        assert second.result[key] == first.result[key]


def test_output_that_is_piped_is_plain_lines(home):
    assert "\x1b" not in home.out and "\r" not in home.out
    assert any("let 3 s pass" in line for line in home.out.splitlines())
    assert str(home.folder) in home.out


def test_a_check_of_the_capture_gives_the_findings_of_the_run(home):
    done = subprocess.run(
        [BUILD / "pinhole", "check", home.folder / "lab.pcapng", "--json"],
        capture_output=True,
        text=True,
    )
    checked = json.loads(done.stdout)["findings"]
    told = home.result["findings"]
    assert [(f["requirement"], f["frame"]) for f in checked] == [
        (f["requirement"], f["frame"]) for f in told
    ]


def test_no_finding_accuses_our_own_peer(shown):
    for name, run in shown.items():
        own = {
            role
            for role, peer in run.result["peers"].items()
            if peer["name"].startswith("reference")
        }
        assert [f for f in run.result["findings"] if f.get("program") in own] == [], name


def test_a_seed_repeats_the_device_s_nonce_and_another_seed_does_not(home, tmp_path):
    def nonce(folder):
        done = subprocess.run([PINHOLE, "decode", "--json", folder / "lab.pcapng"], capture_output=True, check=True)
        maps = [m["fields"]["nonce"] for m in json.loads(done.stdout)["messages"] if "nonce" in m["fields"]]
        return maps[0]

    again = run(SCENARIOS / "home.yaml", tmp_path / "again", "--seed", str(home.result["seed"]))
    other = run(SCENARIOS / "home.yaml", tmp_path / "other", "--seed", str(home.result["seed"] + 1))
    assert nonce(again.folder) == nonce(home.folder) != nonce(other.folder)

"""pinhole run scenarios/strangers.yaml: other people's CoAP clients, judged from the capture by tshark."""

import pytest

from conftest import CONTENT, GET, SCENARIOS, run

UNAUTHORIZED = "129"
DEVICE, STRANGER, OUTSIDE = "192.168.1.10", "11.0.0.3", "11.0.0.1"


@pytest.fixture(scope="module")
def strangers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strangers")
    runs = {None: run(SCENARIOS / "strangers.yaml", folder / "itself")}
    for variant in ("refused", "filtered", "lwm2m"):
        runs[variant] = run(SCENARIOS / "strangers.yaml", folder / variant, "--variant", variant)
    return runs


def asked(run):
    """The requests that strangers sent to where the mapping is, or would be, each once."""
    sent = run.where(at="stranger:eth0", source=STRANGER, destination=OUTSIDE, destination_port="40000")
    return {(packet["source_port"], packet["payload"]): packet for packet in sent}


@pytest.mark.xdist_group("strangers")
@pytest.mark.parametrize("variant", [None, "refused", "filtered", "lwm2m"])
def test_strangers_hold_and_end_with_0(strangers, variant):
    done = strangers[variant]
    assert (done.code, done.failed(), done.crashed()) == (0, [], []), done.out + done.err
    assert done.result["verdict"] == "pass"


@pytest.mark.xdist_group("strangers")
def test_two_clients_that_share_no_code_are_answered_through_the_mapping(strangers):
    done = strangers[None]
    # tshark knows CoAP by its port, which the outside of the mapping is not: payloads are what is followed there.
    requests = asked(done)
    assert len(requests) == 2
    for port, payload in requests:
        came = done.where(at="device:eth0", source=STRANGER, source_port=port, destination=DEVICE, payload=payload)
        assert [(p["coap"], p["destination_port"]) for p in came] == [(GET, "5683")]
        answers = done.where(at="device:eth0", source=DEVICE, destination=STRANGER, destination_port=port)
        assert [(p["coap"], p["token"]) for p in answers] == [(CONTENT, came[0]["token"])]
        back = done.where(at="stranger:eth0", destination=STRANGER, destination_port=port)
        assert [(p["source"], p["source_port"], p["payload"]) for p in back] == [
            (OUTSIDE, "40000", answers[0]["payload"])
        ]


@pytest.mark.xdist_group("strangers")
def test_both_clients_show_what_the_device_said(strangers):
    for name in ("libcoap", "npm"):
        assert "alive" in strangers[None].log(name)


@pytest.mark.xdist_group("strangers")
def test_their_versions_are_told(strangers):
    peers = strangers[None].result["peers"]
    assert peers["libcoap"]["version"].startswith("4.")
    assert peers["npm"]["version"] == "0.7.1"


@pytest.mark.xdist_group("strangers")
@pytest.mark.parametrize("variant", ["refused", "filtered"])
def test_without_a_mapping_for_it_a_stranger_is_heard_by_nobody(strangers, variant):
    done = strangers[variant]
    (payload,) = {payload for _, payload in asked(done)}
    assert done.where(at="gateway:eth1", payload=payload) != []
    assert done.where(at="device:eth0", payload=payload) == []
    assert done.where(at="stranger:eth0", destination=STRANGER) == []


@pytest.mark.xdist_group("strangers")
def test_an_lwm2m_device_gives_strangers_what_is_open_and_nothing_else(strangers):
    done = strangers["lwm2m"]
    answers = done.where(at="stranger:eth0", source=OUTSIDE, destination=STRANGER)
    assert [p["coap"] for p in answers] == [CONTENT, UNAUTHORIZED]
    assert "alive" in done.log("libcoap") and "alive" not in done.log("npm")

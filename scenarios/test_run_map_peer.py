"""pinhole run scenarios/map-peer.yaml: MAP and PEER for the same device, compared from captures by tshark. What
scenarios/map-peer.md says of them is found again here."""

import re

import pytest

from conftest import SCENARIOS, run_all, variants_of

VARIANTS = [None, "filter", "peer", "restart", "peer-restart"]
DEVICE, GATEWAY, OUTSIDE, SERVER, STRANGER = "192.168.1.10", "192.168.1.1", "11.0.0.1", "11.0.0.2", "11.0.0.9"
STATUS = b"status".hex()
pytestmark = pytest.mark.xdist_group("map-peer")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return run_all(tmp_path_factory.mktemp("map-peer"), variants_of("map-peer.yaml", VARIANTS))


def table(first):
    """The lines of the table whose first line begins so: name, and a text for each column."""
    lines = (SCENARIOS / "map-peer.md").read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {first}"))
    rows = {}
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        name, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        rows[name] = cells
    return rows


def frame(packet):
    return int(packet["frame"])


def exchanges(run, after=0, before=None):
    """What the device asks of its gateway and is answered: pairs of payloads, octets in hexadecimal. Requests that
    delete are none."""
    packets = [p for p in run.where(at="device:eth0", pcp_version="2") if frame(p) > after]
    packets = [p for p in packets if before is None or frame(p) < before]
    lifetime = slice(8, 16)  # of the hexadecimal payload
    asked = [p for p in packets if p["destination"] == GATEWAY and p["payload"][lifetime] != "00000000"]
    answered = [p for p in packets if p["destination"] == DEVICE and p["pcp_opcode"] in ("1", "2")]
    return [(a["payload"], b["payload"]) for a, b in zip(asked, answered)]


def registration(run):
    return frame(run.where(at="device:eth0", source=DEVICE, source_port="5683")[0])


def external_port(response):
    return int(response[2 * 42 : 2 * 44], 16)  # of MAP and PEER alike


def fate(run, sender, after=0):
    """What becomes of a GET that sender sends to the mapping."""
    sent = [
        p
        for p in run.where(at="gateway:eth1", source=sender, destination=OUTSIDE)
        if STATUS in p["payload"] and frame(p) > after
    ]
    assert sent
    arrived = run.where(at="device:eth0", source=sender, payload=sent[0]["payload"])
    if not arrived:
        return "lost"
    token = arrived[0]["token"]
    answers = [p for p in run.where(at="device:eth0", source=DEVICE, destination=sender) if p["token"] == token]
    back = {p["payload"] for p in run.where(destination=sender, source=OUTSIDE)}
    return "answered" if answers[0]["payload"] in back else "lost"


@pytest.mark.parametrize("variant", VARIANTS)
def test_both_ways_hold_and_end_with_0(runs, variant):
    runs[variant].assert_holds()


@pytest.mark.parametrize("column, variant", enumerate([None, "filter", "peer"]))
def test_what_is_sent_and_who_gets_in_is_as_the_table_says(runs, column, variant):
    run = runs[variant]
    said = {name: cells[column] for name, cells in table("request, octets").items()}
    made = exchanges(run, before=registration(run))
    assert said == {
        "request, octets of UDP": str(len(made[0][0]) // 2),
        "response, octets of UDP": str(len(made[0][1]) // 2),
        "exchanges before the device registers": str(len(made)),
        "its server, after a silence": fate(run, SERVER),
        "a stranger, at the same place": fate(run, STRANGER),
    }


@pytest.mark.parametrize("column, variant", enumerate(["restart", "peer-restart"]))
def test_what_a_restart_takes_is_as_the_table_says(runs, column, variant):
    run = runs[variant]
    said = {name: cells[column] for name, cells in table("exchanges until").items()}
    announced = [
        p for p in run.where(at="device:eth0", pcp_opcode="0") if p["pcp_response"] == "1" and frame(p) > registration(run)
    ]
    lost = frame(announced[0])
    before, after = exchanges(run, before=lost), exchanges(run, after=lost)
    same = external_port(before[-1][1]) == external_port(after[-1][1])
    assert said == {
        "exchanges until all is as before": str(len(after)),
        "external port": "the same" if same else "another",
        "its server, where the device is registered": fate(run, SERVER, after=lost),
    }


def test_the_words_below_the_tables_follow_from_them(runs):
    rows = table("request, octets")
    costs = [int(cell) for cell in rows["request, octets of UDP"]]
    assert costs[2] / costs[0] == pytest.approx(4 / 3)
    assert abs(costs[1] - costs[2]) <= 4
    assert re.search("a third more", (SCENARIOS / "map-peer.md").read_text())

"""pinhole run of the deck's nine steps with LwM2M, and their variants: judged from the captures by tshark."""

import re
import subprocess

import pytest

from conftest import BUILD, GRANTED, PINHOLE, SCENARIOS, Run, begin, coap_path, run_all, validate

# One process makes the runs, where several share the tests.
pytestmark = pytest.mark.xdist_group("lwm2m")

NINE, ANYCAST = SCENARIOS / "lwm2m-nine-steps.yaml", SCENARIOS / "lwm2m-anycast.yaml"
RUNS = {
    "nine steps": [NINE],
    **{
        name: [NINE, "--variant", name]
        for name in (
            "no-pcp-anywhere",
            "silent-gateway",
            "unreachable-gateway",
            "nat-pmp-only",
            "gateway-restarts",
            "renumbered",
            "hours-of-silence",
            "older-flow",
            "endpoint-dependent",
            "lwm2m-1.1",
            "thermometer",
            "queue-mode",
            "queue-mode-1.1",
            "dtls",
            "dtls-renumbered",
            "dtls-older-flow",
        )
    },
    "anycast": [ANYCAST],
    "anycast, behind NAT44": [ANYCAST, "--variant", "behind-nat44"],
    "anycast, IPv6": [ANYCAST, "--variant", "ipv6"],
}
AT_ONCE = 6  # runs side by side: each is a handful of programs that wait most of the time

# Codes of CoAP as tshark gives them.
GET, POST, PUT, DELETE = "1", "2", "3", "4"
CREATED, DELETED, CHANGED, CONTENT = "65", "66", "68", "69"
TLV = "application/vnd.oma.lwm2m+tlv"
ADDRESS_MISMATCH = "12"
PSK = "000102030405060708090a0b0c0d0e0f"  # in the scenario

FIELDS = {
    "frame": "frame.number",
    "time": "frame.time_epoch",
    "at": "frame.interface_name",
    "source": "ip.src",
    "source6": "ipv6.src",
    "source_port": "udp.srcport",
    "destination": "ip.dst",
    "destination6": "ipv6.dst",
    "code": "coap.code",
    "path": "coap.opt.uri_path_recon",
    "segments": "coap.opt.uri_path",
    "query": "coap.opt.uri_query",
    "token": "coap.token",
    "format": "coap.opt.ctype",
    "observe": "coap.opt.observe",
    "tlv": "lwm2mtlv.value.integer",
    "payload": "udp.payload",
    "hello": "dtls.handshake.type",
    "record": "dtls.record.content_type",
    "icmp": "icmp.type",
    "pcp_response": "portcontrol.r",
    "pcp_opcode": "portcontrol.opcode",
    "pcp_result": "portcontrol.result_code",
    "pcp_lifetime": "portcontrol.lifetime_req",
    "pcp_granted": "portcontrol.lifetime_rsp",
    "pcp_external_port": "portcontrol.map.rsp_assigned_external_port",
    "nonce": "portcontrol.map.nonce",
}


class LwM2mRun(Run):
    fields, occurrence = FIELDS, "a"

    def complete(self, packet):
        for key in ("source", "destination", "source_port"):  # of a quoted packet in an ICMP error only the outer counts
            packet[key] = packet[key].partition(",")[0]
        packet["path"] = coap_path(packet["segments"])

    def coap(self, **wanted):
        return [p for p in self.where(**wanted) if p["code"]]

    def asked(self, destination):
        """PCP requests that the device sent there."""
        return self.where(at="device:eth0", pcp_response="0", destination=destination)

    def mapped(self):
        """Successes that reached the device, but for those that delete."""
        return [p for p in self.where(at="device:eth0", **GRANTED) if p["pcp_granted"] != "0"]

    def updates(self):
        """Registration Updates that reached the server."""
        posts = self.coap(at="server:eth0", code=POST)
        return [p for p in posts if p["path"].startswith("/rd/")]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lwm2m")
    done, waiting = {}, list(RUNS.items())
    while waiting:
        now, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
        done.update(run_all(folder, dict(now), LwM2mRun))
    return done


@pytest.fixture
def nine(runs):
    return runs["nine steps"]


def frame_of(packet):
    return int(packet["frame"])


def first_after(packets, before):
    """The first of the packets behind a frame."""
    return next(p for p in packets if frame_of(p) > frame_of(before))


# --- all of them ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", RUNS)
def test_a_variant_holds_and_ends_with_0(runs, name):
    run = runs[name]
    assert (run.code, run.failed()) == (0, []), run.out + run.err


@pytest.mark.parametrize("name", RUNS)
def test_what_a_run_leaves_is_as_its_schemas_say(runs, name):
    for file in ("result", "messages", "traffic"):
        validate(file, runs[name].read(f"{file}.json"))


@pytest.mark.parametrize("name", RUNS)
def test_tshark_reads_every_message_without_complaint(runs, name):
    wrong = "(coap || lwm2mtlv || dtls || portcontrol) && (_ws.malformed || _ws.expert.severity >= 0x600000)"
    if name in ("nat-pmp-only",):  # NAT-PMP answers that are no PCP are another dissector's matter
        wrong = wrong.replace(" || portcontrol", "")
    command = ["tshark", "-r", runs[name].folder / "lab.pcapng", "-Y", wrong]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == ""


@pytest.mark.parametrize("name", [name for name in RUNS if name.startswith("dtls")])
def test_a_run_tells_and_counts_its_dtls_as_tshark_does(runs, name):
    run, at = runs[name], "server:eth0"
    expected = [int(p["frame"]) for p in run.where(at=at, icmp="") if p["record"]]
    told = [m["frame"] for m in run.read("messages.json") if (m["interface"], m["protocol"]) == (at, "DTLS")]
    (row,) = (t for t in run.read("traffic.json") if (t["interface"], t["protocol"]) == (at, "DTLS"))
    assert told == expected
    assert row["in"]["packets"] + row["out"]["packets"] == len(expected) > 20


@pytest.mark.parametrize("name", [name for name in RUNS if name.startswith("dtls")])
def test_with_the_key_tshark_reads_every_message_of_dtls(runs, name, tmp_path):
    once, at = tmp_path / "once.pcapng", 'frame.interface_name == "server:eth0"'
    read = ["tshark", "-r", runs[name].folder / "lab.pcapng", "-Y", at, "-w", once]
    subprocess.run(read, capture_output=True, check=True)

    def count(which):
        read = ["tshark", "-r", once, "-o", f"dtls.psk:{PSK}", "-Y", f"dtls && ({which})"]
        return len(subprocess.run(read, capture_output=True, text=True, check=True).stdout.splitlines())

    assert count("coap") == count("dtls.record.content_type == 23") > 20
    assert count("lwm2mtlv") > 5
    assert count("_ws.malformed || _ws.expert.severity >= 0x600000") == 0


@pytest.mark.parametrize("name", RUNS)
def test_the_breaches_of_our_own_programs_are_those_that_the_scenario_is_about(runs, name):
    result = runs[name].result
    own = {program for program, peer in result["peers"].items() if peer["name"] == "reference"}
    broken = [f for f in result["findings"] if f["verdict"] in ("fail", "warn") and f.get("program") in own]
    reasons = {"6887-10.2-01": "registers before it maps", "6887-8.1.1-02": "time runs 20 times as fast"}
    if name == "hours-of-silence":
        reasons["6887-8.5-06"] = "time runs 1800 times as fast"
    assert all(reasons[f["requirement"]] in f.get("accepted", "") for f in broken)


# --- the nine steps, as tshark sees them ----------------------------------------------------


def test_the_steps_come_in_their_order(nine):
    """The messages of each step at the device, each after the one before."""
    steps = [
        (1, {"code": POST, "path": "/bs", "query": "ep=device"}),
        (1, {"code": CHANGED, "source": "11.0.0.3"}),
        (2, {"code": DELETE, "source": "11.0.0.3"}),
        (2, {"code": PUT, "path": "/1/0", "source": "11.0.0.3", "format": TLV}),
        (3, {"code": PUT, "path": "/26887/0", "source": "11.0.0.3", "format": TLV}),
        (3, {"code": POST, "path": "/bs", "source": "11.0.0.3"}),
        (4, {"code": POST, "path": "/rd", "destination": "11.0.0.2"}),
        (4, {"code": CREATED, "source": "11.0.0.2"}),
        (5, {"code": GET, "path": "/26887/0/2", "observe": "0"}),
        (5, {"code": POST, "path": "/26887/0", "format": TLV}),
        (6, {"code": GET, "path": "/26887/0/3"}),
        (6, {"code": POST, "path": "/26887/0/1"}),
        (7, {"pcp_response": "0", "destination": "192.168.1.1"}),
        (9, GRANTED),
        (9, {"code": POST, "source": "192.168.1.10", "destination": "11.0.0.2"}),
    ]
    before = {"frame": "0"}
    for step, wanted in steps:
        packets = [p for p in nine.where(at="device:eth0", **wanted) if frame_of(p) > frame_of(before)]
        assert packets, f"step {step}: nothing like {wanted} behind frame {before['frame']}"
        before = packets[0]


def test_the_registration_lists_the_object_and_is_made_with_binding_u(nine):
    (registration,) = nine.coap(at="server:eth0", code=POST, path="/rd")
    assert {"ep=device", "b=U", "lwm2m=1.0"} <= set(registration["query"].split(","))
    links = bytes.fromhex(registration["payload"])
    assert b"</26887/0>" in links
    assert b"</4/0>" in links and b"</3303/0>" in links  # which the bootstrap has cleared


def test_the_lifetime_that_the_server_writes_is_the_one_asked_for(nine):
    (write,) = nine.coap(at="device:eth0", code=POST, path="/26887/0")
    assert bytes.fromhex(write["payload"]).endswith(b"\xc2\x00\x1c\x20\xc1\x04\x01")
    assert nine.asked("192.168.1.1")[0]["pcp_lifetime"] == "7200"


def test_the_notification_bears_the_token_of_the_observation_and_says_mapped(nine):
    (observe,) = nine.coap(at="server:eth0", code=GET, path="/26887/0/2")
    told = nine.coap(at="server:eth0", code=CONTENT, token=observe["token"])
    assert bytes.fromhex(told[0]["payload"]).endswith(b"\xc1\x02\x00")
    assert bytes.fromhex(told[-1]["payload"]).endswith(b"\xc1\x02\x02")
    assert frame_of(told[-1]) > frame_of(nine.mapped()[0])


def test_the_update_is_seen_at_the_mapped_address_and_port(nine):
    update = nine.updates()[0]
    assert (update["source"], update["source_port"]) == ("11.0.0.1", nine.mapped()[0]["pcp_external_port"])
    assert frame_of(update) > frame_of(nine.mapped()[0])


def test_the_gateway_answers_so_nobody_is_asked_at_the_anycast_address(nine):
    assert nine.asked("192.0.0.9") == []


def test_that_the_deck_registers_before_it_maps_is_said(nine):
    assert "against RFC 6887 section 10.2" in nine.result["description"]
    assert nine.expectation("registration")["text"].endswith("against RFC 6887 section 10.2")


# --- the variants ---------------------------------------------------------------------------


def seconds_between(one, other):
    return float(other["time"]) - float(one["time"])


def test_a_silent_gateway_is_asked_four_times_in_45_s_and_then_the_anycast_address(runs):
    run = runs["silent-gateway"]
    asked, (anycast, *_) = run.asked("192.168.1.1"), run.asked("192.0.0.9")
    assert len(asked) == 4
    # 3 s, then about twice the time before, each up to a tenth of that shorter (RFC 6887 section 8.1.1); at twenty times
    # the speed. A request that leaves late shortens the wait behind it.
    waits = [3 * 0.9 * 1.9**n / 20 for n in range(4)]
    for one, other, wait in zip(asked, [*asked[1:], anycast], waits):
        assert seconds_between(one, other) > wait - 0.03
    assert run.where(at="device:eth0", pcp_response="1", source="192.168.1.1") == []


def test_an_unreachable_gateway_is_given_up_at_once(runs):
    run = runs["unreachable-gateway"]
    (asked,), (anycast, *_) = run.asked("192.168.1.1"), run.asked("192.0.0.9")
    between = [p for p in run.where(at="device:eth0", icmp="3") if frame_of(p) > frame_of(asked)]
    assert frame_of(between[0]) < frame_of(anycast)


def test_without_pcp_anywhere_the_device_is_lost_to_its_server(runs):
    run = runs["no-pcp-anywhere"]
    assert run.asked("192.168.1.1") and run.asked("192.0.0.9") and not run.mapped()
    assert run.coap(at="server:eth0", code=GET, path="/3/0") != []
    assert run.coap(at="device:eth0", code=GET, path="/3/0") == []


def test_a_gateway_of_nat_pmp_maps_too(runs):
    run = runs["nat-pmp-only"]
    assert run.mapped() == []
    assert run.updates() and "pcp 0 mapped udp" in run.log("device")


@pytest.mark.parametrize(
    "name",
    ["nine steps", "nat-pmp-only", "gateway-restarts", "renumbered", "hours-of-silence", "older-flow", "lwm2m-1.1"],
)
def test_the_device_is_read_out_of_the_blue(runs, name):
    run = runs[name]
    get = run.coap(at="server:eth0", code=GET, path="/3/0")[-1]
    arrived = run.coap(at="device:eth0", code=GET, token=get["token"])
    answered = run.coap(at="server:eth0", code=CONTENT, token=get["token"])
    assert arrived and answered
    spoken = [p for p in run.coap(at="server:eth0") if frame_of(p) < frame_of(get)]
    assert seconds_between(spoken[-1], get) > 2.5


def test_a_sleeper_whose_gateway_restarted_maps_again_with_its_nonce(runs):
    first, *_, last = runs["gateway-restarts"].mapped()
    assert first["nonce"] == last["nonce"]
    assert seconds_between(first, last) > 2.5


def test_a_renumbered_device_updates_from_its_new_address(runs):
    run = runs["renumbered"]
    assert [u["source"] for u in run.updates()][-1] == "11.0.0.9"


def test_hours_pass_with_renewals_and_without_a_word_to_the_server(runs):
    run = runs["hours-of-silence"]
    assert len(run.mapped()) >= 3
    assert len({p["nonce"] for p in run.mapped()}) == 1
    assert len({p["pcp_external_port"] for p in run.mapped()}) == 1


def test_a_flow_older_than_the_mapping_is_left_for_a_fresh_port(runs):
    run = runs["older-flow"]
    first, last = run.mapped()[0], run.mapped()[-1]
    assert first["pcp_external_port"] == "5683" != last["pcp_external_port"]
    assert run.updates()[0]["source_port"] != "5683"
    heard = run.coap(at="server:eth0", code=POST)[-1]
    assert heard["source_port"] == last["pcp_external_port"]


def test_a_nat_that_gives_each_flow_a_port_is_not_tried_for_ever(runs):
    run = runs["endpoint-dependent"]
    executed = run.coap(at="device:eth0", code=POST, path="/26887/0/1")
    assert len(executed) == 2
    mapped = {p["pcp_external_port"] for p in run.mapped()}
    assert mapped.isdisjoint({p["source_port"] for p in run.updates()})


@pytest.mark.parametrize("name", ["queue-mode", "queue-mode-1.1"])
def test_a_device_in_queue_mode_is_not_told_to_map(runs, name):
    run = runs[name]
    assert not [p for p in run.packets if p["pcp_response"] and p["source"] == "192.168.1.10"]
    assert not [p for p in run.coap(at="device:eth0") if p["path"].startswith("/26887") and p["source"] == "11.0.0.2"]


def test_the_temperature_is_observed_out_of_the_blue(runs):
    run = runs["thermometer"]
    (get,) = run.coap(at="device:eth0", code=GET, path="/3303/0/5700")
    told = [p["observe"] for p in run.coap(at="server:eth0", code=CONTENT, token=get["token"])]
    assert len(told) >= 2 and "0" not in told[1:]


def test_one_of_1_1_says_so(runs):
    (registration,) = runs["lwm2m-1.1"].coap(at="server:eth0", code=POST, path="/rd")
    assert "lwm2m=1.1" in registration["query"].split(",")


CLIENT_HELLO, APPLICATION_DATA = "1", "23"


def sessions(run):
    """Sources of the sessions that were begun at the server."""
    hellos = [p for p in run.where(at="server:eth0", destination="11.0.0.2") if p["hello"].split(",")[0] == CLIENT_HELLO]
    return list(dict.fromkeys((p["source"], p["source_port"]) for p in hellos))


def test_a_session_outlives_the_silence(runs):
    run = runs["dtls"]
    mapped = run.mapped()[0]
    assert sessions(run) == [("11.0.0.1", mapped["pcp_external_port"])]
    assert run.coap(at="server:eth0") == []
    hellos = run.where(at="server:eth0", source="11.0.0.2", hello=CLIENT_HELLO)
    assert hellos == []  # nor does the server begin one with a device that has left


def test_after_renumbering_there_is_another_session(runs):
    run = runs["dtls-renumbered"]
    assert [source for source, _ in sessions(run)] == ["11.0.0.1", "11.0.0.9"]


def test_a_session_on_a_flow_older_than_the_mapping_is_left_for_one_from_a_mapped_port(runs):
    run = runs["dtls-older-flow"]
    first, last = run.mapped()[0], run.mapped()[-1]
    fresh = last["pcp_external_port"]
    assert first["pcp_external_port"] == "5684" != fresh
    neighbour, before, after = sessions(run)
    assert (neighbour, after) == (("11.0.0.1", "5684"), ("11.0.0.1", fresh))
    assert before not in (neighbour, after)
    spoken = run.where(at="server:eth0", record=APPLICATION_DATA, destination="11.0.0.2")
    assert [p["source_port"] for p in (spoken[0], spoken[-1])] == [before[1], fresh]
    assert all(p["source_port"] != fresh for p in spoken if frame_of(p) < frame_of(last))
    assert run.coap(at="server:eth0") == []


def test_behind_a_nat_that_passes_nothing_on_the_anycast_address_must_refuse(runs):
    run = runs["anycast, behind NAT44"]
    refused = run.where(at="device:eth0", pcp_response="1", source="192.0.0.9")
    assert refused and {p["pcp_result"] for p in refused} == {ADDRESS_MISMATCH}
    assert run.mapped() == []


def test_behind_a_router_the_anycast_address_grants(runs):
    assert runs["anycast"].mapped()[0]["source"] == "192.0.0.9"
    assert runs["anycast, IPv6"].mapped()[0]["source6"] == "2001:1::1"


# --- the report -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def report(runs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    command = [PINHOLE, "report", runs["nine steps"].folder, "--out", folder]
    subprocess.run(command, check=True, capture_output=True)
    return (folder / "report.md").read_text()


def test_the_report_tells_the_nine_steps_with_frames_of_the_capture(report, nine):
    section = report.partition("## The nine steps")[2].partition("\n## ")[0]
    ladder = section.partition("```")[2].partition("```")[0]
    assert re.findall(r"^step (\d):", ladder, re.M) == list("123456789")
    arrows = [line for line in ladder.splitlines() if re.match(r" {10}\|.*-[->]|<-", line)]
    frames = {int(n) for line in arrows for n in re.findall(r"\d+", line)}
    known = {frame_of(p): p for p in nine.packets}
    assert len(arrows) >= 20 and frames <= set(known)
    assert all(re.search(r"\d", line) for line in arrows)
    assert all(known[n]["code"] or known[n]["pcp_response"] for n in frames)


def test_the_report_says_that_the_deck_registers_before_it_maps(report):
    assert "against RFC 6887 section 10.2" in report.replace("\\", "")


# --- other programs as peers ----------------------------------------------------------------


def test_programs_named_by_the_templates_take_the_three_roles(tmp_path):
    """Each template, with a program of ours under another name in place of the one it names."""
    tmp_path.chmod(0o755)
    chosen = []
    for program in ("device", "server", "bootstrap"):
        role = f"lwm2m-{program}"
        text = (SCENARIOS / f"peers/templates/{role}.yaml").read_text()
        own = BUILD.resolve() / f"pinhole-{role}"
        text, replaced = re.subn(r"/usr/local/bin/my-lwm2m-\w+", str(own), text)
        assert replaced >= 2
        text = re.sub(r"^program: .*$", f"program: [{own}]", text, flags=re.M)
        text = re.sub(r"^ready: .*$", f"ready: {{ line: '^pinhole-{role}: ready' }}", text, flags=re.M)
        peer = tmp_path / f"{role}.yaml"
        peer.write_text(text)
        chosen += ["--peer", f"{program}={peer}"]
    run = LwM2mRun(begin(NINE, tmp_path / "out", *chosen), tmp_path / "out")
    assert (run.code, run.failed()) == (0, []), run.out + run.err
    assert run.result["peers"]["device"]["name"] == "my-lwm2m-device"


def test_a_client_without_the_object_is_judged_by_the_steps_before(tmp_path):
    out = tmp_path / "out"
    run = LwM2mRun(begin(NINE, out, "--peer", "device=reference:without-pcp"), out)
    assert (run.code, run.failed()) == (0, []), run.out + run.err
    judged = {e["name"] for e in run.result["expectations"] if e["verdict"] == "pass"}
    assert {"bootstrap-request", "account-answer", "registered"} <= judged
    assert "mapping" not in judged


def test_a_server_that_enables_nothing_falls_short(tmp_path):
    out = tmp_path / "out"
    run = LwM2mRun(begin(NINE, out, "--peer", "server=reference:without-pcp"), out)
    assert run.code == 1
    assert run.expectation("registered")["verdict"] == "pass"

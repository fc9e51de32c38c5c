"""`pinhole report`, from folders of runs that each test writes."""

import html.parser
import json
import os
import pathlib
import re
import subprocess
import sys

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "captures")]

import octets as o  # noqa: E402
from capture import Packet  # noqa: E402
from pinhole_report import journey, ladder, ladder_text, numbered, page, runfolder  # noqa: E402

BUILD = pathlib.Path(os.environ.get("PINHOLE_BUILD", HERE.parent / "build")).resolve()

DEVICE, SERVER = "192.168.1.10:5683", "11.0.0.2:5683"
MAPPED = "11.0.0.1:40000"


# --- runs -----------------------------------------------------------------------------------


def sighting(
    frame,
    time,
    interface,
    direction,
    source,
    destination,
    payload=1,
    protocol="CoAP",
    summary="CON GET /status",
):
    return {
        "frame": frame,
        "time": time,
        "interface": interface,
        "direction": direction,
        "source": source,
        "destination": destination,
        "protocol": protocol,
        "summary": summary,
        "payload": f"{payload:016x}",
    }


def hop(frame, time, left, reached, source, destination, **keys):
    """A link crossed: its two sightings, with frames frame and frame + 1."""
    return [
        sighting(frame, time, left, "out", source, destination, **keys),
        sighting(frame + 1, time, reached, "in", source, destination, **keys),
    ]


def through_nat(frame=1, time=0.0, **keys):
    """A message from the device to the server, with its source rewritten at the gateway."""
    return hop(frame, time, "device:eth0", "gateway:eth0", DEVICE, SERVER, **keys) + hop(
        frame + 2, time, "gateway:eth1", "server:eth0", MAPPED, SERVER, **keys
    )


INTERFACES = ("device:eth0", "gateway:eth0", "gateway:eth1", "server:eth0")


def result(**changes):
    value = {
        "scenario": "home",
        "description": "A device behind a home gateway.",
        "verdict": "pass",
        "seed": 7,
        "command": "pinhole run scenarios/home.yaml --seed 7",
        "started": "2024-05-01T12:00:00Z",
        "seconds": 6.25,
        "peers": {"gateway": {"name": "miniupnpd", "version": "2.3.1"}},
        "steps": [{"step": "start gateway", "seconds": 0.05, "outcome": "ok"}],
        "expectations": [
            {
                "name": "called",
                "verdict": "pass",
                "expected": "a 2.05",
                "actual": "1 packet",
                "frames": [1],
            }
        ],
        "findings": [
            {
                "requirement": "6887-8.1.1-02",
                "level": "SHOULD",
                "capture": "lab.pcapng",
                "frame": 3,
                "text": "retransmitted after 1.0 s",
            }
        ],
        "crashes": [],
        "capture": {"file": "lab.pcapng", "packets": 20, "dropped": 0},
    }
    value.update(changes)
    return value


def traffic(interfaces=INTERFACES):
    counts = {"packets": 1, "octets": 52, "wakeups": 1}
    return [
        {"interface": name, "protocol": "CoAP", "in": counts, "out": counts} for name in interfaces
    ]


@pytest.fixture
def run(tmp_path):
    """Writes the folder of a run; what is given replaces parts of it."""

    def write(messages=None, traffic_rows=None, **changes):
        folder = tmp_path / "run"
        folder.mkdir(exist_ok=True)
        documents = {
            "result": result(**changes),
            "messages": through_nat() if messages is None else messages,
            "traffic": traffic() if traffic_rows is None else traffic_rows,
        }
        for name, value in documents.items():
            (folder / f"{name}.json").write_text(json.dumps(value))
        return folder

    return write


def pinhole(*arguments):
    return subprocess.run(
        [BUILD / "pinhole", "report", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
    )


class Page(html.parser.HTMLParser):
    """Elements, attributes and visible text of a page."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self.open = [], [], []
        self.feed(text)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def ids(self):
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]


def report_of(folder):
    """Page and Markdown of a run, through the command."""
    done = pinhole(folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [str(folder / "report.html"), str(folder / "report.md")]
    return Page((folder / "report.html").read_text()), (folder / "report.md").read_text()


# --- journeys -------------------------------------------------------------------------------


def followed(messages, interfaces=INTERFACES):
    return [(j.frames, j.fate) for j in journey.follow(messages, interfaces)]


def test_a_message_is_one_journey_through_a_nat_that_rewrites_its_source():
    assert followed(through_nat()) == [([1, 2, 3, 4], "delivered")]


def test_a_retransmission_is_a_journey_of_its_own():
    messages = through_nat(1, 0.0) + through_nat(5, 2.0)
    assert followed(messages) == [([1, 2, 3, 4], "delivered"), ([5, 6, 7, 8], "delivered")]


def test_a_retransmission_that_overtakes_nothing_keeps_its_order_on_a_slow_link():
    first = hop(1, 0.0, "device:eth0", "gateway:eth0", DEVICE, SERVER)
    second = hop(2, 1.0, "device:eth0", "gateway:eth0", DEVICE, SERVER)
    first[1].update(frame=3, time=1.5)
    second[1].update(frame=4, time=2.5)
    assert [frames for frames, _ in followed([first[0], second[0], first[1], second[1]])] == [
        [1, 3],
        [2, 4],
    ]


def test_an_echo_of_the_same_payload_is_another_message():
    messages = through_nat(protocol="UDP")
    messages += hop(5, 0.0, "server:eth0", "gateway:eth1", SERVER, MAPPED, protocol="UDP")
    messages += hop(7, 0.0, "gateway:eth0", "device:eth0", SERVER, DEVICE, protocol="UDP")
    assert followed(messages) == [([1, 2, 3, 4], "delivered"), ([5, 6, 7, 8], "delivered")]


def test_a_message_that_a_router_does_not_forward_was_stopped_there():
    messages = hop(1, 0.0, "server:eth0", "gateway:eth1", SERVER, MAPPED)
    (stopped,) = journey.follow(messages, INTERFACES)
    assert stopped.fate == "stopped"
    assert "reached gateway:eth1 and went no further" in journey.describe_end(stopped)


def test_a_nat_that_forwarded_from_an_address_is_no_endpoint_there():
    messages = through_nat() + hop(5, 9.0, "server:eth0", "gateway:eth1", SERVER, MAPPED, payload=2)
    assert followed(messages)[1] == ([5, 6], "stopped")


def test_a_request_to_a_router_that_answers_from_there_was_delivered():
    messages = hop(
        1, 0.0, "device:eth0", "gateway:eth0", DEVICE, "192.168.1.1:5351", protocol="PCP"
    )
    messages += hop(
        3, 0.1, "gateway:eth0", "device:eth0", "192.168.1.1:5351", DEVICE, payload=2, protocol="PCP"
    )
    assert [fate for _, fate in followed(messages)] == ["delivered", "delivered"]


def test_a_message_to_a_host_that_stays_silent_was_delivered():
    assert followed(hop(1, 0.0, "gateway:eth1", "server:eth0", MAPPED, SERVER)) == [
        ([1, 2], "delivered")
    ]


def test_a_message_that_arrives_nowhere_was_lost():
    (lost,) = journey.follow(through_nat()[:1], INTERFACES)
    assert lost.fate == "lost"
    assert journey.describe_end(lost) == "left device:eth0 and arrived nowhere"


def test_a_multicast_reaches_every_node_of_its_link_and_is_not_stopped_at_a_router():
    multicast = {"source": DEVICE, "destination": "224.0.0.1:5350", "protocol": "PCP"}
    messages = hop(1, 0.0, "device:eth0", "other:eth0", **multicast)
    messages.append(sighting(3, 0.0, "gateway:eth0", "in", **multicast))
    assert followed(messages) == [([1, 2, 3], "delivered")]


def test_a_multicast_that_nobody_hears_is_not_lost():
    multicast = {"source": "[fe80::1]:5351", "destination": "[ff02::1]:5350", "protocol": "PCP"}
    assert followed([sighting(1, 0.0, "gateway:eth0", "out", **multicast)]) == [([1], "delivered")]


def test_what_a_router_sends_long_after_an_arrival_was_not_forwarded():
    messages = hop(1, 0.0, "device:eth0", "gateway:eth0", DEVICE, SERVER)
    messages += hop(3, 2.0, "gateway:eth1", "server:eth0", MAPPED, SERVER)
    assert [frames for frames, _ in followed(messages)] == [[1, 2], [3, 4]]


def test_equal_payloads_of_two_devices_are_told_apart_by_their_addresses():
    one = hop(1, 0.0, "device:eth0", "gateway:eth0", DEVICE, SERVER)
    two = hop(2, 0.0, "other:eth0", "gateway:eth0", "192.168.1.11:5683", SERVER)
    one[1].update(frame=4)
    assert [frames for frames, _ in followed([one[0], two[0], two[1], one[1]])] == [[1, 4], [2, 3]]


def test_an_arrival_that_is_captured_just_before_its_departure_is_put_in_order():
    left, reached = hop(1, 0.0, "device:eth0", "gateway:eth0", DEVICE, SERVER)
    reached.update(frame=1)
    left.update(frame=2, time=0.0001)
    assert followed([reached, left])[0][0] == [2, 1]


def test_without_directions_each_sighting_stands_for_itself():
    messages = [sighting(n, 0.0, "", "unknown", DEVICE, SERVER) for n in (1, 2)]
    assert followed(messages) == [([1], "delivered"), ([2], "delivered")]


PATH = ["device", "gateway", "cgn", "server"]


def test_lifelines_stand_in_the_order_of_the_path():
    messages = hop(
        1, 0.0, "cgn:eth1", "server:eth0", "11.0.0.1", SERVER, payload=5, protocol="ICMP"
    )
    messages += hop(3, 1.0, "device:eth0", "gateway:eth0", DEVICE, SERVER)
    messages += hop(5, 1.0, "gateway:eth1", "cgn:eth0", "100.64.0.2:5683", SERVER)
    messages += hop(7, 1.0, "cgn:eth1", "server:eth0", MAPPED, SERVER)
    assert journey.order_nodes(journey.follow(messages)) in (PATH, PATH[::-1])


def test_a_host_stands_in_front_of_the_router_that_spoke_before_it():
    messages = hop(1, 0.0, "gateway:eth0", "device:eth0", "192.168.1.1:5351", "224.0.0.1:5350")
    hosts = journey.hosts_of(messages, INTERFACES)
    assert hosts == {"device", "server"}
    journeys = journey.follow(messages, INTERFACES)
    assert journey.order_nodes(journeys, hosts) == ["device", "gateway"]


def test_who_only_hears_announcements_does_not_part_those_who_talk():
    announced = {"source": "192.168.1.1:5351", "destination": "224.0.0.1:5350", "payload": 9}
    messages = hop(1, 0.0, "gateway:eth0", "bystander:eth0", announced["source"], announced["destination"])
    messages.append(sighting(3, 0.0, "device:eth0", "in", **announced))
    messages += through_nat(4, 1.0)
    interfaces = (*INTERFACES, "bystander:eth0")
    hosts = journey.hosts_of(messages, interfaces)
    order = journey.order_nodes(journey.follow(messages, interfaces), hosts)
    assert order[:3] == ["device", "gateway", "server"]


# --- ladders --------------------------------------------------------------------------------


def drawn_by(draw, messages):
    journeys = journey.follow(messages, INTERFACES)
    return draw(journeys, journey.order_nodes(journeys, journey.hosts_of(messages, INTERFACES)))


def test_a_ladder_draws_one_row_a_message_with_an_arrow_a_link():
    drawn = drawn_by(ladder.draw, through_nat() + through_nat(5, 2.0))
    assert [name for name, _ in drawn.nodes] == ["device", "gateway", "server"]
    assert [[a.end for a in row.arrows] for row in drawn.rows] == [["arrow", "arrow"]] * 2
    assert [[frame for _, frame, _ in row.dots] for row in drawn.rows] == [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
    ]
    assert [text for _, text in drawn.remarks] == ["2.0 s without a message"]


def test_addresses_stand_where_they_begin_and_where_they_are_rewritten():
    (row,) = drawn_by(ladder.draw, through_nat()).rows
    assert [arrow.addresses for arrow in row.arrows] == [
        f"{DEVICE} → {SERVER}",
        f"{MAPPED} → {SERVER}",
    ]
    forwarded = hop(1, 0.0, "device:eth0", "gateway:eth0", DEVICE, SERVER)
    forwarded += hop(3, 0.0, "gateway:eth1", "server:eth0", DEVICE, SERVER)
    (row,) = drawn_by(ladder.draw, forwarded).rows
    assert [arrow.addresses for arrow in row.arrows] == [f"{DEVICE} → {SERVER}", ""]


def test_frames_stand_at_the_ends_where_they_were_captured():
    back = hop(5, 1.0, "server:eth0", "gateway:eth1", SERVER, MAPPED, payload=2)
    there, here = drawn_by(ladder.draw, through_nat() + back).rows
    assert [arrow.frames for arrow in there.arrows] == ["#1 > #2", "#3 > #4"]
    assert [arrow.frames for arrow in here.arrows] == ["#6 < #5"]


def test_a_stopped_message_ends_in_a_cross_at_the_node_that_stopped_it():
    messages = through_nat() + hop(5, 9.0, "server:eth0", "gateway:eth1", SERVER, MAPPED, payload=2)
    drawn = drawn_by(ladder.draw, messages)
    (arrow,) = drawn.rows[1].arrows
    assert (arrow.end, arrow.x2) == ("stopped", dict(drawn.nodes)["gateway"])


def test_a_lost_message_ends_in_a_cross_between_nodes():
    drawn = drawn_by(ladder.draw, through_nat() + through_nat(5, 1.0)[:1])
    (arrow,) = drawn.rows[1].arrows
    assert arrow.end == "lost"
    assert dict(drawn.nodes)["device"] < arrow.x2 < dict(drawn.nodes)["gateway"]


def test_a_text_ladder_fits_72_columns_and_shows_where_a_message_stopped():
    messages = through_nat() + hop(5, 9.0, "server:eth0", "gateway:eth1", SERVER, MAPPED, payload=2)
    lines = drawn_by(ladder_text.draw, messages)
    assert max(map(len, lines)) <= 72
    assert lines[0].split() == ["time", "s", "device", "gateway", "server"]
    assert re.fullmatch(r" {10}\|-+#1 > #2-+>\|-+#3 > #4-+>\|", lines[3])
    stopped = lines[-1]
    assert stopped.index("X") == lines[0].index("gateway")
    assert stopped.rstrip().endswith("|") and "#6 < #5" in stopped


def test_a_narrow_text_ladder_still_names_the_frames():
    names = [f"n{i}" for i in range(6)]
    messages = []
    for i in range(5):
        ends = f"{names[i]}:eth1", f"{names[i + 1]}:eth0"
        messages += hop(121 + 2 * i, 0.0, *ends, DEVICE, SERVER)
    lines = ladder_text.draw(journey.follow(messages), names)
    assert max(map(len, lines)) <= 72
    assert re.findall(r"\d+>\d+", lines[-1]) == [f"{n}>{n + 1}" for n in range(121, 131, 2)]


# --- pages ----------------------------------------------------------------------------------


def test_a_report_tells_verdict_expectations_findings_traffic_and_how_to_repeat(run):
    web, markdown = report_of(run())
    text = " ".join(" ".join(web.text).split())
    for words in (
        "pass",
        "A device behind a home gateway.",
        "1 of 1 expectation met, 1 finding, 20 packets captured, " "0 dropped, 6.2 s",
        "miniupnpd",
        "2.3.1",
        "a 2.05",
        "6887-8.1.1-02",
        "retransmitted after 1.0 s",
        "pinhole run scenarios/home.yaml --seed 7",
        "start gateway",
        "CON GET /status",
    ):
        assert words in text
        assert words in markdown.replace("\\", "")
    assert "dropped 0" not in text


def test_frames_in_tables_lead_to_the_ladder(run):
    web, _ = report_of(run())
    targets = [a["href"] for tag, a in web.elements if tag == "a"]
    assert "#frame-1" in targets and "#frame-3" in targets
    assert {target.lstrip("#") for target in targets} <= set(web.ids())
    assert len(set(web.ids())) == len(web.ids())


def numbered_run(run):
    """A step of a message, one of nothing, one of an answer; and what has no number."""
    back = hop(5, 1.0, "server:eth0", "gateway:eth1", SERVER, MAPPED, payload=2, summary="ACK 2.05")
    back += hop(7, 1.0, "gateway:eth0", "device:eth0", SERVER, DEVICE, payload=2, summary="ACK 2.05")
    other = through_nat(9, 2.0, payload=3, summary="CON GET /elsewhere")

    def expectation(text, *frames):
        verdict = {"name": text, "verdict": "pass", "expected": "", "actual": "", "text": text}
        return {**verdict, "frames": list(frames)}

    return run(
        messages=through_nat() + back + other,
        expectations=[
            expectation("step 1: the device asks", 4),
            expectation("step 3: it is answered", 8),
            expectation("step 1: and is heard", 1),
            expectation("step 2: nobody else speaks"),
            expectation("something else", 12),
        ],
    )


def test_numbered_steps_are_told_in_their_order_with_the_messages_they_rest_on(run):
    web, markdown = report_of(numbered_run(run))
    text = " ".join(" ".join(web.text).split())
    assert "The three steps" in text and "## The three steps" in markdown
    table = re.findall(r"^\| (\d?) +\| pass \| (.*) \| ([\d, ]*) ?\|$", markdown, re.M)
    assert [(number, words) for number, words, _ in table] == [
        ("1", "the device asks"),
        ("", "and is heard"),
        ("2", "nobody else speaks"),
        ("3", "it is answered"),
    ]
    ladder_lines = markdown.partition("## The three steps")[2].partition("```")[2].partition("```")[0]
    told = [line for line in ladder_lines.splitlines() if re.search(r"step|CON|ACK|#", line)]
    assert [re.sub(r"[-|<> ]+", " ", line).strip() for line in told] == [
        "step 1: the device asks",
        "0.000 CoAP CON GET /status",
        "#1 #2 #3 #4",
        "step 2: nobody else speaks; no message",
        "step 3: it is answered",
        "1.000 CoAP ACK 2.05",
        "#8 #7 #6 #5",
    ]
    headings = [a for tag, a in web.elements if tag == "text" and a.get("class", "").startswith("heading")]
    assert len(headings) == 3
    assert len(set(web.ids())) == len(web.ids())


def test_steps_of_which_some_lack_are_not_counted_in_the_title():
    def titled(*numbers):
        steps = [{"text": f"step {n}: x", "frames": []} for n in numbers]
        return numbered.group(steps, []).title

    assert titled(*range(1, 10)) == "The nine steps"
    assert titled(5, 7) == "Step by step"
    assert titled(*range(1, 12)) == "The 11 steps"


def test_a_run_without_numbered_steps_has_no_such_section(run):
    web, markdown = report_of(run())
    assert "step by step" not in markdown and "step by step" not in " ".join(web.text)
    assert numbered.group([{"text": "step by step", "frames": []}, {"frames": []}], []) is None


def test_a_message_that_died_is_told_with_the_node_and_the_frames_of_each_try(run):
    messages = through_nat() + hop(5, 9.0, "server:eth0", "gateway:eth1", SERVER, MAPPED, payload=2)
    messages += hop(7, 11.0, "server:eth0", "gateway:eth1", SERVER, MAPPED, payload=2)
    web, markdown = report_of(run(messages=messages, verdict="fail"))
    for text in ("".join(web.text), markdown):
        assert "2 times (frames 5, 6, 7, 8): reached gateway:eth1 and went no further" in " ".join(
            text.split()
        )


def test_a_crash_is_told_at_the_top(run):
    crash = {"program": "device", "text": "died of SIGSEGV", "log": "logs/device.log"}
    web, markdown = report_of(run(crashes=[crash, {**crash, "accepted": "it is known for that"}]))
    text = "".join(web.text)
    for page_text in (text, markdown):
        assert "device died of SIGSEGV; see logs/device.log." in page_text
        assert page_text.index("Accepted: it is known for that") < page_text.index("Expectations")
    assert text.count("died of SIGSEGV") == 2


def test_dropped_packets_are_an_alarm(run):
    web, markdown = report_of(run(capture={"file": "lab.pcapng", "packets": 20, "dropped": 3}))
    assert "The kernel dropped 3 packets" in "".join(web.text)
    assert "**The kernel dropped 3 packets" in markdown


def test_a_run_without_messages_or_expectations_is_reported_too(run):
    web, markdown = report_of(
        run(messages=[], traffic_rows=[], expectations=[], findings=[], steps=[])
    )
    assert "No rule found anything amiss." in markdown
    assert all(tag != "line" for tag, _ in web.elements)


def test_a_run_that_could_not_be_carried_out_is_told_with_its_reason(run):
    folder = run(verdict="error", error="no user namespaces here", expectations=[], findings=[])
    (folder / "messages.json").unlink()
    (folder / "traffic.json").unlink()
    web, markdown = report_of(folder)
    for text in ("".join(web.text), markdown):
        assert "The run could not be carried out: no user namespaces here" in text


def test_what_a_run_may_say_besides_is_shown(run):
    skipped = {
        "name": "skipped",
        "verdict": "skip",
        "expected": "",
        "actual": "about others",
        "frames": [],
    }
    told = {
        "name": "called",
        "text": "the server calls",
        "verdict": "pass",
        "expected": "",
        "actual": "",
        "frames": [],
    }
    finding = dict(result()["findings"][0], verdict="warn", program="device")
    step = {"step": "await", "seconds": 1, "outcome": "failed", "detail": "time ran out"}
    web, markdown = report_of(run(expectations=[skipped, told], findings=[finding], steps=[step]))
    for text in ("|".join(web.text), markdown):
        for words in (
            "1 of 1 expectation met",
            "the server calls",
            "about others",
            "failed: time ran out",
        ):
            assert words in text
        assert re.search(r"warn *\| *6887-8.1.1-02 *\| *SHOULD *\| *device", text)


def test_a_page_asks_for_nothing_from_outside(run):
    web, _ = report_of(run())
    for tag, attributes in web.elements:
        assert tag not in ("script", "link", "img", "iframe", "object", "base", "form")
        assert "src" not in attributes
        assert attributes.get("href", "#").startswith("#")
    policy = [
        a["content"] for tag, a in web.elements if a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


HOSTILE = (
    "</title></text></svg><script>alert(1)</script><img src=x onerror=alert(1)>\"'&lt; "
    "| [x](javascript:1) ![x](http://evil.example/) ``` `` *b* _i_ # www.evil.example \u202eright\x1b[2J\r\n\r\n# h"
)


def test_hostile_strings_stay_text(run):
    messages = through_nat(summary=HOSTILE)
    for message in messages:
        message["interface"] = HOSTILE + message["interface"]
    rows = traffic([HOSTILE])
    clean, _ = report_of(run(messages=[dict(m, summary="x") for m in messages], traffic_rows=rows))
    folder = run(
        messages=messages,
        traffic_rows=rows,
        scenario=HOSTILE,
        description=HOSTILE,
        command=HOSTILE,
        started=HOSTILE,
        peers={HOSTILE: {"name": HOSTILE, "version": HOSTILE}},
        steps=[{"step": HOSTILE, "seconds": 1, "outcome": HOSTILE}],
        expectations=[
            {
                "name": HOSTILE,
                "verdict": "fail",
                "expected": HOSTILE,
                "actual": HOSTILE,
                "frames": [1],
            }
        ],
        findings=[
            {
                "requirement": "6887-8.1.1-02",
                "level": HOSTILE,
                "capture": HOSTILE,
                "frame": 3,
                "text": HOSTILE,
            }
        ],
        crashes=[{"program": HOSTILE, "text": HOSTILE, "log": HOSTILE, "accepted": HOSTILE}],
        capture={"file": HOSTILE, "packets": 1, "dropped": 1},
    )
    web, markdown = report_of(folder)
    assert {tag for tag, _ in web.elements} == {tag for tag, _ in clean.elements} | {"p"}
    assert not any(name.startswith("on") for _, attributes in web.elements for name in attributes)
    assert (
        "\u202e" not in "".join(web.text) + markdown and "\x1b" not in "".join(web.text) + markdown
    )
    outside = re.sub(r"(?ms)^(`{3,})$.*?^\1$", "", markdown)
    assert "<" not in re.sub(r"\\<", "", outside)
    assert not re.search(r"(?<!\\)\]\(", outside)
    assert "http://" not in outside and "www." not in outside
    assert not re.search(r"(?m)^# h", markdown)
    table = [line for line in outside.splitlines() if line.startswith("| fail |")]
    assert len(re.findall(r"(?<!\\)\|", table[0])) == 6


# --- damaged runs ---------------------------------------------------------------------------


def refused(folder):
    done = pinhole(folder)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("pinhole report: ") and done.stderr.count("\n") == 1
    assert not (folder / "report.html").exists()
    return done.stderr


@pytest.mark.parametrize("name", ["result", "messages", "traffic"])
def test_a_missing_file_is_named(run, name):
    folder = run()
    (folder / f"{name}.json").unlink()
    assert f"{folder}/{name}.json: No such file" in refused(folder)


@pytest.mark.parametrize(
    "octets",
    [b"", b"{", b"\xff\xfe", b"[" * 100000, b"NaN", b"9" * 10000, b"[1]"],
    ids=["empty", "cut", "no UTF-8", "deep", "NaN", "long number", "other"],
)
def test_a_damaged_file_is_named(run, octets):
    folder = run()
    (folder / "result.json").write_bytes(octets)
    assert f"{folder}/result.json: " in refused(folder)


def test_what_contradicts_the_schema_is_named_with_its_place(run):
    folder = run(messages=[dict(through_nat()[0], direction="up\x1b[31m")])
    assert re.search(r"messages.json: \[0\].direction: 'up.*' is not one of", refused(folder))


def test_a_pipe_in_the_place_of_a_file_holds_nothing_up(run):
    folder = run()
    (folder / "messages.json").unlink()
    os.mkfifo(folder / "messages.json")
    assert "messages.json: expected a regular file" in refused(folder)


def test_a_damaged_run_does_not_keep_the_others_from_being_reported(run, tmp_path):
    folder = run()
    done = pinhole(tmp_path / "missing", folder)
    assert done.returncode == 2
    assert "missing/result.json" in done.stderr
    assert (folder / "report.html").exists()


def test_a_link_in_the_place_of_a_report_is_replaced_not_followed(run, tmp_path):
    folder = run()
    (tmp_path / "precious").write_text("precious")
    (folder / "report.html").symlink_to(tmp_path / "precious")
    report_of(folder)
    assert (tmp_path / "precious").read_text() == "precious"
    assert not (folder / "report.html").is_symlink()


def test_a_huge_run_is_cut_and_says_so(run):
    messages = [m for n in range(800) for m in through_nat(1 + 4 * n, n * 0.01, payload=n)]
    assert len(messages) > runfolder.LIST_LIMIT
    web, markdown = report_of(run(messages=messages, description="x" * 100000))
    text = "".join(web.text)
    assert (
        "1,200 further sightings in messages.json" in text and "1,200 further sightings" in markdown
    )
    assert "100 further messages not drawn" in text
    assert "x" * 1000 not in text
    assert len(markdown) < 200_000


# --- where reports go -----------------------------------------------------------------------


def test_out_names_the_folder_of_one_report_and_holds_folders_for_several(run, tmp_path):
    folder = run()
    assert pinhole(folder, "--out", tmp_path / "one").returncode == 0
    assert sorted(p.name for p in (tmp_path / "one").iterdir()) == ["report.html", "report.md"]
    assert not (folder / "report.html").exists()
    assert pinhole(folder, folder, "--out", tmp_path / "two").returncode == 0
    assert sorted(
        str(p.relative_to(tmp_path / "two")) for p in (tmp_path / "two").glob("*/*.html")
    ) == ["run+/report.html", "run/report.html"]


def test_a_folder_that_cannot_be_written_is_one_line(run, tmp_path):
    (tmp_path / "file").write_text("")
    done = pinhole(run(), "--out", tmp_path / "file" / "out")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert str(tmp_path / "file") in done.stderr


def test_a_missing_python_module_is_one_line_that_says_how_to_get_it(run, tmp_path):
    (tmp_path / "jinja2.py").write_text("raise ModuleNotFoundError(\"No module named 'jinja2'\")")
    done = subprocess.run(
        [BUILD / "pinhole", "report", run()],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "pinhole report: No module named 'jinja2' (make setup installs what is needed)\n"
    )


def test_no_run_named_is_a_usage_error():
    done = pinhole()
    assert done.returncode == 2
    assert "usage: pinhole report" in done.stderr


# --- escaping, formats ----------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_escaped_markdown_keeps_its_letters_and_has_no_bare_markup(text):
    escaped = page.escape_markdown(runfolder.clean(text))
    assert "\n" not in escaped
    assert not re.search(
        r"(?<!\\)(?:\\\\)*[`*_\[\]<>|#]", escaped.replace("&#58;", "").replace("&#46;", "")
    )
    restored = escaped.replace("&#58;", ":").replace("&#46;", ".")
    assert re.sub(r"\\(.)", r"\1", restored) == " ".join(runfolder.clean(text).split())


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="`ab ", max_size=30))
def test_a_code_span_is_closed_by_its_own_fence_only(text):
    span = page.code(text)
    fence = re.match("`+", span)[0]
    assert span.endswith(fence) and fence not in re.findall("`+", text)


def test_a_code_block_is_closed_by_its_own_fence_only():
    lines = page.fenced(["```", "````"]).splitlines()
    assert lines == ["`````", "```", "````", "`````"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.builds(
            sighting,
            st.integers(1, 50),
            st.floats(-1, 1e9),
            st.sampled_from(INTERFACES + ("", ":", "x")),
            st.sampled_from(["in", "out", "unknown"]),
            st.sampled_from([DEVICE, SERVER, "", "[::1]:1", "x"]),
            st.sampled_from(
                [DEVICE, SERVER, MAPPED, "224.0.0.1:5350", "[ff02::1]:5350", ":", "ff02::1"]
            ),
            payload=st.integers(1, 2),
        ),
        max_size=12,
    )
)
def test_any_messages_make_a_ladder_that_holds_every_sighting_once(messages):
    journeys = journey.follow(messages)
    seen = [s for j in journeys for h in j.hops for s in h.sightings]
    assert sorted(map(id, seen)) == sorted(map(id, messages))
    nodes = journey.order_nodes(journeys)
    ladder.draw(journeys, nodes)
    assert all(j.fate == "delivered" or journey.describe_end(j) for j in journeys)
    lines = ladder_text.draw(journeys, nodes)
    if len(nodes) <= 6:
        assert all(len(line) <= 72 for line in lines)


FORMATS = sorted(
    p.name.removesuffix(".schema.json") for p in runfolder.SCHEMAS.glob("*.schema.json")
)


@pytest.mark.parametrize("name", FORMATS)
def test_every_schema_is_one(name):
    jsonschema.Draft202012Validator.check_schema(runfolder.schema(name).schema)


ANNOUNCE = {"octets": "0200", "summary": "ANNOUNCE request", "fields": {"version": 2}}
EXAMPLES = {
    "ask": {
        "server": "192.168.1.1:5351",
        "source": "[2001:db8::10]:50000",
        "request": ANNOUNCE,
        "asked": [
            {
                "result": "success",
                "transmissions": [0.0, 3.1],
                "answer": {**ANNOUNCE, "length": 24, "from": "192.168.1.1:5351", "seconds": 3.2},
                "others": [],
                "undelivered": [{"text": "Connection refused"}],
                "untold": 0,
                "epoch": {"before": 1, "now": 2, "seconds": 1.0, "valid": True},
            }
        ],
        "result": "success",
    },
    "check": {"packets": 3, "findings": result()["findings"], "seconds": 0.01},
    "objects": [
        {
            "id": 3303,
            "name": "Temperature",
            "version": "1.0",
            "multiple": True,
            "mandatory": False,
            "resources": [],
        }
    ],
    "requirements": [
        {
            "id": "6887-7.1-01",
            "level": "MUST",
            "section": "7.1",
            "role": "client",
            "text": "x",
            "observable": True,
            "cases": [],
            "rules": ["header"],
            "defects": [],
            "why_untested": None,
        }
    ],
    "test": {
        "suite": "rfc6887",
        "peer": {"name": "reference", "version": "0.1", "role": "gateway"},
        "seed": 1,
        "cases": [
            {
                "id": "map",
                "requirements": ["6887-11.3-07"],
                "level": "MUST",
                "verdict": "pass",
                "expected": "x",
                "actual": "x",
                "capture": "x.pcapng",
                "frames": [1],
                "rerun": "pinhole",
            }
        ],
        "summary": {"pass": 1},
        "seconds": 1,
    },
    "bench": {
        "lab.star100.up": {
            "ours": 0.07,
            "peer": 9.1,
            "ratio": 130,
            "unit": "s",
            "note": "mininet 2.3.0",
        }
    },
    "size": {
        "pcp-client-map.cortex-m0": {"text": 2900, "data": 0, "bss": 12, "stack": 300},
        "lwm2m-client.cortex-m0": {"text": 45000, "data": 0, "bss": 0, "stack": 1400, "instance": 1736},
        "lwm2m-device.x86-64": {"text": 112000, "data": 4, "bss": 435000, "stack": 20632},
        "libmnl-shared.x86-64": {"text": 8800, "data": 136, "bss": 8, "stack": None},
    },
    "result": result(),
    "messages": through_nat(),
    "traffic": traffic(),
    "common": {},
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_document_of_each_format_keeps_its_schema(name):
    runfolder.schema(name).validate(EXAMPLES[name])


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "common"])
def test_a_document_that_lacks_a_key_breaks_its_schema(name):
    whole = EXAMPLES[name]
    inner = (
        whole[0]
        if isinstance(whole, list)
        else next(iter(whole.values()))
        if name in ("bench", "size")
        else whole
    )
    for key in inner:
        cut = {k: v for k, v in inner.items() if k != key}
        document = (
            [cut]
            if isinstance(whole, list)
            else {next(iter(whole)): cut}
            if inner is not whole
            else cut
        )
        assert not runfolder.schema(name).is_valid(document), key


def json_of(*arguments):
    done = subprocess.run(
        [BUILD / "pinhole", *arguments, "--json"], capture_output=True, text=True, timeout=120
    )
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_the_list_of_requirements_keeps_its_schema():
    requirements = json_of("list", "requirements")
    runfolder.schema("requirements").validate(requirements)
    assert len({requirement["id"] for requirement in requirements}) == len(requirements) > 300


def test_what_check_finds_keeps_its_schema(tmp_path):
    reserved = bytes([2, 1, 0xFF, 0xFF]) + bytes(56)  # a MAP request whose reserved octets are set
    datagram = o.udp(("192.168.1.10", 50000), ("192.168.1.1", 5351), reserved)
    path = tmp_path / "capture.pcap"
    path.write_bytes(o.pcap([Packet(0, 0, 0, datagram)], o.RAW))
    checked = json_of("check", path)
    runfolder.schema("check").validate(checked)
    assert checked["packets"] == 1
    assert {finding["frame"] for finding in checked["findings"]} == {1}


def test_a_real_run_keeps_the_schemas_and_its_report_follows_a_message_through_the_nat(tmp_path):
    folder = tmp_path / "home"
    scenario = HERE.parent / "scenarios" / "home.yaml"
    subprocess.run(
        [BUILD / "pinhole", "run", scenario, "--out", folder], capture_output=True, timeout=120
    )
    read = runfolder.read(folder)
    assert read.result["scenario"] == "home" and read.cut == {}
    report_of(folder)
    followed = journey.follow(read.messages, {row["interface"] for row in read.traffic})
    (call,) = [j for j in followed if "GET" in j.first["summary"]]
    path = [s["interface"] for h in call.hops for s in h.sightings]
    assert path == ["server:eth0", "gateway:eth1", "gateway:eth0", "device:eth0"]
    assert [j.fate for j in followed] == ["delivered"] * len(followed)

"""published.py, from a report and a capture of each test; and the pages that are published."""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
import yaml

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "captures")]

import octets as o  # noqa: E402
from capture import START, Packet  # noqa: E402
from pinhole_report import published  # noqa: E402

BUILD = pathlib.Path(os.environ.get("PINHOLE_BUILD", HERE.parent / "build")).resolve()
HOST, GATEWAY = ("192.168.1.10", 40001), ("192.168.1.1", 5351)
BASE = "gateway.11.1.reserved-bits-of-a-success-are-zero"
NONCE = "gateway.11.3.another-nonce-changes-nothing"
MACHINE = re.compile(r"(?<![\w.-])/(tmp|work|home|root|usr|var|run)/")


def capture(path):
    """A MAP, its answer with reserved bits set, and a datagram of something else."""
    asked = o.request(o.MAP, o.data_map(), lifetime=600)
    answered = o.response(
        o.MAP, o.data_map(external=5683, where="11.0.0.1", reserved=b"\xff\xff\xff")
    )
    datagrams = [
        o.udp(HOST, GATEWAY, asked),
        o.udp(GATEWAY, HOST, answered),
        o.udp(("11.0.0.9", 7000), ("11.0.0.1", 5683), b"probe"),
        o.udp(("11.0.0.9", 7000), ("11.0.0.1", 5683), b"probe"),
    ]
    packets = [Packet(START + i * 10**9, 0, 0, octets) for i, octets in enumerate(datagrams)]
    path.write_bytes(o.pcapng(packets, [("host:eth0", o.RAW)]))


def case(identity, verdict, requirement, capture=None, **keys):
    return {
        "id": identity,
        "sentence": f"What {identity} says.",
        "requirements": [requirement],
        "requirement": requirement,
        "level": "MUST",
        "verdict": verdict,
        "expected": "24 zero bits",
        "actual": "they are 0xffffff",
        "capture": capture,
        "frames": [1, 2, 3, 4] if capture else [],
        "rerun": f"build/pinhole test toy --filter {identity} --seed 7",
        **keys,
    }


@pytest.fixture
def report(tmp_path):
    path = tmp_path / "lab.pcapng"
    capture(path)
    draws = "MAP request udp 5000 nonce {}.. suggested any draws: MAP response UNSUPP_OPCODE udp"
    return {
        "suite": "rfc6887",
        "peer": {"name": "toy", "version": "1.2", "role": "gateway"},
        "seed": 7,
        "cases": [
            case(NONCE, "fail", "6887-11.3-06", str(path), **{"class": "nonce check"}),
            case(BASE, "fail", "6887-11.1-07", str(path)),
            case(f"{BASE}.ipv6", "fail", "6887-11.1-07", str(path), actual="0xfe over IPv6"),
            case("rule.6887-11.1-07", "fail", "6887-11.1-07", str(path), actual="4 such", rerun=""),
            case("rule.6887-7.2-04", "warn", "6887-7.2-04", str(path), frames=[2], rerun=""),
            case("gateway.15.1.a-delete-needs-its-nonce", "pass", "6887-15.1-01"),
            case("one", "unsupported", "6887-12-01", actual=draws.format("0a0b")),
            case("two", "unsupported", "6887-12-01", actual=draws.format("0c0d")),
            case("three", "inconclusive", "6887-12-01", actual="nothing came"),
        ],
        "summary": {"fail": 4, "warn": 1, "pass": 1, "unsupported": 2, "inconclusive": 1},
        "seconds": 1.5,
    }


def publish(tmp_path, *reports, doubts=None):
    files = []
    for number, document in enumerate(reports):
        files.append(tmp_path / f"report{number}.json")
        files[-1].write_text(json.dumps(document))
    known = tmp_path / "doubts.yaml"
    known.write_text(yaml.safe_dump({"toy as gateway": doubts or {}}))
    command = [sys.executable, HERE / "published.py", *files, "--out", tmp_path / "out"]
    environment = {**os.environ, "PINHOLE_BUILD": str(BUILD)}
    done = subprocess.run(
        [*command, "--doubts", known], capture_output=True, text=True, env=environment
    )
    page = tmp_path / "out" / "toy-gateway.md"
    return done, page.read_text() if page.exists() else None


def test_a_finding_stands_without_its_capture(tmp_path, report):
    done, page = publish(tmp_path, report)
    assert done.returncode == 0, done.stderr
    assert "toy 1.2" in page and "--role gateway --seed 7" in page
    text = page.split("RFC 6887, 11.1]")[1].split("\n## ")[0]
    assert "24 zero bits" in text and "they are 0xffffff" in text and "0xfe over IPv6" in text
    assert "4 such" in text
    assert "MAP request udp 5683" in text and "MAP response SUCCESS" in text
    assert "(again: 4)" in text
    assert "11ffffff" in text
    assert f"--filter {BASE} --seed 7" in text
    assert text.count("\n### ") == 1
    assert not MACHINE.search(page)


def test_what_a_rule_saw_has_the_request_beside_the_answer(tmp_path, report):
    _, page = publish(tmp_path, report)
    text = page.split("RFC 6887, 7.2]")[1].split("\n## ")[0]
    assert "MAP request" in text and "MAP response" in text


def test_packets_without_a_message_have_the_exchange_before_them(tmp_path, report):
    report["cases"] = [case(BASE, "fail", "6887-11.1-07", report["cases"][1]["capture"])]
    report["cases"][0]["frames"] = [3, 4]
    _, page = publish(tmp_path, report)
    assert "MAP request udp 5683" in page and "MAP response SUCCESS" in page


def test_sections_come_in_the_order_of_the_rfc_and_nonce_checks_behind_them(tmp_path, report):
    _, page = publish(tmp_path, report)
    titles = re.findall(r"^## (.*)", page, re.MULTILINE)
    places = [next(i for i, t in enumerate(titles) if word in t) for word in ("7.2]", "11.1]")]
    assert places == sorted(places)
    assert titles.index("Nonce checks") > places[-1]
    assert not any("11.3]" in title for title in titles)


def test_what_was_not_judged_has_its_reason_once(tmp_path, report):
    _, page = publish(tmp_path, report)
    text = page.split("## Not judged")[1]
    assert re.search(r"unsupported.*UNSUPP.*one, two", text)
    assert re.search(r"inconclusive.*nothing came.*three", text)


def test_a_doubt_is_told_beside_its_finding(tmp_path, report):
    _, page = publish(tmp_path, report, doubts={BASE: "the text has two readings"})
    assert "fail (doubtful)" in page and "the text has two readings" in page
    assert "1 of them marked as doubtful" in page
    done, _ = publish(tmp_path, report, doubts={"gateway.gone": "x"})
    assert done.returncode == 2 and "gateway.gone" in done.stderr


def test_only_what_all_runs_agree_on_is_told(tmp_path, report):
    other = json.loads(json.dumps(report))
    other["cases"][1]["verdict"] = "pass"
    done, page = publish(tmp_path, report, other)
    assert done.returncode == 0, done.stderr
    told, _, untold = page.partition("the runs differed")
    assert f"--filter {BASE} --seed" not in told
    assert f"{BASE}: fail, pass" in untold


def test_of_two_grave_verdicts_the_milder_is_told(tmp_path, report):
    other = json.loads(json.dumps(report))
    other["cases"][1].update(verdict="warn", actual="only a warning")
    for pair in ((report, other), (other, report)):
        _, page = publish(tmp_path, *pair)
        assert "only a warning" in page and "the runs differed" not in page


def test_reports_on_two_versions_are_refused(tmp_path, report):
    other = json.loads(json.dumps(report))
    other["peer"]["version"] = "1.3"
    done, page = publish(tmp_path, report, other)
    assert done.returncode == 2 and page is None and "several versions" in done.stderr


def test_text_of_a_report_does_not_become_markup(tmp_path, report):
    report["cases"][1]["actual"] = "<b>*x*</b> | y"
    _, page = publish(tmp_path, report)
    assert "<b>" not in page and r"\*x\*" in page


# --- what is published ---------------------------------------------------------------------------

PAGES = sorted((HERE / "published").glob("*.md"))


def listed(what):
    command = [BUILD / "pinhole", "list", what, "--json"]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


@pytest.fixture(scope="module")
def known():
    cases = {case["id"] for case in listed("cases")}
    rules = {f"rule.{entry['id']}" for entry in listed("requirements") if entry["rules"]}
    return cases | {f"{identity}.ipv6" for identity in cases} | rules


def test_there_are_pages():
    assert {page.stem for page in PAGES} >= {"miniupnpd-gateway", "libtorrent-device"}


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_a_page_names_cases_that_exist_and_no_place_of_a_machine(page, known):
    text = page.read_text()
    named = set(re.findall(r"\b(?:gateway|device)\.[0-9A]+\.[a-z0-9.-]*[a-z0-9]", text))
    assert named and named - known == set()
    requirements = {entry["id"] for entry in listed("requirements")}
    assert set(re.findall(r"\b\d{4}-[0-9A-Z.]+-\d\d\b", text)) <= requirements
    assert not MACHINE.search(text)


def test_doubts_are_about_cases_that_exist(known):
    doubts = yaml.safe_load((HERE / "published" / "doubts.yaml").read_text())
    for peer, about in doubts.items():
        assert (HERE / "published" / f"{peer.replace(' as ', '-')}.md") in PAGES
        assert set(about) <= known

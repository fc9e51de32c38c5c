"""Writes the page about a foreign implementation that is published here.

A page is made of reports of `pinhole test` on one peer in one role. It tells what every one of them
found; what only some found stands apart, as no finding. It must be fair to who wrote the peer, and
stand without the captures: so it quotes the packets that a verdict rests on.
"""

import json
import pathlib
import re
import subprocess
from dataclasses import dataclass, field

import jinja2
import yaml

from . import page, runfolder

BAD = ("fail", "warn", "info")
UNJUDGED = ("unsupported", "skip", "inconclusive", "error")
WEIGHT = {"fail": "a MUST is broken", "warn": "a SHOULD is broken", "info": "a MAY is not taken up"}
NONCE_CHECK = "nonce check"

PEERS = pathlib.Path(__file__).resolve().parents[2] / "scenarios" / "peers"

PACKETS = 16  # that are quoted of one finding
EXCHANGE = 4  # messages that are quoted ahead of packets without any
GROUPS = ("224.0.0.1", "[ff02::1]")
OCTETS = 128  # that are quoted of one message
ROW = 32  # octets a line
LINE = 240  # characters of a quoted packet, or of what came

_RFC = re.compile(r"^(\d+)-(.+)-\d+$")
_REQUEST_DRAWS = re.compile(
    r"^((?:NAT-PMP )?\S+) request .* draws: ((?:NAT-PMP )?\S+ response \S+).*$"
)
_NO_VARIANT = re.compile(r"^the peer's file has no such variant: (\S+)$")


class PublishError(Exception):
    """Why no page can be written, in one line."""


@dataclass
class Finding:
    """What was found about one requirement in one way; over IPv6 too, maybe."""

    result: dict
    packets: list = field(default_factory=list)  # lines
    octets: list = field(default_factory=list)  # lines
    octets_of: int = 0  # frame
    length: int = 0  # octets of that frame's message, of which OCTETS are quoted
    twin: dict = None  # the result over IPv6
    rules: list = field(default_factory=list)  # results of rules about the same requirement
    doubt: str = ""

    @property
    def requirement(self):
        return requirement_of(self.result)

    @property
    def octets_cut(self):
        return min(self.length, OCTETS)


def place(section):
    """Sections in the order of the RFC: 7.2 before 11.1, appendices last."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in section.split(".")]


def rfc_of(result):
    return int(_RFC.match(result["requirements"][0])[1])


def section_of(result):
    return _RFC.match(requirement_of(result))[2]


def requirement_of(result):
    """The one that decided on the verdict."""
    return result.get("requirement") or result["requirements"][0]


# --- packets --------------------------------------------------------------------------------------


def _told_by_pinhole(pinhole, capture):
    """Frame: (interface, line) of the messages that pinhole knows."""
    done = subprocess.run([pinhole, "decode", capture, "--json"], capture_output=True, text=True)
    if done.returncode != 0:
        raise PublishError(f"{capture}: {done.stderr.strip() or 'not to be decoded'}")
    return {m["frame"]: m for m in json.loads(done.stdout)["messages"]}


TSHARK_FIELDS = (
    "frame.number", "frame.interface_name", "_ws.col.Source", "_ws.col.Destination",
    "_ws.col.Protocol", "_ws.col.Info", "udp.payload",
)  # fmt: skip


def _told_by_tshark(capture, frames):
    """Frame: fields of the frames, which may be of any protocol."""
    command = ["tshark", "-n", "-r", capture, "-T", "fields", "-E", "occurrence=f"]
    command += ["-Y", " or ".join(f"frame.number == {frame}" for frame in frames)]
    command += [word for name in TSHARK_FIELDS for word in ("-e", name)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise PublishError(f"{capture}: {done.stderr.strip()}")
    rows = (line.split("\t") for line in done.stdout.splitlines())
    return {int(row[0]): dict(zip(TSHARK_FIELDS, row)) for row in rows}


def _text(frame, told, seen):
    if frame in told:
        m = told[frame]
        return f"{m['interface']}  {m['source']} > {m['destination']}  {m['summary']}"
    s = seen[frame]
    return (
        f"{s['frame.interface_name']}  {s['_ws.col.Source']} > {s['_ws.col.Destination']}  "
        f"{s['_ws.col.Protocol']} {s['_ws.col.Info']}"
    )


def _lines(frames, told, seen):
    """A line a packet; packets that look the same share one."""
    alike = {}
    for frame in frames:
        alike.setdefault(_text(frame, told, seen), []).append(frame)
    lines = []
    for text, (first, *others) in list(alike.items())[:PACKETS]:
        again = f"  (again: {', '.join(map(str, others))})" if others else ""
        lines.append(runfolder.clean(f"{first:5}  {text}", LINE) + again)
    return lines


def _request_of(frame, told):
    """The message that an answer is to: what a rule says of an answer is clear only beside it."""
    answer = told[frame]
    ends = (answer["destination"], answer["source"])
    before = [m["frame"] for m in told.values() if (m["source"], m["destination"]) == ends]
    return [f for f in before if f < frame and told[f]["interface"] == answer["interface"]][-1:]


def _exchange_before(frame, told):
    """The last messages ahead of a frame, each once: what packets without any are evidence about."""
    seen = {}
    for message in told.values():
        if message["frame"] < frame and message["destination"].rpartition(":")[0] not in GROUPS:
            key = message["source"], message["destination"], message["summary"]
            seen.setdefault(key, message["frame"])
    return sorted(seen.values())[-EXCHANGE:]


def _quote(finding, role, pinhole):
    """Fills in the packets of a finding, and the octets of the peer's last message among them."""
    result = finding.result
    if not result["frames"] or not result["capture"]:
        return
    told = _told_by_pinhole(pinhole, result["capture"])
    frames = sorted(set(result["frames"]))
    if len(frames) == 1 and frames[0] in told and told[frames[0]]["fields"].get("response"):
        frames = _request_of(frames[0], told) + frames
    if not any(frame in told for frame in frames):
        frames = _exchange_before(frames[0], told) + frames
    seen = _told_by_tshark(result["capture"], frames)
    finding.packets = _lines([frame for frame in frames if frame in seen], told, seen)
    messages = [frame for frame in frames if frame in told and frame in seen]
    answers = role != "device"
    its = [frame for frame in messages if told[frame]["fields"].get("response", False) == answers]
    for frame in (its or messages)[-1:]:
        payload = seen[frame]["udp.payload"]
        finding.octets_of, finding.length = frame, len(payload) // 2
        payload = payload[: 2 * OCTETS]
        finding.octets = [
            f"{at:5}  " + " ".join(re.findall(".{1,8}", payload[2 * at : 2 * (at + ROW)]))
            for at in range(0, len(payload) // 2, ROW)
        ]


# --- several reports of one peer ------------------------------------------------------------------


def read(path):
    """A report of `pinhole test`, cleaned; texts that hold a whole message are cut."""
    path = pathlib.Path(path)
    report = runfolder.read_json(path)
    runfolder.validate(path, "test", report)
    for result in report["cases"]:
        result["actual"] = runfolder.clean(result["actual"], LINE)
    return runfolder.clean_all(report)


def by_peer(reports):
    """(name, role): the reports on it, in their order."""
    peers = {}
    for report in reports:
        peers.setdefault((report["peer"]["name"], report["peer"]["role"]), []).append(report)
    for (name, _), alike in peers.items():
        if len({report["peer"]["version"] for report in alike}) > 1:
            raise PublishError(f"{name}: reports on several versions")
    return peers


def agreed(reports):
    """The results on which all reports agree, and the others: id and verdicts. Where each found
    something amiss the mildest counts."""
    results = {}
    for report in reports:
        for result in report["cases"]:
            results.setdefault(result["id"], []).append(result)
    steady, wavering = [], []
    for identity, alike in results.items():
        said = [result["verdict"] for result in alike]
        bad = all(verdict in BAD for verdict in said)
        if len(said) == len(reports) and (bad or len(set(said)) == 1):
            mildest = max(said, key=BAD.index) if bad else said[0]
            steady.append(alike[said.index(mildest)])
        else:
            wavering.append((identity, said))
    return steady, wavering


def findings_of(results, doubts):
    """Findings in the order of the RFCs: IPv6 beside IPv4, rules beside cases about the same."""
    bad = [result for result in results if result["verdict"] in BAD]
    findings = {}
    for result in bad:
        if not result["id"].startswith("rule."):
            base = result["id"].removesuffix(".ipv6")
            if base in findings:
                findings[base].twin = result
            else:
                findings[base] = Finding(result)
    for result in bad:
        if result["id"].startswith("rule."):
            alike = [f for f in findings.values() if f.requirement in result["requirements"]]
            if alike:
                alike[0].rules.append(result)
            else:
                findings[result["id"]] = Finding(result)
    for identity, finding in findings.items():
        finding.doubt = doubts.get(identity, "")

    def order(finding):
        result = finding.result
        return rfc_of(result), place(section_of(result)), requirement_of(result), result["id"]

    return sorted(findings.values(), key=order)


def _groups(findings):
    """[(rfc, section, findings)]"""
    groups = []
    for finding in findings:
        key = rfc_of(finding.result), section_of(finding.result)
        if not groups or groups[-1][:2] != key:
            groups.append((*key, []))
        groups[-1][2].append(finding)
    return groups


def _reason(result):
    """Why a case came to no verdict, without what differs from one to the next."""
    text = _REQUEST_DRAWS.sub(r"a \1 request draws: \2", result["actual"])
    text = _NO_VARIANT.sub(r'it is not set up here as the variant "\1" would be', text)
    return re.sub(r" nonce [0-9a-f]+\.\.", "", text)


def _unjudged(results):
    """[(verdict, reason, ids)]"""
    alike = {}
    for result in results:
        if result["verdict"] in UNJUDGED:
            alike.setdefault((result["verdict"], _reason(result)), []).append(result["id"])
    most_first = sorted(alike.items(), key=lambda item: (item[0][0], -len(item[1])))
    return [(*key, ids) for key, ids in most_first]


def _table(results):
    """[(rfc, section, {verdict: how many})]"""
    counts = {}
    for result in results:
        key = rfc_of(result), tuple(place(section_of(result))), section_of(result)
        counts.setdefault(key, {}).setdefault(result["verdict"], 0)
        counts[key][result["verdict"]] += 1
    return [(rfc, section, counted) for (rfc, _, section), counted in sorted(counts.items())]


def command_of(report, role):
    return f"build/pinhole test {report['peer']['name']} --role {role} --seed {report['seed']}"


def setup_of(name):
    """The file that says how a peer is started; empty for one that is not of this project."""
    path = PEERS / f"{name}.yaml"
    return yaml.safe_load(path.read_text()) if path.exists() else {}


def check_doubts(doubts, reports):
    """Doubts about what no report holds are left over from a case that is gone."""
    known = {result["id"] for report in reports for result in report["cases"]}
    for identity in doubts:
        if identity not in known:
            raise PublishError(f"doubts.yaml: no such case: {identity}")


def model(reports, requirements, doubts, pinhole):
    peer = reports[0]["peer"]
    check_doubts(doubts, reports)
    steady, wavering = agreed(reports)
    findings = findings_of(steady, doubts)
    for finding in findings:
        _quote(finding, peer["role"], pinhole)
    nonce = [f for f in findings if f.result.get("class") == NONCE_CHECK]
    others = [f for f in findings if f not in nonce]
    judged = [r for r in steady if r["verdict"] not in UNJUDGED]
    return {
        "peer": peer,
        "peer_file": f"{peer['name']}.yaml",
        "setup": setup_of(peer["name"]),
        "runs": len(reports),
        "commands": list(dict.fromkeys(command_of(report, peer["role"]) for report in reports)),
        "cases": len(steady) + len(wavering),
        "counts": {v: sum(r["verdict"] == v for r in steady) for v in ("pass", *BAD, *UNJUDGED)},
        "table": _table(judged),
        "findings": others,
        "groups": _groups(others),
        "nonce": nonce,
        "doubted": [f for f in findings if f.doubt],
        "wavering": wavering,
        "unjudged": _unjudged(steady),
        "texts": {entry["id"]: entry for entry in requirements},
        "weight": WEIGHT,
    }


def listed_requirements(pinhole):
    command = [pinhole, "list", "requirements", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise PublishError(done.stderr.strip())
    return json.loads(done.stdout)


def write(paths, out, doubts, pinhole):
    """Writes a page a peer into the folder out, from the reports in paths. Returns their paths."""
    known = yaml.safe_load(pathlib.Path(doubts).read_text()) or {}
    requirements = listed_requirements(pinhole)
    template = page.markdown_environment().get_template("published.md.j2")
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for (name, role), reports in by_peer([read(path) for path in paths]).items():
        told = model(reports, requirements, known.get(f"{name} as {role}", {}), pinhole)
        text = template.render(told)
        path = out / f"{pathlib.Path(name).stem}-{role}.md"
        page.write_file(path, text)
        written.append(path)
    return written

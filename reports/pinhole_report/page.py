"""Writes report.html and report.md.

Strings of a run reach the pages through jinja2 alone: HTML by its autoescape, Markdown by a finalizer
that escapes whatever an expression gives, unless it is marked as Verbatim. The HTML page needs nothing
from outside, and forbids itself to ask for it.
"""

import os
import pathlib
import re
import tempfile

import jinja2

from . import journey, ladder, ladder_text, numbered

TEMPLATES = pathlib.Path(__file__).resolve().parent / "templates"

COMMON = {
    "loader": jinja2.FileSystemLoader(TEMPLATES),
    "trim_blocks": True,
    "lstrip_blocks": True,
}

LISTED = 24  # frames of one line

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|#~&!$])")


class Verbatim(str):
    """Text that stands in Markdown as it is."""


def escape_markdown(value):
    """One line of text that Markdown shows as it is, in a paragraph or a table's cell."""
    if isinstance(value, Verbatim):
        return value
    text = " ".join(str(value).split())
    text = _MARKDOWN.sub(r"\\\1", text)
    # Bare addresses would become links.
    text = re.sub(r"(?i)(https?|ftp)://", r"\1&#58;//", text)
    return re.sub(r"(?i)\bwww\.", "www&#46;", text)


def fenced(lines):
    """A code block whose fence is longer than any run of backticks in it."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return Verbatim("\n".join([fence, *lines, fence]))


def code(text):
    """A code span, whatever backticks text holds."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    space = " " if longest else ""
    return Verbatim(f"{fence}{space}{text}{space}{fence}")


def count(number, noun):
    """ "1 packet", "2,000 packets"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _traffic_rows(traffic, nodes):
    """Interfaces in the order of the lifelines, each with its rows and their sum."""
    interfaces = {}
    for row in traffic:
        interfaces.setdefault(row["interface"], []).append(row)

    def place(name):
        node = name.partition(":")[0]
        return nodes.index(node) if node in nodes else len(nodes), name

    def total(rows, way):
        return {key: sum(r[way][key] for r in rows) for key in ("packets", "octets", "wakeups")}

    return [
        {
            "interface": name,
            "rows": interfaces[name],
            "total": {way: total(interfaces[name], way) for way in ("in", "out")},
        }
        for name in sorted(interfaces, key=place)
    ]


def _summary(run):
    """One sentence with the figures that matter."""
    judged = [e["verdict"] for e in run.result["expectations"] if e["verdict"] != "skip"]
    met = sum(verdict in ("pass", "info", "warn") for verdict in judged)
    capture = run.result["capture"]
    return ", ".join(
        [
            f"{met} of {count(len(judged), 'expectation')} met",
            count(len(run.result["findings"]) + run.cut.get("findings", 0), "finding"),
            f"{count(capture['packets'], 'packet')} captured",
            f"{capture['dropped']:,} dropped",
            f"{run.result['seconds']:.1f} s",
        ]
    )


def _ended(journeys):
    """Messages that were not delivered; those that ended alike, as retransmissions do, together."""
    alike = {}
    for one in journeys:
        if one.fate != journey.DELIVERED:
            key = ladder.label_of(one.first), journey.describe_end(one)
            alike.setdefault(key, []).append(one.frames)
    return [
        {"label": label, "end": end, "times": len(frames), "frames": sum(frames, [])[:LISTED]}
        for (label, end), frames in alike.items()
    ]


def _steps(expectations, journeys, nodes):
    """What the section about numbered steps shows; None if there are no such steps."""
    steps = numbered.group(expectations, journeys)
    if not steps:
        return None
    passed = [node for node in nodes if any(_passes(one, node) for one in steps.journeys)]
    return {
        "title": steps.title,
        "steps": steps.steps,
        "ladder": ladder.draw(steps.journeys, passed, steps.headings),
        "ladder_text": ladder_text.draw(steps.journeys, passed, steps.headings),
    }


def _passes(one, node):
    return any(journey.node_of(s) == node for hop in one.hops for s in hop.sightings)


def _model(run):
    interfaces = {row["interface"] for row in run.traffic}
    journeys = journey.follow(run.messages, interfaces)
    nodes = journey.order_nodes(journeys, journey.hosts_of(run.messages, interfaces))
    drawn = ladder.draw(journeys, nodes)
    expectations = run.result["expectations"]
    judged = [e for e in expectations if e["verdict"] != "skip"]
    return {
        "result": run.result,
        "judged": judged,
        "numbered": _steps(judged, journeys, nodes),
        "skipped": [e for e in expectations if e["verdict"] == "skip"],
        "summary": _summary(run),
        "cut": run.cut,
        "ladder": drawn,
        "ladder_text": ladder_text.draw(journeys, nodes),
        "drawn_frames": {frame for row in drawn.rows for _, frame, _ in row.dots},
        "ended": _ended(journeys),
        "traffic": _traffic_rows(run.traffic, nodes),
    }


def write_file(path, text):
    """Whole or not at all, and never through a link that stands there."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def markdown_environment():
    """For templates of Markdown: what their expressions give is escaped."""
    environment = jinja2.Environment(autoescape=False, finalize=escape_markdown, **COMMON)
    environment.globals.update(code=code, fenced=fenced, count=count)
    return environment


def write(run, folder):
    """Writes both reports into folder, which is made if need be. Returns their paths."""
    model = _model(run)
    html = jinja2.Environment(autoescape=True, **COMMON)
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for environment, name in ((html, "report.html"), (markdown_environment(), "report.md")):
        environment.globals["count"] = count
        path = folder / name
        write_file(path, environment.get_template(f"{name}.j2").render(model))
        written.append(path)
    return written

"""Ladder diagrams of journeys: geometry for an SVG, and plain text, of 72 columns for up to six nodes.

A lifeline is a node. A journey is one row: an arrow for each link that it crossed, with the frames of
its two ends, and the addresses where they begin or were rewritten. An arrow that ends in a cross shows
where the message stopped.
"""

import textwrap
from dataclasses import dataclass, field

from .journey import LOST, STOPPED, node_of, order_nodes

ROWS_LIMIT = 400
QUIET = 1.0  # seconds without a message that are worth a remark

# Geometry, in pixels.
LEFT, RIGHT, TOP = 96, 40, 58
ROW, REMARK, ARROW = 52, 30, 8
LABEL_CHARACTER, NOTE_CHARACTER = 6.7, 6.1  # widths, of the fonts in the template
LANE_LEAST, LANE_MOST = 200, 350

TEXT_COLUMNS, TEXT_LEFT, LANE_TEXT_LEAST = 72, 10, 11


@dataclass
class Arrow:
    x1: float
    x2: float
    note: str  # frames, and addresses if they are new
    end: str = "arrow"  # arrow, stopped, lost

    @property
    def head(self):
        """Points of the arrow head, at the right height of 0."""
        back = self.x2 - ARROW if self.x2 > self.x1 else self.x2 + ARROW
        return f"{self.x2:g},0 {back:g},-4 {back:g},4"

    @property
    def note_x(self):
        return min(self.x1, self.x2) + 10


@dataclass
class Row:
    y: float
    time: str
    label: str
    label_x: float
    label_end: bool  # label ends at label_x instead of beginning there
    title: str
    kind: str  # of protocol, for its colour
    fate: str
    arrows: list = field(default_factory=list)
    dots: list = field(default_factory=list)  # (x, frame, title)


@dataclass
class Ladder:
    nodes: list  # (name, x)
    rows: list
    remarks: list  # (y, text)
    width: float
    height: float
    missing: int  # journeys for which there was no room


def format_time(seconds):
    return f"{seconds:.3f}"


def frames_text(hop):
    left = [f"#{hop.left['frame']}"] if hop.left else []
    return " > ".join(left + [f"#{s['frame']}" for s in hop.reached])


def _note(hop, before):
    sighting = hop.any
    addresses = f"{sighting['source']} → {sighting['destination']}"
    if before and (sighting["source"], sighting["destination"]) == (
        before["source"],
        before["destination"],
    ):
        return frames_text(hop)
    return f"{frames_text(hop)}  {addresses}"


def _notes(journey):
    before = None
    for hop in journey.hops:
        yield hop, _note(hop, before)
        before = hop.any


def _arrows(journey, place, lane):
    for hop, note in _notes(journey):
        last = hop is journey.hops[-1]
        start = place[node_of(hop.left)] if hop.left else None
        if not hop.reached:  # it left, and came nowhere
            toward = 1 if start < max(place.values()) else -1
            end = "lost" if journey.fate == LOST else "arrow"
            yield Arrow(start, start + toward * lane * 0.55, note, end)
        for i, arrival in enumerate(hop.reached):
            x = place[node_of(arrival)]
            begin = start if start is not None else x - lane * 0.4
            end = "stopped" if last and journey.fate == STOPPED else "arrow"
            yield Arrow(begin, x, note if i == 0 else "", end)


def _place_label(text, arrows, width):
    """Text, x, and whether it ends there: a label begins at its arrow's left end, unless there is more
    room in front of its right end; it is cut if neither is enough."""
    left = min(min(a.x1, a.x2) for a in arrows) + 10
    right = max(max(a.x1, a.x2) for a in arrows) - 10
    length = len(text) * LABEL_CHARACTER
    behind, before = width - 6 - left, right - LEFT
    if length <= behind or behind >= before:
        x, room, ends = left, behind, False
    else:
        x, room, ends = right, before, True
    characters = int(room / LABEL_CHARACTER)
    return text if len(text) <= characters else text[: characters - 1] + "…", x, ends


def label_of(sighting):
    """The summary, with its protocol in front unless it says so itself."""
    summary, protocol = sighting["summary"], sighting["protocol"]
    return summary if summary.startswith(protocol) else f"{protocol} {summary}"


def draw(journeys):
    """The geometry of a Ladder."""
    shown = journeys[:ROWS_LIMIT]
    names = order_nodes(shown)
    longest = max((len(note) for journey in shown for _, note in _notes(journey)), default=0)
    lane = max(LANE_LEAST, min(LANE_MOST, longest * NOTE_CHARACTER + 24))
    place = {name: LEFT + 40 + i * lane for i, name in enumerate(names)}
    width = LEFT + 80 + max(len(names) - 1, 1) * lane + RIGHT
    ladder = Ladder(
        [(name, place[name]) for name in names], [], [], width, 0, len(journeys) - len(shown)
    )
    y, before = TOP + ROW / 2, None
    for journey in shown:
        first = journey.first
        if before is not None and first["time"] - before >= QUIET:
            ladder.remarks.append((y, f"{first['time'] - before:.1f} s without a message"))
            y += REMARK
        before = max(s["time"] for hop in journey.hops for s in hop.sightings)
        arrows = list(_arrows(journey, place, lane))
        label, x, end = _place_label(label_of(first), arrows, width)
        dots = [
            (
                place[node_of(s)],
                s["frame"],
                f"frame {s['frame']} at {s['interface']}, {s['direction']}, {format_time(s['time'])} s: "
                f"{s['source']} → {s['destination']}",
            )
            for hop in journey.hops
            for s in hop.sightings
        ]
        ladder.rows.append(
            Row(
                y,
                format_time(first["time"]),
                label,
                x,
                end,
                label_of(first),
                first["protocol"].lower(),
                journey.fate,
                arrows,
                dots,
            )
        )
        y += ROW
    ladder.height = y + 6
    return ladder


# --- text -----------------------------------------------------------------------------------


def _text_arrow(line, begin, end, frames, mark):
    """Draws into line, a list of characters."""
    low, high = min(begin, end), max(begin, end)
    for i in range(low + 1, high):
        line[i] = "-"
    line[end] = mark
    if mark == "|":  # a head beside the lifeline
        beside = end - 1 if end > begin else end + 1
        line[beside] = ">" if end > begin else "<"
    room = high - low - 5
    if 0 < len(frames) <= room:
        start = low + 2 + (room - len(frames)) // 2 + 1
        line[start : start + len(frames)] = list(frames)


def text(journeys):
    """The ladder as lines of text."""
    shown = journeys[:ROWS_LIMIT]
    names = order_nodes(shown)
    lane = (TEXT_COLUMNS - TEXT_LEFT - 4) // max(len(names) - 1, 1)
    lane = max(LANE_TEXT_LEAST, min(26, lane))
    place = {name: TEXT_LEFT + i * lane for i, name in enumerate(names)}
    end_of_line = TEXT_LEFT + max(len(names) - 1, 1) * lane + 1
    head = "  time s".ljust(TEXT_LEFT)
    for name, x in place.items():
        name = (name or "?")[: lane - 1]
        x = min(x, max(TEXT_COLUMNS - len(name), len(head) + 1))
        head = head.ljust(x) + name
    lines = [head]

    def lifelines():
        line = [" "] * end_of_line
        for x in place.values():
            line[x] = "|"
        return line

    before = None
    for journey in shown:
        first = journey.first
        if before is not None and first["time"] - before >= QUIET:
            lines.append("".join(lifelines()).rstrip())
            lines.append(f"{'':{TEXT_LEFT}}({first['time'] - before:.1f} s without a message)")
        before = max(s["time"] for hop in journey.hops for s in hop.sightings)
        lines.append("".join(lifelines()).rstrip())
        wrapped = textwrap.wrap(label_of(first), TEXT_COLUMNS - TEXT_LEFT)
        for i, part in enumerate(wrapped):
            lines.append(
                (format_time(first["time"]).rjust(8) if i == 0 else "").ljust(TEXT_LEFT) + part
            )
        line = lifelines()
        for hop in journey.hops:
            start = place[node_of(hop.left)] if hop.left else None
            if not hop.reached:
                toward = 1 if start + lane // 2 < end_of_line else -1
                _text_arrow(line, start, start + toward * (lane // 2), frames_text(hop), "x")
            for arrival in hop.reached:
                x = place[node_of(arrival)]
                stopped = hop is journey.hops[-1] and journey.fate == STOPPED
                begin = (
                    start
                    if start is not None
                    else x - lane // 2
                    if x > TEXT_LEFT
                    else x + lane // 2
                )
                _text_arrow(line, begin, x, frames_text(hop), "X" if stopped else "|")
        lines.append("".join(line).rstrip())
    if len(journeys) > len(shown):
        lines.append(f"{'':{TEXT_LEFT}}({len(journeys) - len(shown)} more messages)")
    return lines

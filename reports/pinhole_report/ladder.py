"""Ladder diagrams of journeys: the geometry of an SVG.

A lifeline is a node. A journey is one row: an arrow for each link that it crossed, with the frames of
its two ends, and the addresses where they begin or were rewritten. An arrow that ends in a cross shows
where the message stopped.
"""

from dataclasses import dataclass, field

from .journey import LOST, STOPPED, node_of

ROWS_LIMIT = 400
QUIET = 1.0  # seconds without a message that are worth a remark

# Geometry, in pixels.
LEFT, RIGHT, TOP = 96, 40, 58
ROW, REMARK, ARROW = 60, 24, 8
LABEL_CHARACTER, NOTE_CHARACTER = 6.7, 6.1  # widths, of the fonts in the template
LANE_LEAST, LANE_MOST = 180, 350


@dataclass
class Arrow:
    x1: float
    x2: float
    frames: str
    addresses: str  # if they begin here, or were rewritten
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
    headings: list  # likewise
    width: float
    height: float
    missing: int  # journeys for which there was no room


def format_time(seconds):
    return f"{seconds:.3f}"


def frames_text(hop, leftward, form="#{}"):
    """ "#12 > #13": where the message left and where it came to, as its arrow points: "#13 < #12"."""
    frames = [form.format(sighting["frame"]) for sighting in hop.sightings]
    return " < ".join(frames[::-1]) if leftward else " > ".join(frames)


def _addresses(journey):
    """Each hop with its addresses, or none where they are those of the hop before."""
    before = None
    for hop in journey.hops:
        addresses = f"{hop.any['source']} → {hop.any['destination']}"
        yield hop, addresses if addresses != before else ""
        before = addresses


def _arrows(journey, place, lane):
    for hop, addresses in _addresses(journey):
        last = hop is journey.hops[-1]
        start = place[node_of(hop.left)] if hop.left else None
        if not hop.reached:  # it left, and came nowhere
            toward = 1 if start < max(place.values()) else -1
            end = "lost" if journey.fate == LOST else "arrow"
            x = start + toward * lane * 0.55
            yield Arrow(start, x, frames_text(hop, False), addresses, end)
        for i, arrival in enumerate(hop.reached):
            x = place[node_of(arrival)]
            begin = start if start is not None else x - lane * 0.4
            end = "stopped" if last and journey.fate == STOPPED else "arrow"
            frames = frames_text(hop, x < begin) if i == 0 else ""
            yield Arrow(begin, x, frames, addresses if i == 0 else "", end)


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


def draw(journeys, names, headings=None):
    """The geometry of a Ladder; names are those of its lifelines, from left to right. headings are lines of
    text by the place of the journey that they stand above: {0: ["step 1: ..."]}."""
    headings = headings or {}
    shown = journeys[:ROWS_LIMIT]
    longest = max((len(text) for j in shown for _, text in _addresses(j)), default=0)
    lane = max(LANE_LEAST, min(LANE_MOST, longest * NOTE_CHARACTER + 20))
    place = {name: LEFT + 40 + i * lane for i, name in enumerate(names)}
    width = LEFT + 80 + max(len(names) - 1, 1) * lane + RIGHT
    ladder = Ladder(
        [(name, place[name]) for name in names], [], [], [], width, 0, len(journeys) - len(shown)
    )
    y, before = TOP + ROW / 2, None
    for i, journey in enumerate(shown):
        for text in headings.get(i, []):
            ladder.headings.append((y, text))
            y += REMARK
        first = journey.first
        if before is not None and first["time"] - before >= QUIET:
            ladder.remarks.append((y, f"{first['time'] - before:.1f} s without a message"))
            y += REMARK
        before = journey.end
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
    for text in headings.get(len(journeys), []):
        ladder.headings.append((y, text))
        y += REMARK
    ladder.height = y + 6
    return ladder

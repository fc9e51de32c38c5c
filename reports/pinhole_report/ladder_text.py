"""Ladder diagrams of journeys as plain text, of 72 columns for up to six lifelines: room in a draft.

  time s  device                    gateway                   server
          |                         |                         |
   0.289  CoAP CON POST /rd?ep=device [mid 36681]
          |-------#27 > #28-------->|-------#33 > #34-------->|
"""

import textwrap

from .journey import LOST, STOPPED, node_of
from .ladder import QUIET, ROWS_LIMIT, format_time, frames_text, label_of

COLUMNS, LEFT = 72, 10
LANE_LEAST, LANE_MOST = 11, 26


def _frames(hop, leftward, room):
    """The frames of a hop, as far as there is room for them."""
    texts = [
        frames_text(hop, leftward),
        frames_text(hop, leftward, "{}").replace(" ", ""),
        str(hop.any["frame"]),
    ]
    return next((text for text in texts if len(text) <= room), "")


class _Drawing:
    def __init__(self, names):
        self.lane = (COLUMNS - LEFT - 4) // max(len(names) - 1, 1)
        self.lane = max(LANE_LEAST, min(LANE_MOST, self.lane))
        self.place = {name: LEFT + i * self.lane for i, name in enumerate(names)}
        self.lines = []

    def head(self):
        head = "  time s".ljust(LEFT)
        for name, x in self.place.items():
            name = (name or "?")[: self.lane - 1]
            x = min(x, max(COLUMNS - len(name), len(head) + 1))
            head = head.ljust(x) + name
        self.lines.append(head)

    def lifelines(self):
        """A line, as a list of characters, with nothing but lifelines."""
        line = [" "] * (LEFT + max(len(self.place) - 1, 1) * self.lane + 1)
        for x in self.place.values():
            line[x] = "|"
        return line

    def add(self, line):
        self.lines.append("".join(line).rstrip())

    def remark(self, text):
        self.lines.append(f"{'':{LEFT}}({text})")

    def heading(self, text):
        self.lines += ["", *textwrap.wrap(text, COLUMNS)]

    def label(self, time, text):
        for i, part in enumerate(textwrap.wrap(text, COLUMNS - LEFT)):
            self.lines.append((time.rjust(8) if i == 0 else "").ljust(LEFT) + part)

    def arrow(self, line, begin, end, hop, mark):
        """Draws into line; mark stands at its end: a lifeline, X or x."""
        low, high = min(begin, end), max(begin, end)
        line[low + 1 : high] = "-" * (high - low - 1)
        line[end] = mark
        if mark == "|":  # a head beside the lifeline
            line[end - 1 if end > begin else end + 1] = ">" if end > begin else "<"
        frames = _frames(hop, end < begin, high - low - 4)
        start = low + (high - low - len(frames) + 1) // 2
        line[start : start + len(frames)] = frames

    def hop(self, line, hop, fate):
        """Draws the arrows of a hop; fate is the journey's, if this is its last hop."""
        half = self.lane // 2
        start = self.place[node_of(hop.left)] if hop.left else None
        if not hop.reached:
            end = start + half if start + half < len(line) else start - half
            self.arrow(line, start, end, hop, "x" if fate == LOST else "|")
        for arrival in hop.reached:
            x = self.place[node_of(arrival)]
            begin = start
            if start is None:  # from nobody knows where
                begin = x - half if x > LEFT else x + half
            self.arrow(line, begin, x, hop, "X" if fate == STOPPED else "|")


def draw(journeys, names, headings=None):
    """The lines of a ladder; names are those of its lifelines, from left to right; headings as those of
    ladder.draw."""
    headings = headings or {}
    drawing = _Drawing(names)
    drawing.head()
    before = None
    for i, journey in enumerate(journeys[:ROWS_LIMIT]):
        for text in headings.get(i, []):
            drawing.heading(text)
        time = journey.first["time"]
        drawing.add(drawing.lifelines())
        if before is not None and time - before >= QUIET:
            drawing.remark(f"{time - before:.1f} s without a message")
            drawing.add(drawing.lifelines())
        before = journey.end
        drawing.label(format_time(time), label_of(journey.first))
        line = drawing.lifelines()
        for hop in journey.hops:
            drawing.hop(line, hop, journey.fate if hop is journey.hops[-1] else None)
        drawing.add(line)
    for text in headings.get(len(journeys), []):
        drawing.heading(text)
    if len(journeys) > ROWS_LIMIT:
        drawing.remark(f"{len(journeys) - ROWS_LIMIT} more messages")
    return drawing.lines

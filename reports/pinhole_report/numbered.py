"""Numbered steps: a scenario whose expectations say "step 4: ..." is told step by step.

Each step has its expectations, and the messages that these rest on: the journeys through the frames that
they name. A message that several steps rest on stands at the first of them.
"""

import re
from dataclasses import dataclass, field

_PREFIX = re.compile(r"step (\d{1,3}): *(?=\S)")
_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass
class Step:
    number: int
    expectations: list = field(default_factory=list)  # those of result.json
    texts: list = field(default_factory=list)  # theirs, without the number
    journeys: list = field(default_factory=list)

    @property
    def heading(self):
        nothing = "" if self.journeys else "; no message"
        return f"step {self.number}: {self.texts[0]}{nothing}"


@dataclass
class Numbered:
    steps: list

    @property
    def title(self):
        """ "The nine steps", if none of them lacks."""
        count = len(self.steps)
        if [step.number for step in self.steps] != list(range(1, count + 1)):
            return "Step by step"
        return f"The {_WORDS[count - 1] if count <= len(_WORDS) else count} step{'s' if count > 1 else ''}"

    @property
    def journeys(self):
        """Those of all steps, step by step."""
        return [journey for step in self.steps for journey in step.journeys]

    @property
    def headings(self):
        """Where a ladder of the journeys is to say which step begins: {place: [text, ...]}."""
        places, place = {}, 0
        for step in self.steps:
            places.setdefault(place, []).append(step.heading)
            place += len(step.journeys)
        return places


def group(expectations, journeys):
    """Numbered, or None if no expectation that was judged has a number."""
    steps, by_frame = {}, {}
    for one in expectations:
        prefix = _PREFIX.match(one.get("text") or "")
        if not prefix:
            continue
        number = int(prefix[1])
        step = steps.setdefault(number, Step(number))
        step.expectations.append(one)
        step.texts.append(one["text"][prefix.end() :])
    ordered = [steps[number] for number in sorted(steps)]
    for step in ordered:
        for one in step.expectations:
            for frame in one["frames"]:
                by_frame.setdefault(frame, step)
    for journey in journeys:
        of = [by_frame[frame] for frame in journey.frames if frame in by_frame]
        if of:
            min(of, key=lambda step: step.number).journeys.append(journey)
    return Numbered(ordered) if ordered else None

"""Reads the folder of a run.

A run's folder may come from anybody. So files are read up to a limit, held against their schemas,
and their strings are cut and stripped of what could disturb a terminal or a page's order of reading;
escaping for HTML and Markdown is left to those who write these.
"""

import json
import os
import pathlib
import re
import stat
from dataclasses import dataclass, field

import jsonschema

SCHEMAS = pathlib.Path(__file__).resolve().parent.parent / "schemas"
FILE_LIMIT = 64 << 20  # octets of one file
STRING_LIMIT = 600
LIST_LIMIT = 2000  # elements that are shown of one list

# Control characters, and those that reorder or hide text: zero width, bidirectional overrides, BOM.
_UNSEEMLY = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


class RunError(Exception):
    """Why a run can't be reported, in one line."""


@dataclass
class Run:
    folder: pathlib.Path
    result: dict
    messages: list
    traffic: list
    cut: dict = field(default_factory=dict)  # name of a list -> elements that are not shown


def clean(text, limit=STRING_LIMIT):
    """One line of visible text."""
    text = _UNSEEMLY.sub("\ufffd", text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def clean_all(value):
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [clean_all(element) for element in value]
    if isinstance(value, dict):
        return {clean(key): clean_all(element) for key, element in value.items()}
    return value


def _refuse_constant(name):
    raise ValueError(f"{name} is no JSON")


def read_json(path):
    """Any JSON value; only from a regular file, since a pipe or device could hold us up for ever."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise RunError(f"{path}: {error.strerror}; expected the folder of a run") from None
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise RunError(f"{path}: expected a regular file")
        octets = file.read(FILE_LIMIT + 1)
    if len(octets) > FILE_LIMIT:
        raise RunError(f"{path}: larger than {FILE_LIMIT >> 20} MiB")
    try:
        return json.loads(octets.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path}: expected JSON: {clean(str(error), 200)}") from None


def schema(name):
    """The schema of a format ("result"), with the references that it needs."""
    documents = {}
    for path in SCHEMAS.glob("*.schema.json"):
        documents[path.name] = json.loads(path.read_text())
    chosen = documents[f"{name}.schema.json"]
    resolver = jsonschema.RefResolver.from_schema(chosen, store=documents)
    return jsonschema.Draft202012Validator(chosen, resolver=resolver)


def validate(path, name, value):
    problem = jsonschema.exceptions.best_match(schema(name).iter_errors(value))
    if problem is None:
        return
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in problem.path)
    raise RunError(
        f"{path}: {clean(place.lstrip('.'), 100) or 'whole file'}: {clean(problem.message, 200)}"
    )


def _shorten(run, name, elements):
    if len(elements) > LIST_LIMIT:
        run.cut[name] = len(elements) - LIST_LIMIT
        del elements[LIST_LIMIT:]


def read(folder):
    """The Run in folder; RunError if anything in it is missing or damaged. A run that came to nothing
    (its verdict is error) may lack what is measured from its capture."""
    folder = pathlib.Path(folder)
    run = Run(folder, {}, [], [])
    for name in ("result", "messages", "traffic"):
        path = folder / f"{name}.json"
        if run.result.get("verdict") == "error" and not os.path.lexists(path):
            continue
        value = read_json(path)
        if name != "result" and isinstance(value, list):
            _shorten(run, name, value)
        elif isinstance(value, dict):
            for key in ("steps", "expectations", "findings", "crashes"):
                if isinstance(value.get(key), list):
                    _shorten(run, key, value[key])
        validate(path, name, value)
        setattr(run, name, clean_all(value))
    return run

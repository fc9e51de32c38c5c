#!/usr/bin/python3
"""Writes the golden captures and, beside each, the findings that `pinhole check` must give.

    make_captures.py [FOLDER]      golden/, beside this file, if none is named

The same files come out every time. Standard library only. A capture's scene stands in cases_*.py, with
each expected finding beside the packet that it accuses.
"""

import sys
from pathlib import Path

import cases_clean
import cases_client
import cases_hostile
import cases_server
from capture import Capture


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "golden")
    for cases in (cases_clean, cases_client, cases_server, cases_hostile):
        cases.make()
    for capture in Capture.all:
        capture.write(folder)


if __name__ == "__main__":
    main()

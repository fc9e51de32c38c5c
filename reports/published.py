#!/usr/bin/python3
"""published.py REPORT... [--out DIR]: pages about foreign peers, from `pinhole test --json`."""

import argparse
import os
import pathlib
import sys

GOOD, HARNESS = 0, 2
HERE = pathlib.Path(__file__).resolve().parent

try:
    from pinhole_report import published, runfolder
except ModuleNotFoundError as lacking:
    print(f"published.py: {lacking} (make setup installs what is needed)", file=sys.stderr)
    sys.exit(HARNESS)


def main(arguments):
    build = pathlib.Path(os.environ.get("PINHOLE_BUILD", HERE.parent / "build"))
    parser = argparse.ArgumentParser(description=__doc__.partition(": ")[2])
    parser.add_argument(
        "reports",
        metavar="REPORT",
        nargs="+",
        help="file of pinhole test --json, whose captures are still there",
    )
    home = HERE / "published"
    parser.add_argument("--out", metavar="DIR", default=home, help="write there")
    parser.add_argument("--doubts", metavar="FILE", default=home / "doubts.yaml")
    options = parser.parse_args(arguments)
    try:
        pinhole = build / "pinhole"
        for path in published.write(options.reports, options.out, options.doubts, pinhole):
            print(path)
    except (published.PublishError, runfolder.RunError) as error:
        print(f"published.py: {error}", file=sys.stderr)
        return HARNESS
    except OSError as error:
        print(f"published.py: {error.filename}: {error.strerror}", file=sys.stderr)
        return HARNESS
    return GOOD


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/python3
"""pinhole report RUN... [--out DIR]: report.html and report.md about the folders of runs."""

import argparse
import pathlib
import sys

GOOD, HARNESS = 0, 2

try:
    from pinhole_report import page, runfolder
except ModuleNotFoundError as lacking:
    print(f"pinhole report: {lacking} (make setup installs what is needed)", file=sys.stderr)
    sys.exit(HARNESS)


def out_folders(runs, out):
    """Where the report of each run goes: its own folder; or out, or for several runs folders in it."""
    if out is None:
        return [pathlib.Path(run) for run in runs]
    if len(runs) == 1:
        return [pathlib.Path(out)]
    names = []
    for run in runs:
        name = pathlib.Path(run).resolve().name or "run"
        while name in names:
            name += "+"
        names.append(name)
    return [pathlib.Path(out) / name for name in names]


def main(arguments):
    parser = argparse.ArgumentParser(prog="pinhole report", description=__doc__.partition(": ")[2])
    parser.add_argument("runs", metavar="RUN", nargs="+", help="folder of a run")
    parser.add_argument("--out", metavar="DIR", help="write there instead of into the run's folder")
    options = parser.parse_args(arguments)
    status = GOOD
    for run, folder in zip(options.runs, out_folders(options.runs, options.out)):
        try:
            for path in page.write(runfolder.read(run), folder):
                print(path)
        except runfolder.RunError as error:
            print(f"pinhole report: {error}", file=sys.stderr)
            status = HARNESS
        except OSError as error:
            print(f"pinhole report: {error.filename or folder}: {error.strerror}", file=sys.stderr)
            status = HARNESS
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

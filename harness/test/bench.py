"""`make bench [ONLY=glob]`: measures, prints a line a figure, and writes BUILD/bench.json.

Every bench_*.py beside this file registers what it measures (benching.py). With ONLY, the other figures of
bench.json stay as they were.
"""

import argparse
import fnmatch
import importlib
import json
import sys
from pathlib import Path

import benching


def load(path: Path) -> dict[str, dict]:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return {}


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def line(name: str, figure: benching.Figure) -> str:
    ratio = "" if figure.ratio is None else f"  {figure.ratio:.3g} times as good"
    return (
        f"{name:<28} ours {number(figure.ours):>9}  peer {number(figure.peer):>9} "
        f"{figure.unit}{ratio}  ({figure.note})"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True, help="the build folder")
    parser.add_argument("--only", default="*", help="names of figures, a glob")
    arguments = parser.parse_args()
    build = arguments.build.resolve()

    for module in sorted(Path(__file__).parent.glob("bench_*.py")):
        importlib.import_module(module.stem)

    chosen = [
        (wanted, function)
        for names, function in benching.registered
        if (wanted := fnmatch.filter(names, arguments.only))
    ]
    if not chosen:
        print(f"bench: no figure is named '{arguments.only}'", file=sys.stderr)
        return 2
    path = build / "bench.json"
    results = load(path)
    for wanted, function in chosen:
        measured = function(build)
        for name in wanted:
            print(line(name, measured[name]), flush=True)
            results[name] = measured[name].as_json()
        path.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

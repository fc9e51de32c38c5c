"""`make defects`: proves that the suite can fail.

Each defect of the reference peers is switched on in turn, and the cases that judge the requirements which it
breaks are run. It is caught if each of those requirements is found broken: by a case that judges it, or by
a rule in the captures. Prints a line a defect, writes BUILD/defects.json, and fails if any escaped.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

BROKEN = {"fail", "warn", "info"}  # what breaking a MUST, a SHOULD or a MAY weighs
SEED = 6887


@dataclass
class Proof:
    role: str
    defect: str
    text: str
    requirements: list[str]
    caught_by: dict[str, list[str]] = field(default_factory=dict)  # requirement: cases and rules
    escaped: list[str] = field(default_factory=list)  # requirements
    problem: str = ""


def listed(build: Path, what: str) -> list[dict]:
    done = subprocess.run(
        [build / "pinhole", "list", what, "--json"], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def implemented(build: Path) -> dict[str, set[str]]:
    """The defects that the programs have, by the roles that they can play."""
    names = {}
    for program in ("gateway", "device"):
        done = subprocess.run(
            [build / f"pinhole-{program}", "--defect", "list"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        names[program] = set(done.stdout.split())
    return {**names, "proxy": names["gateway"]}


def prove(build: Path, defect: dict, folder: str) -> Proof:
    proof = Proof(defect["role"], defect["name"], defect["text"], defect["requirements"])
    where = Path(folder, f"{proof.role}-{proof.defect}")
    command = [
        build / "pinhole", "test", "reference", "--role", proof.role, "--defect", proof.defect,
        "--judging", ",".join(proof.requirements), "--seed", str(SEED), "--quiet", "--jobs", "3",
        "--out", where, "--json", where.with_suffix(".json"),
    ]  # fmt: skip
    if defect["shown_by"]:
        command += ["--filter", defect["shown_by"]]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        report = json.loads(where.with_suffix(".json").read_text())
    except OSError:
        proof.problem = (done.stderr or done.stdout).strip().splitlines()[-1]
        proof.escaped = proof.requirements
        return proof
    finally:
        subprocess.run(["rm", "-rf", where], check=True)
    for result in report["cases"]:
        if result["verdict"] in BROKEN and result["requirement"] in proof.requirements:
            proof.caught_by.setdefault(result["requirement"], []).append(result["id"])
        elif result["verdict"] == "error" and not proof.problem:
            proof.problem = f"{result['id']}: {result['actual']}"
    proof.escaped = [r for r in proof.requirements if r not in proof.caught_by]
    return proof


def line(proof: Proof) -> str:
    caught = sorted({case for cases in proof.caught_by.values() for case in cases})
    first = f"{'ESCAPED' if proof.escaped else 'caught':<8} {proof.role:<8} {proof.defect}: {proof.text}"
    rows = [first] + [f"{'':<17} {case}" for case in caught]
    if proof.escaped:
        rows.append(f"{'':<17} not found broken: {', '.join(proof.escaped)}")
    if proof.problem:
        rows.append(f"{'':<17} {proof.problem}")
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True, help="the build folder")
    parser.add_argument("--only", default="", help="names that begin so, ROLE:NAME")
    parser.add_argument("--side-by-side", type=int, default=3, help="defects at a time")
    arguments = parser.parse_args()
    build = arguments.build.resolve()

    defects = listed(build, "defects")
    known = implemented(build)
    unknown = [
        f"{d['role']}:{d['name']}" for d in defects if d["name"] not in known[d["role"]]
    ]
    for name in unknown:
        print(f"{name} is listed, but the program doesn't have it", file=sys.stderr)
    defects = [d for d in defects if f"{d['role']}:{d['name']}".startswith(arguments.only)]
    if not defects:
        print(f"defects: none is named '{arguments.only}'", file=sys.stderr)
        return 4
    proofs = []
    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(arguments.side_by_side) as pool,
    ):
        for proof in pool.map(lambda d: prove(build, d, folder), defects):
            if not proof.escaped:
                print(line(proof), flush=True)
            proofs.append(proof)
        # What escaped beside others gets another chance by itself: a busy machine must not hide a defect.
        for i, defect in enumerate(defects):
            if proofs[i].escaped:
                proofs[i] = prove(build, defect, folder)
                print(line(proofs[i]), flush=True)
    escaped = [proof for proof in proofs if proof.escaped]
    (build / "defects.json").write_text(json.dumps([asdict(p) for p in proofs], indent=1) + "\n")
    print(f"{len(proofs)} defects, {len(proofs) - len(escaped)} caught, {len(escaped)} escaped")
    return 1 if escaped or unknown else 0


if __name__ == "__main__":
    sys.exit(main())

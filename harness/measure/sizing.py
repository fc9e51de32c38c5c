"""Octets and stack of compiled programs: what size.py and size_lwm2m.py share."""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]

TARGETS = {
    "cortex-m0": ("arm-none-eabi-", ["-mcpu=cortex-m0", "-mthumb"]),
    "x86-64": ("", ["-m64", "-fno-pie", "-no-pie", "-fcf-protection=none"]),
}
# As firmware would be: small, each function a section, so that unused ones can be dropped.
SMALL = [
    "-std=c17",
    "-Os",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-asynchronous-unwind-tables",
    "-fno-stack-protector",
    f"-I{ROOT}/harness",
]
KINDS = {
    ".text": "text",
    ".rodata": "text",
    ".ARM": "text",
    ".eh_frame": "text",
    ".data": "data",
    ".bss": "bss",
}


def run(*command, **options):
    return subprocess.run(
        [str(word) for word in command], check=True, text=True, stdout=subprocess.PIPE, **options
    ).stdout


def kind_of(section):
    """text, data or bss by a section's name; None for what isn't in the program's memory."""
    if section.startswith(".ARM.attributes"):
        return None
    return next((kind for start, kind in KINDS.items() if section.startswith(start)), None)


def sections(prefix, image):
    """Octets of text, data and bss, by the sections' names: linkers pad others."""
    total = {"text": 0, "data": 0, "bss": 0}
    for line in run(f"{prefix}size", "-A", image).splitlines():
        kind = kind_of(line)
        if kind:
            total[kind] += int(line.split()[1])
    return total


def shares(link_map, is_ours):
    """The octets of what is_ours(file) in a linker's map, and those of the rest."""
    ours, others = ({"text": 0, "data": 0, "bss": 0} for _ in range(2))
    text = link_map.read_text().split("Linker script and memory map", 1)[1]
    pattern = r"^ (\.\S+|COMMON)\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S.*)$"
    for section, octets, file in re.findall(pattern, text, re.MULTILINE):
        kind = "bss" if section == "COMMON" else kind_of(section)
        if kind:
            (ours if is_ours(file) else others)[kind] += int(octets, 16)
    return ours, others


def deepest_stack(graphs, roots, pointers=None, nested=None, again=None):
    """The deepest chain of calls below roots, in octets, by the .ci files of -fcallgraph-info=su.

    pointers tells what calls through pointers reach, by the name of the file where they stand: FILE:FUNCTION
    for static functions. A file that has such calls must be among them. nested tells how many times at most the
    functions that call themselves may stand in a chain, by the same names. again tells of functions that a function
    calls through a pointer, and that call it once more: {CALLER: (THAT FUNCTION, WHAT IT THEN CALLS)}.
    """
    frame, calls = {}, {}
    for graph in graphs:
        text = graph.read_text()
        for title, label in re.findall(r'node: \{ title: "([^"]+)" label: "([^"]+)"', text):
            octets = re.search(r"(\d+) bytes", label)
            if octets:
                frame[title] = int(octets.group(1))
        edge = r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"(?: label: "([^"]+?):\d+:\d+")?'
        for source, target, file in re.findall(edge, text):
            targets = {target}
            if target == "__indirect_call":
                file = pathlib.Path(file).name
                if pointers is None or file not in pointers:
                    raise SystemExit(f"size: {source} calls through a pointer in {file}: where to?")
                targets = set(pointers[file])
            calls.setdefault(source, set()).update(targets)
    # Static functions are titled PATH/FILE:FUNCTION.
    titles = {title.rsplit("/", 1)[-1]: title for title in frame}
    for name, times in (nested or {}).items():
        frame[titles[name]] *= times
        calls[titles[name]].remove(titles[name])

    for caller, (callee, instead) in (again or {}).items():
        calls[titles[caller]].remove(callee)
        calls[titles[caller]].add(instead)
    for callee in {callee for callee, _ in (again or {}).values()}:
        frame[callee] *= 2

    def depth(function, above):
        function = titles.get(function, function)
        if function in above:
            raise SystemExit(f"size: {function} calls itself: its stack has no bound")
        if function not in known:
            below = (depth(callee, above | {function}) for callee in calls.get(function, ()))
            known[function] = frame.get(function, 0) + max(below, default=0)
        return known[function]

    known = {}
    for names in (pointers or {}).values():
        for name in names:
            if name not in titles:
                raise SystemExit(f"size: there is no {name}, to which a pointer should lead")
    return max(depth(root, frozenset()) for root in roots)


def struct_sizes(prefix, flags, folder, header, structs):
    """{NAME: octets} of structs, as {NAME: "struct tag"}."""
    probe = folder / "structs.c"
    probe.write_text("".join(f"char size_of_{name}[sizeof({c})];\n" for name, c in structs.items()))
    run(f"{prefix}gcc", *flags, "-include", header, "-c", probe, "-o", folder / "structs.probe")
    symbols = run(f"{prefix}nm", "-S", folder / "structs.probe")
    return {
        name: int(re.search(rf"^\S+ (\S+) \w size_of_{name}$", symbols, re.MULTILINE).group(1), 16)
        for name in structs
    }

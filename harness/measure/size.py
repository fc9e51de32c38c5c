#!/usr/bin/python3
"""What the PCP client costs a small device, and an LwM2M device with it: text, data, bss, worst stack, RAM.

The engine and its codec are compiled as firmware would be (-Os, each function a section, unused ones
dropped) and linked whole: with the three functions of a C library that they call and whatever the
compiler adds, so that no octet is left out. The stack is the deepest chain of calls below any function
of the interface, from the compiler's own call graph; that of the whole device is what it used in a lab.

size_lwm2m.py tells what is measured of LwM2M.

Prints a table and writes BUILD/size.json: {"NAME.TARGET": {"text", "data", "bss", "stack",
"mapping", "client", "instance"}}, the last three being the structs' sizes.
"""

import argparse
import json
import pathlib
import re
import shutil
import sys

import size_lwm2m
from sizing import ROOT, SMALL, TARGETS, deepest_stack, run, sections, struct_sizes

SOURCES = (
    *sorted((ROOT / "harness/engine").glob("pcp_client*.c")),
    ROOT / "harness/wire/pcp.c",
    ROOT / "harness/wire/address.c",
    ROOT / "harness/wire/natpmp.c",
    ROOT / "harness/measure/freestanding/memory.c",
)
INTERFACE = ROOT / "harness/engine/pcp_client.h"
SWITCHES = re.findall(r"^#define (PCP_CLIENT_\w+) 1$", INTERFACE.read_text(), re.MULTILINE)

PARTS = {
    "pcp-client-map": [f"-D{switch}=0" for switch in SWITCHES],
    "pcp-client": [],
}
MEASURES = (
    ("pcp-client-map", "cortex-m0"),
    ("pcp-client", "cortex-m0"),
    ("pcp-client-map", "x86-64"),
    ("pcp-client", "x86-64"),
)
# What a small device can spare; reaching a limit is a failure.
LIMITS = {
    ("pcp-client-map.cortex-m0", "text"): 3000,
    ("pcp-client.cortex-m0", "text"): 8000,
    ("pcp-client.cortex-m0", "mapping"): 128,
    ("pcp-client.cortex-m0", "bss"): 1,
    ("lwm2m-client.cortex-m0", "text"): 65536,
    ("lwm2m-client.cortex-m0", "stack"): 2048,
    ("lwm2m-client.cortex-m0", "bss"): 1,
}
NOTE = """stack: the deepest chain of calls, by the compiler's call graph; of lwm2m-device the deepest octet that its main
thread used in two lives in a lab, by NoSec and DTLS, with libraries and dynamic linker"""
FLAGS = [
    f"-I{ROOT}/harness/measure/freestanding",
    *SMALL,
    "-ffreestanding",
    "-fbuiltin",
    "-fno-tree-loop-distribute-patterns",
]
PACKAGE = {
    "cortex-m0": "gcc-arm-none-eabi",
    "x86-64": "gcc",
    "newlib": "libnewlib-arm-none-eabi",
}


def interface(defines):
    """The functions a program calls, as the header declares them under these switches."""
    text = run("gcc", "-E", "-P", *FLAGS, *defines, INTERFACE)
    return sorted(set(re.findall(r"\b(pcp_(?:client|mapping)_\w+)\(", text)))


def measure(part, target, build):
    prefix, machine = TARGETS[target]
    defines = PARTS[part]
    flags = FLAGS + machine + defines
    folder = build / "size" / f"{part}.{target}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    objects = []
    for source in SOURCES:
        objects.append(folder / f"{source.stem}.o")
        run(f"{prefix}gcc", *flags, "-fcallgraph-info=su", "-c", source, "-o", objects[-1])
    entries = interface(defines)
    image = folder / "image"
    run(
        f"{prefix}gcc",
        *machine,
        "-static",
        "-nostdlib",
        "-Wl,--gc-sections",
        "-Wl,--build-id=none",
        f"-Wl,-e,{entries[0]}",
        *(f"-Wl,-u,{entry}" for entry in entries),
        *objects,
        "-lgcc",
        "-o",
        image,
    )
    return {
        **sections(prefix, image),
        "stack": deepest_stack(folder.glob("*.ci"), entries),
        **struct_sizes(
            prefix,
            flags,
            folder,
            "engine/pcp_client.h",
            {"mapping": "struct pcp_mapping", "client": "struct pcp_client"},
        ),
    }


def measure_libnatpmp(build):
    """Debian's libnatpmp, NAT-PMP alone, as its shared library: the nearest thing to compare with."""
    for library in sorted((build / "peers/root").glob("usr/lib/*/libnatpmp.so.1")):
        text, data, bss = run("size", library).splitlines()[1].split()[:3]
        return {"text": int(text), "data": int(data), "bss": int(bss), "stack": None}
    return None


def print_table(results):
    columns = ("text", "data", "bss", "stack", "mapping", "client", "instance")
    print(f"{'':32}" + "".join(f"{column:>9}" for column in columns))
    for name, figures in results.items():
        cells = (figures.get(column) for column in columns)
        print(f"{name:32}" + "".join(f"{'-' if cell is None else cell:>9}" for cell in cells))
    print(NOTE)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    build = arguments.parse_args().build
    build.mkdir(parents=True, exist_ok=True)
    results, lacking = {}, set()
    for part, target in MEASURES:
        if shutil.which(f"{TARGETS[target][0]}gcc"):
            results[f"{part}.{target}"] = measure(part, target, build)
        else:
            lacking.add(target)
    if size_lwm2m.has_newlib():
        results |= size_lwm2m.measure_client(build)
    else:
        lacking.add("newlib")
    results |= size_lwm2m.measure_device(build)
    natpmp = measure_libnatpmp(build)
    if natpmp:
        results["libnatpmp-shared.x86-64"] = natpmp
    (build / "size.json").write_text(json.dumps(results, indent=2) + "\n")
    print_table(results)
    too_large = [
        f"{name}: {results[name][column]} octets of {column}, the limit is {limit}"
        for (name, column), limit in LIMITS.items()
        if name in results and results[name][column] >= limit
    ]
    for line in too_large:
        print(f"size: {line}", file=sys.stderr)
    for target in sorted(lacking):
        print(
            f"size: no figures for {target}: the package {PACKAGE[target]} is missing",
            file=sys.stderr,
        )
    return 1 if too_large else 0


if __name__ == "__main__":
    sys.exit(main())

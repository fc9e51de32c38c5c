"""What LwM2M with the PCP-context costs: a small device's engines, and a whole device.

lwm2m-client: the LwM2M client, its codecs and objects, and the PCP client, linked for a small device with
newlib. They do no I/O, so CoAP and the radio come on top. What they take of newlib (numbers to text and back are
most of it) is told apart, as lwm2m-client-newlib. The stack is that of our functions alone: what newlib takes
below them, and what the callbacks of a program take, is not in it.

lwm2m-device: the program pinhole-lwm2m-device for this machine: our objects, and each shared library that it
loads as a whole, though it may use little of it. Its stack runs through libcoap's callbacks, where the compiler
can't follow: it is what the program uses while it lives through a lab (stack_lwm2m.py), libraries included.
"""

import pathlib
import re
import shutil
import sys

import stack_lwm2m
from sizing import ROOT, SMALL, TARGETS, deepest_stack, run, sections, shares, struct_sizes

HARNESS = ROOT / "harness"
ENGINES = (
    *(f for f in sorted((HARNESS / "engine/lwm2m").glob("*.c")) if f.stem != "lwm2m_registry"),
    *sorted((HARNESS / "engine").glob("pcp_client*.c")),
)
# Captures, and what merely names things, are no part of a device.
CODECS = tuple(
    HARNESS / "wire" / f"{name}.c"
    for name in (
        "address base64 cbor cbor_real cbor_write core_link decimal json json_value json_write lwm2m "
        "lwm2m_json lwm2m_tlv lwm2m_value natpmp pcp senml_cbor senml_json senml_record utf8"
    ).split()
)
# What a program calls.
INTERFACE = ("lwm2m_client", "lwm2m_serve", "lwm2m_observe", "lwm2m_model", "lwm2m_account")
# What it holds: one client, and an instance of an object each time.
STRUCTS = {
    "client": "struct { struct lwm2m_client c; struct lwm2m_server s; struct lwm2m_observations o; }",
    "instance": "struct lwm2m_instance",
}
SMALL_TARGET = "cortex-m0"
# Debian's stdint.h for arm-none-eabi does not tell newlib's inttypes.h that there are 64 bits.
NEWLIB = ["-D_GNU_SOURCE", "-D__int64_t_defined=1"]

TYPING = ("lwm2m_model.c:type_of", "lwm2m_model.c:is_multiple")
# Where calls through pointers lead, by file; nowhere: to callbacks of the program.
POINTERS = {
    "cbor.c": ("senml_cbor.c:read_record", "senml_cbor.c:read_pair"),
    "core_link.c": tuple(f"core_link.c:is_{what}" for what in ("name", "token", "target", "blank")),
    "json.c": (
        *(f"senml_json.c:read_{what}" for what in ("record", "field")),
        *(f"lwm2m_json.c:read_{what}" for what in ("entry", "member")),
    ),
    "lwm2m_attributes.c": tuple(f"lwm2m_attributes.c:read_{w}" for w in ("pmin", "pmax", "gt", "lt", "st")),
    "lwm2m_client.c": (),
    "lwm2m_client_messages.c": tuple(
        f"lwm2m_client_messages.c:write_{what}"
        for what in ("bare", "bootstrap", "register", "update", "send")
    ),
    "lwm2m_content.c": (
        *TYPING,
        *(f"lwm2m_content.c:read_{what}" for what in ("text", "opaque", "cbor", "tlv")),
        *(f"lwm2m_content.c:write_{what}" for what in ("text", "opaque")),
        "lwm2m_cbor_value_write",
        "lwm2m_tlv_write",
        *(f"{name}_read" for name in ("senml_json", "senml_cbor", "lwm2m_json")),
        *(f"{name}_write" for name in ("senml_json", "senml_cbor", "lwm2m_json")),
    ),
    "lwm2m_json.c": (
        *TYPING,
        *(f"lwm2m_json.c:read_{what}_member" for what in ("entry", "payload")),
    ),
    "lwm2m_model.c": (),
    "lwm2m_registration.c": (),
    "lwm2m_serve.c": (
        *(f"lwm2m_serve.c:{method}" for method in ("get", "bootstrap_get", "post", "put")),
        "lwm2m_serve_delete",
        "lwm2m_serve_bootstrap_delete",
        "lwm2m_serve_bootstrap_write",
        "lwm2m_serve_fetch",
        "lwm2m_serve_write_composite",
    ),
    "lwm2m_serve_apply.c": (),
    "lwm2m_serve_create.c": (),
    "lwm2m_serve_execute.c": (),
    "lwm2m_serve_prepare.c": (),
    "lwm2m_serve_read.c": (),
    "lwm2m_snapshot.c": (),
    "lwm2m_tlv.c": TYPING,
    "senml_record.c": TYPING,
}
# Functions that call themselves: how many times they may stand in a chain.
NESTED = {"lwm2m_tlv.c:read_level": 4, "lwm2m_tlv.c:write_level": 3}
# Objects in an array.
AGAIN = {
    "senml_cbor.c:read_record": ("cbor_each", "senml_cbor.c:read_pair"),
    "senml_json.c:read_record": ("json_each", "senml_json.c:read_field"),
    "lwm2m_json.c:read_entry": ("json_each", "lwm2m_json.c:read_member"),
}


def compile_all(prefix, flags, sources, folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    objects = []
    for source in sources:
        objects.append(folder / f"{'-'.join(source.relative_to(HARNESS).with_suffix('').parts)}.o")
        run(f"{prefix}gcc", *flags, "-c", source, "-o", objects[-1])
    return objects


def entries(prefix, objects):
    """The functions that the interface declares, and the objects' definitions, which a program refers to."""
    headers = [HARNESS / f"engine/lwm2m/{name}.h" for name in INTERFACE]
    headers.append(HARNESS / "engine/pcp_client.h")
    declared = set()
    for header in headers:
        declared |= set(re.findall(r"\b((?:lwm2m|pcp)_\w+)\(", header.read_text()))
    symbols = run(f"{prefix}nm", "--defined-only", *objects)
    functions = sorted(declared & set(re.findall(r" T (\w+)$", symbols, re.MULTILINE)))
    return functions, sorted(set(re.findall(r" [RD] (lwm2m_object_\w+)$", symbols, re.MULTILINE)))


def has_newlib():
    prefix, machine = TARGETS[SMALL_TARGET]
    compiler = shutil.which(f"{prefix}gcc")
    # A compiler that does not find the file says its bare name.
    return bool(compiler) and "/" in run(compiler, *machine, "-print-file-name=libc.a")


def measure_client(build):
    prefix, machine = TARGETS[SMALL_TARGET]
    folder = build / "size" / f"lwm2m-client.{SMALL_TARGET}"
    flags = [*SMALL, *machine, *NEWLIB, "-fcallgraph-info=su"]
    objects = compile_all(prefix, flags, (*ENGINES, *CODECS, HARNESS / "base/error.c"), folder)
    functions, definitions = entries(prefix, objects)
    run(
        f"{prefix}gcc",
        *machine,
        "-static",
        "-nostartfiles",
        "--specs=nosys.specs",
        "-Wl,--gc-sections",
        "-Wl,--no-warn-mismatch",
        f"-Wl,-e,{functions[0]}",
        *(f"-Wl,-u,{name}" for name in (*functions, *definitions)),
        f"-Wl,-Map,{folder / 'map'}",
        *objects,
        "-o",
        folder / "image",
        stderr=(folder / "warnings").open("w"),
    )
    ours, newlib = shares(folder / "map", lambda file: file.startswith(str(folder)))
    return {
        f"lwm2m-client.{SMALL_TARGET}": {
            **ours,
            "stack": deepest_stack(folder.glob("*.ci"), functions, POINTERS, NESTED, AGAIN),
            **struct_sizes(prefix, flags, folder, "engine/lwm2m/lwm2m_client.h", STRUCTS),
        },
        f"lwm2m-client-newlib.{SMALL_TARGET}": {**newlib, "stack": None},
    }


def shared_libraries(image):
    """{NAME: path} of what a program loads, itself or through others."""
    found = re.findall(r"^\s*(\S+?)\.so\S* => (/\S+)", run("ldd", image), re.MULTILINE)
    return {re.sub(r"[^a-z0-9]+", "-", name.lower()): pathlib.Path(path) for name, path in found}


def measure_stack(image, build):
    """None where there can't be a lab."""
    try:
        return stack_lwm2m.measure(image, build)
    except AssertionError as failure:
        print(f"size: no stack of lwm2m-device: {failure}", file=sys.stderr)
        return None


def measure_device(build):
    target = "x86-64"
    prefix, machine = TARGETS[target]
    folder = build / "size" / f"lwm2m-device.{target}"
    libcoap = [run("pkg-config", what, "libcoap-3-openssl").split() for what in ("--cflags", "--libs")]
    sources = [
        *sorted((HARNESS / "node/lwm2m-device").glob("*.c")),
        *sorted((HARNESS / "node/common").glob("*.c")),
        *ENGINES,
        HARNESS / "engine/pcp_destinations.c",
        *sorted(f for f in (HARNESS / "wire").glob("*.c") if not f.stem.startswith("capfile")),
        *sorted((HARNESS / "base").glob("*.c")),
    ]
    flags = [*SMALL, *machine, "-D_GNU_SOURCE", "-pthread", *libcoap[0]]
    objects = compile_all(prefix, flags, sources, folder)
    image = folder / "image"
    run("gcc", *machine, "-Wl,--gc-sections", *objects, *libcoap[1], "-lssl", "-lmnl", "-o", image)
    stack = measure_stack(image.resolve(), build)
    results = {f"lwm2m-device.{target}": {**sections(prefix, image), "stack": stack}}
    for name, path in shared_libraries(image).items():
        results[f"{name}-shared.{target}"] = {**sections(prefix, path), "stack": None}
    return results

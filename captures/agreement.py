"""Does tshark read the messages of a capture as pinhole does?

Each field that `pinhole decode --json` shows of a PCP, NAT-PMP or CoAP message is turned into what
tshark's own dissectors (portcontrol, nat-pmp, coap) call it, and the two lists are compared, in
their order and both ways: a field that only one of them has is a difference too.
"""

import json
import os
import subprocess

PROTOCOLS = {"PCP": "portcontrol", "NAT-PMP": "nat-pmp", "CoAP": "coap"}
DECODABLE = "(" + " || ".join(PROTOCOLS.values()) + ") && !icmp && !icmpv6"

# What tshark adds for display: it restates other fields, or names what only it knows. A name that
# ends with . or _ stands for all that begin with it.
RESTATED = (
    "portcontrol.request", "portcontrol.response", "portcontrol.option.padding",
    "portcontrol.option.description", "portcontrol.option.p64.", "portcontrol.option.portset.",
    "portcontrol.option.unknown", "portcontrol.opcode.unknown", "nat-pmp.opcode.unknown",
    "coap.opt.name", "coap.opt.desc", "coap.opt.end_marker", "coap.opt.uri_path_recon",
    "coap.payload", "coap.payload_desc", "coap.response_", "coap.request_", "coap.retransmitted",
    "coap.opt.ctype", "coap.opt.accept", "coap.opt.block_", "coap.opt.unknown",
    "coap.invalid_option_", "coap.unknown_option_number", "_ws.",
)


def restated(name):
    return "." not in name or any(
        name.startswith(known) if known[-1] in "._" else name == known for known in RESTATED)


def pinhole_messages(capture):
    program = os.path.join(os.environ["PINHOLE_BUILD"], "pinhole")
    done = subprocess.run([program, "decode", capture, "--json"], capture_output=True, check=True)
    return {message["frame"]: message for message in json.loads(done.stdout)["messages"]}


def tshark_layers(capture):
    """{frame number: (frame layer, {protocol: [(field, value), ...]})}"""
    done = subprocess.run(["tshark", "-r", capture, "-Y", DECODABLE, "-T", "json"],
                          capture_output=True, check=True)
    frames = {}
    for packet in json.loads(done.stdout, object_pairs_hook=list):
        layers = dict(dict(packet)["_source"])["layers"]
        frame = dict(dict(layers)["frame"])
        frame["malformed"] = any(name.startswith("_ws.") for name, _ in flatten(layers))
        frames[int(frame["frame.number"])] = frame, {
            name: [pair for pair in flatten(tree) if not restated(pair[0])]
            for name, tree in layers if name in PROTOCOLS.values()}
    return frames


def flatten(tree):
    for name, value in tree:
        if isinstance(value, list):
            yield from flatten(value)
        else:
            yield name, value


def colons(digits):
    return ":".join(digits[i:i + 2] for i in range(0, len(digits), 2))


def ipv6(text):
    """PCP's addresses are IPv6 to tshark, which writes ::ffff:0.0.0.0 out."""
    return text if ":" in text else "::ffff:" + text


def number(digits):
    return int(digits or "0", 16)


def as_portcontrol(fields):
    way, suggested, assigned = (
        ("rsp", "rsp_assigned_external_port", "rsp_assigned_ext_ip") if fields["response"] else
        ("req", "req_sug_external_port", "req_sug_external_ip"))
    yield "version", fields["version"]
    yield "r", int(fields["response"])
    yield "opcode", fields["opcode"]
    yield "reserved", fields["reserved"]
    if fields["response"]:
        yield "result_code", fields["result"]
    yield f"lifetime_{way}", fields["lifetime"]
    if fields["response"]:
        yield "epoch_time", fields["epoch"]
        yield "rsp_reserved", colons(fields["reserved_epoch"])
    else:
        yield "client_ip", ipv6(fields["client"])
    if "nonce" in fields:
        peer = "remote_port" in fields
        data = "peer" if peer else "map"
        yield f"{data}.nonce", colons(fields["nonce"])
        yield f"{data}.protocol", fields["protocol"]
        yield (f"{data}.reserved",
               colons(fields["map_reserved"]) if peer else number(fields["map_reserved"]))
        yield f"{data}.internal_port", fields["internal_port"]
        yield f"{data}.{suggested}", fields["external_port"]
        yield f"{data}.{assigned}", ipv6(fields["external_address"])
        if peer:
            yield "peer.remote_peer_port", fields["remote_port"]
            yield "peer.reserved", colons(fields["peer_reserved"])
            yield "peer.remote_peer_ip", ipv6(fields["remote_address"])
    for option in fields["options"]:
        yield "option.code", option["code"]
        yield "option.reserved", option["reserved"]
        yield "option.length", option["length"]
        if "internal_address" in option:
            yield "option.third_party.internal_ip", ipv6(option["internal_address"])
        if "prefix_length" in option:
            yield "option.filter.reserved", option["filter_reserved"]
            yield "option.filter.prefix_length", option["prefix_length"]
            yield "option.filter.remote_peer_port", option["remote_port"]
            yield "option.filter.remote_peer_ip", ipv6(option["remote_address"])


def as_nat_pmp(fields):
    unsupported_version = fields.get("result") == 1
    yield "version", fields["version"]
    yield "opcode", fields["opcode"] + 128 * (fields["response"] and not unsupported_version)
    if unsupported_version:
        return  # tshark takes it for a request and reads no further
    if fields["response"]:
        yield "result_code", fields["result"]
        yield "sssoe", fields["epoch"]
    for name, theirs in (("external_address", "external_ip"), ("reserved", "reserved"),
                         ("internal_port", "internal_port"), ("external_port", "external_port"),
                         ("lifetime", "pml")):
        if name in fields:
            yield theirs, fields[name]


COAP_VALUES = {  # option number: (tshark's field, how it shows the value)
    1: ("if_match", colons),
    3: ("uri_host", lambda digits: bytes.fromhex(digits).decode()),
    4: ("etag", colons),
    6: ("observe", number),
    7: ("uri_port", number),
    8: ("location_path", lambda digits: bytes.fromhex(digits).decode()),
    11: ("uri_path", lambda digits: bytes.fromhex(digits).decode()),
    14: ("max_age", number),
    15: ("uri_query", lambda digits: bytes.fromhex(digits).decode()),
    20: ("location_query", lambda digits: bytes.fromhex(digits).decode()),
    60: ("size1", number),
}


def extended(name, value):
    """Deltas and lengths as the wire has them, which is what tshark shows."""
    if value < 13:
        yield f"opt.{name}", value
    elif value < 269:
        yield f"opt.{name}", 13
        yield f"opt.{name}_ext", value - 13
    else:
        yield f"opt.{name}", 14
        yield f"opt.{name}_ext", value - 269


def as_coap(fields):
    yield "version", fields["version"]
    yield "type", fields["type"]
    yield "token_len", len(fields["token"]) // 2
    yield "code", fields["code"]
    yield "mid", fields["message_id"]
    if fields["token"]:
        yield "token", colons(fields["token"])
    previous = 0
    for option in fields["options"]:
        delta = list(extended("delta", option["number"] - previous))
        length = list(extended("length", option["length"]))
        yield from (delta[0], length[0], *delta[1:], *length[1:])
        previous = option["number"]
        if previous in COAP_VALUES:
            name, show = COAP_VALUES[previous]
            yield f"opt.{name}", show(option["value"])
    if "payload" in fields:
        yield "payload_length", len(fields["payload"]) // 2


AS_TSHARK = {"PCP": as_portcontrol, "NAT-PMP": as_nat_pmp, "CoAP": as_coap}


def differences(capture):
    """One line for each message that the two read differently, and the number compared."""
    ours, theirs = pinhole_messages(capture), tshark_layers(capture)
    lines, compared = [], 0
    for frame in sorted(ours.keys() | theirs.keys()):
        message, (layer, fields) = ours.get(frame), theirs.get(frame, ({}, {}))
        if message and "fault" in message["fields"]:
            continue  # tshark has no faults to compare
        if message and message["protocol"] == "CoAP" and not fields:
            continue  # on a mapped port, which tshark does not know for CoAP's
        if not message and fields.keys() == {"coap"} and layer["malformed"]:
            continue  # to tshark all is CoAP that has its port, the probes of a mapping too
        if not message or PROTOCOLS[message["protocol"]] not in fields:
            lines.append(f"frame {frame}: pinhole has {message and message['protocol']}, "
                         f"tshark {list(fields)}")
            continue
        compared += 1
        protocol = PROTOCOLS[message["protocol"]]
        expected = [(f"{protocol}.{name}", str(value))
                    for name, value in AS_TSHARK[message["protocol"]](message["fields"])]
        if expected != fields[protocol]:
            lines.append(f"frame {frame}: pinhole has {expected}, tshark {fields[protocol]}")
        if abs(message["time"] - float(layer["frame.time_relative"])) > 1e-6:
            lines.append(f"frame {frame}: pinhole has it at {message['time']} s, "
                         f"tshark at {layer['frame.time_relative']} s")
        interface = dict(layer.get("frame.interface_id_tree", [])).get("frame.interface_name", "")
        if message["interface"] != interface:
            lines.append(f"frame {frame}: pinhole has interface {message['interface']}, "
                         f"tshark {interface}")
    return lines, compared

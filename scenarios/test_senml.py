"""SenML as other people's JSON and CBOR write and read it: Python's json and Debian's cbor2.

senml_translate reads a pack in one format and writes it in another, by the codecs of harness/wire."""

import base64
import json
import subprocess

import cbor2
import pytest
from conftest import BUILD
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LABELS = {"bn": -2, "bv": -5, "n": 0, "v": 2, "vs": 3, "vb": 4, "vd": 8}
NAMES = {label: name for name, label in LABELS.items()}
PROFILE = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


class Translator:
    """A running senml_translate."""

    def __init__(self):
        self.process = subprocess.Popen(
            [BUILD / "test/senml_translate"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def __call__(self, source, target, octets):
        """The pack in the other format, or None if it was refused."""
        self.process.stdin.write(f"{source} {target} {len(octets)}\n".encode() + octets)
        self.process.stdin.flush()
        line = self.process.stdout.readline().decode()
        if line.startswith("refused "):
            assert line.strip() != "refused"
            return None
        return self.process.stdout.read(int(line))

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=10) == 0
        self.process.stdout.close()


@pytest.fixture(scope="module")
def translate():
    translator = Translator()
    yield translator
    translator.close()


# --- packs as Python sees them ----------------------------------------------------------------


def to_json(records, **style):
    def plain(record):
        return {
            key: base64.urlsafe_b64encode(value).rstrip(b"=").decode() if key == "vd" else value
            for key, value in record.items()
        }

    return json.dumps([plain(record) for record in records], **style).encode()


def from_json(octets):
    records = json.loads(octets)
    for record in records:
        if "vd" in record:
            record["vd"] = base64.urlsafe_b64decode(record["vd"] + "=" * (-len(record["vd"]) % 4))
    return records


def to_cbor(records, **style):
    return cbor2.dumps([{LABELS.get(k, k): v for k, v in record.items()} for record in records], **style)


def from_cbor(octets):
    return [{NAMES.get(k, k): v for k, v in record.items()} for record in cbor2.loads(octets)]


def resolved(records):
    """(path, field, value) of each record; values as text, which tells 1 from 1.0 and 0.0 from -0.0."""
    base, found = "", []
    for record in records:
        base = record.get("bn", base)
        fields = [key for key in record if key in ("v", "vs", "vb", "vd", "vlo")]
        assert len(fields) <= 1
        field = fields[0] if fields else None
        found.append((base + record.get("n", ""), field, repr(record[field]) if field else None))
    return found


IDS = st.integers(0, 65534)
LINKS = st.tuples(st.integers(0, 65535), st.integers(0, 65535)).map(lambda pair: "%d:%d" % pair)
VALUES = st.one_of(
    st.tuples(st.just("v"), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just("v"), st.floats(allow_nan=False, allow_infinity=False)),
    st.tuples(st.just("vs"), st.text()),
    st.tuples(st.just("vb"), st.booleans()),
    st.tuples(st.just("vd"), st.binary()),
    st.tuples(st.just("vlo"), LINKS),
)


@st.composite
def packs(draw):
    records = []
    for _ in range(draw(st.integers(0, 6))):
        ids = draw(st.lists(IDS, min_size=3, max_size=4))
        path = "".join(f"/{number}" for number in ids)
        cut = draw(st.integers(0, len(path)))
        record = {"bn": path[:cut], "n": path[cut:]}
        if draw(st.booleans()):
            field, value = draw(VALUES)
            record[field] = value
        records.append(dict(draw(st.permutations(list(record.items())))))
    return records


# --- tests ------------------------------------------------------------------------------------


@PROFILE
@given(records=packs(), ascii_only=st.booleans(), indent=st.sampled_from([None, 1]))
def test_what_json_writes_means_the_same_to_cbor2(translate, records, ascii_only, indent):
    octets = to_json(records, ensure_ascii=ascii_only, indent=indent)
    assert resolved(from_cbor(translate("senml-json", "senml-cbor", octets))) == resolved(records)


@PROFILE
@given(records=packs(), canonical=st.booleans())
def test_what_cbor2_writes_means_the_same_to_json(translate, records, canonical):
    octets = to_cbor(records, canonical=canonical)
    assert resolved(from_json(translate("senml-cbor", "senml-json", octets))) == resolved(records)


@PROFILE
@given(records=packs())
def test_our_cbor_is_as_short_as_the_canonical_form(translate, records):
    octets = translate("senml-json", "senml-cbor", to_json(records))
    # Names stand in our order there, so items are compared, not whole maps.
    assert len(octets) == len(to_cbor(from_cbor(octets), canonical=True))


@PROFILE
@given(records=packs())
def test_the_json_of_lwm2m_1_0_carries_the_same_values(translate, records):
    records = [record for record in records if set(record) - {"bn", "n", "vd"}]
    document = json.loads(translate("senml-json", "json", to_json(records)))
    fields = {"v": "v", "sv": "vs", "bv": "vb", "ov": "vlo"}
    again = [
        (document["bn"] + entry["n"], fields[key], repr(value))
        for entry in document["e"]
        for key, value in entry.items()
        if key != "n"
    ]
    assert again == [entry for entry in resolved(records) if entry[1]]
    back = translate("json", "senml-json", json.dumps(document).encode())
    assert resolved(from_json(back)) == again


@PROFILE
@given(records=packs(), data=st.data())
def test_what_is_accepted_of_a_damaged_text_is_json(translate, records, data):
    octets = bytearray(to_json(records, ensure_ascii=False))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(octets) - 1))
        octets[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
        if not octets:
            break
    translated = translate("senml-json", "senml-cbor", bytes(octets))
    if translated is not None:
        assert len(from_cbor(translated)) == len(json.loads(octets.decode()))


@PROFILE
@given(octets=st.binary(max_size=64))
def test_any_octets_are_read_or_refused(translate, octets):
    for form in ("senml-json", "senml-cbor", "json"):
        translate(form, "senml-cbor", octets)

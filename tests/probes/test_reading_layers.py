"""A packet opened: its layers as plain texts, and its bytes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from netwiz.probes.reading.layers import Layers, dissect, hexdump
from tests.probes.lines import Lines, Talk, udp
from tests.probes.test_reading_names import answers, asks
from tests.probes.test_reading_talk import GET, answer, hello


def field(layers: Layers, layer: str, name: str) -> str:
    (found,) = (
        field.value
        for one in layers.layers
        if one.name == layer
        for field in one.fields
        if field.name == name
    )
    return found


def test_layers_of_a_segment() -> None:
    data = bytes(Talk(Lines()).packet(0, "PA", GET))
    found = dissect(data, 1)
    assert not found.trouble
    assert [(layer.name, layer.at) for layer in found.layers] == [
        ("Ethernet", 0),
        ("IP", 14),
        ("TCP", 34),
        ("HTTP Request", 54),
    ]
    assert field(found, "IP", "src") == "172.18.0.3"
    assert field(found, "TCP", "flags") == "PA"
    assert found.layers[-1].name == "HTTP Request"
    assert field(found, "HTTP Request", "Host") == "shop.lan"
    assert found.layers[-1].at + found.layers[-1].size == len(data)


def test_layers_of_a_name() -> None:
    query = asks()
    data = bytes(
        udp(answers(query, "pg. A 10.0.0.1"), ("10.0.0.1", 53), ("10.0.0.2", 9))
    )
    found = dissect(data, 1)
    assert found.layers[-1].name == "DNS"
    (records,) = (f for f in found.layers[-1].fields if f.name == "an")
    values = {part.name: part.value for part in records.parts[0].parts}
    assert values["rdata"] == "10.0.0.1"


def test_tls_is_opened_though_it_is_raw_to_the_library() -> None:
    talk = Talk(Lines(), server=("172.18.0.2", 443))
    found = dissect(bytes(talk.packet(0, "PA", hello())), 1)
    assert field(found, "TLS record", "server name") == "pay.lan"
    found = dissect(bytes(talk.packet(1, "PA", answer(0x0304))), 1)
    assert field(found, "TLS record", "takes") == "TLS 1.3"
    assert field(found, "TLS record", "cipher") == "AES_256_GCM_SHA384"


def test_bytes_that_are_no_text_are_shown_as_hex() -> None:
    data = bytes(Talk(Lines()).packet(0, "PA", bytes(range(128, 228))))
    shown = field(dissect(data, 1), "Raw", "load")
    assert shown.startswith("80 81 82 83")
    assert shown.endswith("(100 B)")
    data = bytes(Talk(Lines()).packet(0, "PA", b"line one\r\nline \x1b[2J two"))
    assert field(dissect(data, 1), "Raw", "load") == (
        "line one\\x0d\\x0aline \\x1b[2J two"
    )


@pytest.mark.parametrize("linktype", [1, 101, 12, 113, 276, 0, 108, 228, 229, 147])
@pytest.mark.parametrize("data", [b"", b"\x45", b"\xff" * 70, bytes(200)])
def test_garbage_is_survived(data: bytes, linktype: int) -> None:
    found = dissect(data, linktype)
    for layer in found.layers:
        for one in layer.fields:
            assert (one.name + one.value).isprintable()


def test_other_links() -> None:
    talk = Talk(Lines())
    ip = bytes(talk.packet(0, "S"))[14:]
    for linktype, before in ((101, b""), (12, b""), (228, b""), (0, b"\2\0\0\0")):
        names = [layer.name for layer in dissect(before + ip, linktype).layers]
        assert names[-2:] == ["IP", "TCP"], linktype


def test_compressed_pages_are_not_blown_up() -> None:
    import gzip

    page = gzip.compress(bytes(50_000_000))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
    talk = Talk(Lines(), server=("172.18.0.2", 80))
    found = dissect(bytes(talk.packet(1, "PA", head + page[:50_000])), 1)
    assert all(len(f.value) < 1000 for layer in found.layers for f in layer.fields)


def test_the_library_is_not_loaded_before_it_is_needed() -> None:
    code = (
        "import sys; import netwiz.probes.reading.layers;"
        "import netwiz.probes.reading.reader, netwiz.probes.reading.stream;"
        "assert not any(m.startswith(('scapy', 'dns')) for m in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_bytes_as_hex() -> None:
    lines = hexdump(b"GET / HTTP/1.1\r\n\x00\xff", 0)
    assert [(line.at, line.hex, line.text) for line in lines] == [
        (0, "47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a", "GET / HTTP/1.1.."),
        (16, "00 ff", ".."),
    ]
    assert [line.at for line in hexdump(bytes(100), 40, 20)] == [40, 56]
    assert not hexdump(b"")
    assert len(hexdump(bytes(10_000_000))) == 4096

"""Certificates from strangers: read where they can be, told of where they cannot."""

from __future__ import annotations

import base64
import re
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.facts import Certificate
from netwiz.probes.names.rootfs import RootFiles
from netwiz.probes.tls import der
from netwiz.probes.tls.certificate import LARGEST, parse, parse_name
from netwiz.probes.tls.messages import Messages, understood
from netwiz.probes.tls.trust import Trusted, certificates_in
from tests.lab.certificates import Certificates
from tests.lab.scenario import Certificate as Wanted

HOSTILE = "a\x1b[31mred\u202e[bold]"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    wanted = {
        "root": Wanted(subject="/O=Lab/CN=Lab CA", ca=True),
        "pay": Wanted(
            names=("pay", "*.pay.example", "IP:10.0.0.9", "IP:2001:db8::9"),
            issuer="root",
            ends=3,
            fetch_from="http://ca.example/root.crt",
        ),
        "rsa": Wanted(key="rsa", names=()),
        "odd": Wanted(subject=f"/O=Lab/CN={HOSTILE}"),
    }
    return Certificates(tmp_path_factory.mktemp("certificates"), wanted)


def der_of(made: Certificates, name: str) -> bytes:
    (found,) = certificates_in(made.fact(name, "crt").encode())
    return found


def test_a_certificate_is_read_as_openssl_reads_it(made: Certificates) -> None:
    found = parse(der_of(made, "pay"))
    assert not found.malformed
    assert (found.name, found.issued_by) == ("pay", "Lab CA")
    assert found.subject == "CN=pay, O=Lab"
    assert found.names == ("pay", "*.pay.example")
    assert found.addresses == ("10.0.0.9", "2001:db8::9")
    assert (found.key, found.signature) == ("EC P-256", "ecdsa-with-SHA256")
    assert not found.self_signed
    assert not found.authority
    assert found.fetch_issuer == "http://ca.example/root.crt"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=made.fact("root", "crt"))
    (theirs,) = context.get_ca_certs()
    root = parse(der_of(made, "root"))
    assert root.self_signed
    assert root.authority
    assert int(root.serial, 16) == int(str(theirs["serialNumber"]), 16)
    assert root.not_after is not None
    ends = datetime.fromtimestamp(
        ssl.cert_time_to_seconds(str(theirs["notAfter"])), UTC
    )
    assert root.not_after == ends


def test_a_key_is_named_with_its_size(made: Certificates) -> None:
    found = parse(der_of(made, "rsa"))
    assert (found.key, found.names) == ("RSA 2048", ())


def test_a_person_reads_names_dates_and_days(made: Certificates) -> None:
    found = parse(der_of(made, "pay"))
    assert found.not_after is not None
    now = found.not_after - timedelta(days=3)
    until = f"{found.not_after:%Y-%m-%d}"
    assert found.text(now) == (
        f"CN=pay, issued by Lab CA, valid until {until}, 3 days left"
    )
    late = found.not_after + timedelta(days=1)
    assert found.dates(late) == f"valid until {until}, expired 1 day ago"
    assert found.not_before is not None
    early = found.not_before - timedelta(hours=5)
    assert found.dates(early).endswith(", in 5 hours")
    assert not found.valid_at(late)
    assert not found.valid_at(early)
    assert found.valid_at(now)


def test_escapes_in_a_name_are_shown_and_not_obeyed(made: Certificates) -> None:
    found = parse(der_of(made, "odd"))
    assert not found.malformed
    assert "\x1b" not in found.text(datetime.now(UTC))
    assert r"\x1b[31mred\u202e[bold]" in found.subject


def test_what_is_cut_off_anywhere_is_malformed_and_no_error(made: Certificates) -> None:
    whole = der_of(made, "pay")
    for length in range(len(whole)):
        assert parse(whole[:length]).malformed.startswith("malformed: ")


def test_what_is_enormous_is_not_read(made: Certificates) -> None:
    found = parse(der_of(made, "pay") + b"\0" * LARGEST)
    assert found.malformed == "malformed: too large to be one"
    assert f"{found.size} bytes" in found.text(datetime.now(UTC))


@given(data=st.binary(max_size=300))
def test_no_bytes_are_an_error(data: bytes) -> None:
    assert isinstance(parse(data), Certificate)
    assert isinstance(parse(b"\x30\x82\x01\x2c" + data), Certificate)


@given(data=st.data())
def test_no_changed_byte_is_an_error(made: Certificates, data: st.DataObject) -> None:
    changed = bytearray(der_of(made, "pay"))
    for _ in range(data.draw(st.integers(1, 4))):
        where = data.draw(st.integers(0, len(changed) - 1))
        changed[where] = data.draw(st.integers(0, 255))
    found = parse(bytes(changed))
    texts = (found.text(datetime.now(UTC)), found.subject, *found.names, found.whom)
    assert all(text.isprintable() for text in texts)


@given(data=st.binary(max_size=80))
def test_names_and_identifiers_are_read_or_refused(data: bytes) -> None:
    for read in (parse_name, der.oid):
        try:
            assert read(data).isprintable()
        except ValueError:
            continue


@given(data=st.binary(max_size=200), what=st.sampled_from([2, 11, 13]))
def test_no_message_of_a_handshake_is_an_error(data: bytes, what: int) -> None:
    for version in (0x0303, 0x0304):
        heard = Messages()
        heard._heard(None, "read", version, 22, what, data)
        heard._heard(None, "read", version, 21, 0, data)
        assert len(heard.certificates) <= 20
        assert len(heard.takes_issuers) <= 20


def test_this_python_shows_the_messages_of_a_handshake() -> None:
    assert understood()


def test_bundles_are_found_where_images_have_them(
    made: Certificates, tmp_path: Path
) -> None:
    root, pay = made.fact("root", "crt"), made.fact("pay", "crt")
    bundle = tmp_path / "etc/ssl/certs/ca-certificates.crt"
    bundle.parent.mkdir(parents=True)
    bundle.write_text(f"# Lab\n{root}\nnonsense\n{root}")
    (tmp_path / "etc/ssl/certs/0a1b2c3d.0").write_text(pay)
    (tmp_path / "own.pem").write_text("-----BEGIN CERTIFICATE-----\n%%\n-----END")
    env = ("SSL_CERT_FILE=/gone.pem", "NODE_EXTRA_CA_CERTS=/own.pem", "PATH=/bin")
    store = Trusted(RootFiles(tmp_path), env).store
    assert store.count == 2
    told = {(f.path, f.why, f.count, f.missing) for f in store.files}
    assert told == {
        ("/etc/ssl/certs/ca-certificates.crt", "system", 2, False),
        ("/etc/ssl/certs", "system", 1, False),
        ("/gone.pem", "SSL_CERT_FILE", 0, True),
        ("/own.pem", "NODE_EXTRA_CA_CERTS", 0, False),
    }
    assert [f.path for f in store.in_vain] == ["/gone.pem"]


def test_a_container_cannot_have_the_hosts_files_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "ca-certificates.crt").write_text("not for them")
    inside = tmp_path / "root"
    (inside / "etc/ssl").mkdir(parents=True)
    (inside / "etc/ssl/certs").symlink_to(secret)
    assert RootFiles(inside).names("/etc/ssl/certs", 10) is None
    assert not Trusted(RootFiles(inside)).store.files


def test_a_program_with_roots_of_its_own_is_known(tmp_path: Path) -> None:
    node = tmp_path / "usr/local/bin/node"
    node.parent.mkdir(parents=True)
    node.write_text("ELF")
    assert Trusted(RootFiles(tmp_path)).store.own_roots == "node"


def test_what_is_no_certificate_among_good_ones_is_passed_over(
    made: Certificates,
) -> None:
    good = der_of(made, "root")
    bad = base64.b64encode(b"\x30\x05\x01\x01\x00\x02\x00").decode()
    pem = f"-----BEGIN CERTIFICATE-----\n{bad}\n-----END CERTIFICATE-----\n"
    found = certificates_in((pem + made.fact("root", "crt")).encode())
    assert good in found
    assert re.fullmatch(r"[0-9a-f]{64}", parse(good).fingerprint)

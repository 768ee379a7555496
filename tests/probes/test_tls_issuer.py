"""A certificate is fetched from where a stranger says: with care, and only that."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.requests import FetchIssuer, TalkTls
from netwiz.probes.tls.issuer import _certificate_of, _is_decent, fetch_issuer
from netwiz.probes.tls.trust import certificates_in
from tests.lab.certificates import Certificates
from tests.lab.scenario import Certificate as Wanted
from tests.probes.little_net import needs_root
from tests.probes.wire import SERVER4, Wire


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    wanted = {"between": Wanted(ca=True, issuer="root"), "root": Wanted(ca=True)}
    return Certificates(tmp_path_factory.mktemp("certificates"), wanted)


def test_der_pem_and_pkcs7_are_all_read(made: Certificates, tmp_path: Path) -> None:
    pem = made.fact("between", "crt").encode()
    (der,) = certificates_in(pem)
    (tmp_path / "one.pem").write_bytes(pem)
    words = ["openssl", "crl2pkcs7", "-nocrl", "-certfile", str(tmp_path / "one.pem")]
    for form in ("DER", "PEM"):
        run = subprocess.run(
            [*words, "-outform", form], capture_output=True, check=True
        )
        assert _certificate_of(run.stdout) == der
    assert _certificate_of(pem) == der
    assert _certificate_of(der) == der


@given(data=st.binary(max_size=200))
def test_whatever_comes_is_a_certificate_or_nothing(data: bytes) -> None:
    for given_ in (data, b"\x30\x10" + data, b"-----BEGIN PKCS7-----" + data):
        assert isinstance(_certificate_of(given_), bytes | None)


@pytest.mark.parametrize(
    ("address", "decent"),
    [
        ("203.0.113.7", True),
        ("10.0.0.1", True),
        ("2001:db8::1", True),
        ("127.0.0.1", False),
        ("::1", False),
        ("169.254.169.254", False),
        ("fe80::1%eth0", False),
        ("224.0.0.1", False),
    ],
)
def test_secrets_of_the_machine_are_not_asked_for(address: str, decent: bool) -> None:
    assert _is_decent(address) is decent


@needs_root
@pytest.mark.parametrize(
    "url",
    [
        "https://203.0.113.7/ca.crt",
        "ldap://ca/cn=x",
        "file:///etc/shadow",
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:2375/info",
        "http://[",
        "http://h:99999/",
        "",
    ],
)
async def test_what_is_not_plain_http_is_left_alone(wire: Wire, url: str) -> None:
    talk = TalkTls(wire.client.place, SERVER4, 443, "pay")
    found = await fetch_issuer(wire.ground, FetchIssuer(wire.client.place, url, talk))
    assert found.certificate is None
    assert not found.completes
    assert found.why_not

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.engine.endpoint import DEFAULT, Tls, find_endpoint, parse_endpoint


def context(home: Path, name: str, host: object, **more: object) -> None:
    digest = hashlib.sha256(name.encode()).hexdigest()
    folder = home / ".docker" / "contexts" / "meta" / digest
    folder.mkdir(parents=True)
    docker = {"Host": host, **more}
    meta = {"Name": name, "Endpoints": {"docker": docker}}
    (folder / "meta.json").write_text(json.dumps(meta))


def current(home: Path, text: str) -> None:
    (home / ".docker").mkdir(exist_ok=True)
    (home / ".docker" / "config.json").write_text(text)


def test_without_a_word_it_is_the_default_socket() -> None:
    found = find_endpoint({})
    assert (found.url, found.path, found.problem) == (
        DEFAULT,
        "/var/run/docker.sock",
        "",
    )


def test_docker_host_wins_over_a_context(tmp_path: Path) -> None:
    context(tmp_path, "prod", "unix:///run/prod.sock")
    environ = {"HOME": str(tmp_path), "DOCKER_CONTEXT": "prod"}
    found = find_endpoint(environ)
    assert (found.path, found.context) == ("/run/prod.sock", "prod")
    found = find_endpoint({**environ, "DOCKER_HOST": "unix:///run/mine.sock"})
    assert (found.path, found.context) == ("/run/mine.sock", "")


def test_the_current_context_is_read_from_the_configuration(tmp_path: Path) -> None:
    context(tmp_path, "rootless", "unix:///run/user/1000/docker.sock")
    current(tmp_path, '{"currentContext": "rootless"}')
    found = find_endpoint({"HOME": str(tmp_path)})
    assert found.path == "/run/user/1000/docker.sock"
    found = find_endpoint({"HOME": str(tmp_path), "DOCKER_CONTEXT": "default"})
    assert found.url == DEFAULT
    moved = {"HOME": "/nowhere", "DOCKER_CONFIG": str(tmp_path / ".docker")}
    assert find_endpoint(moved).context == "rootless"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"currentContext": 7}', "[" * 100_000, "\0"]
)
def test_a_broken_configuration_means_the_default(tmp_path: Path, text: str) -> None:
    current(tmp_path, text)
    assert find_endpoint({"HOME": str(tmp_path)}).url == DEFAULT


@pytest.mark.parametrize("host", ["", None, 7, {}])
def test_a_context_that_names_nothing_is_said_to(tmp_path: Path, host: object) -> None:
    context(tmp_path, "odd", host)
    found = find_endpoint({"HOME": str(tmp_path), "DOCKER_CONTEXT": "odd"})
    assert "odd" in found.problem
    assert "docker context ls" in found.remedy
    gone = find_endpoint({"HOME": str(tmp_path), "DOCKER_CONTEXT": "no\x1bsuch"})
    assert "no\\x1bsuch does not exist" in gone.problem


@pytest.mark.parametrize(
    ("url", "host", "port", "base"),
    [
        ("tcp://10.0.0.1", "10.0.0.1", 2375, "tcp://10.0.0.1:2375"),
        ("tcp://box:99", "box", 99, "tcp://box:99"),
        ("box:99", "box", 99, "tcp://box:99"),
        ("http://box", "box", 2375, "tcp://box:2375"),
        ("https://box", "box", 2376, "tcp://box:2376"),
        ("tcp://[fd00::1]:99", "fd00::1", 99, "tcp://[fd00::1]:99"),
    ],
)
def test_tcp_endpoints(url: str, host: str, port: int, base: str) -> None:
    found = parse_endpoint(url, "DOCKER_HOST")
    assert (found.host, found.port, found.base_url) == (host, port, base)
    assert (found.tls is not None) is url.startswith("https")


@pytest.mark.parametrize(
    "url", ["/run/x.sock", "unix:///run/x.sock", "unix://run/x.sock"]
)
def test_unix_endpoints(url: str) -> None:
    assert parse_endpoint(url, "DOCKER_HOST").path == "/run/x.sock"


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("ssh://me@box", "that machine"),
        ("npipe:////./pipe/docker", "npipe:// is not supported"),
        ("fd://", "not supported"),
        ("tcp://", "no host"),
        ("tcp://box:port", "no address"),
        ("tcp://box:99999", "no address"),
        ("tcp://[::1", "no address"),
        ("\x1b[31m://x", "\\x1b[31m:// is not supported"),
    ],
)
def test_what_cannot_be_used_is_said_with_a_way_out(url: str, word: str) -> None:
    found = parse_endpoint(url, "DOCKER_HOST")
    assert word in found.problem
    assert found.problem.startswith("DOCKER_HOST names ")
    assert found.remedy


def test_tls_files_are_found_where_they_are_said_to_be(tmp_path: Path) -> None:
    for name in ("ca.pem", "cert.pem"):
        (tmp_path / name).write_text("")
    environ = {"DOCKER_HOST": "tcp://box", "DOCKER_TLS_VERIFY": "1"}
    found = find_endpoint({**environ, "DOCKER_CERT_PATH": str(tmp_path)})
    assert found.tls == Tls(str(tmp_path / "ca.pem"), str(tmp_path / "cert.pem"))
    assert found.port == 2376
    loose = {"DOCKER_HOST": "tcp://box", "DOCKER_TLS": "1", "HOME": "/nowhere"}
    assert find_endpoint(loose).tls == Tls(verify=False)


def test_tls_files_of_a_context_are_its_own(tmp_path: Path) -> None:
    context(tmp_path, "far", "tcp://far:2376", SkipTLSVerify=True)
    digest = hashlib.sha256(b"far").hexdigest()
    files = tmp_path / ".docker" / "contexts" / "tls" / digest / "docker"
    files.mkdir(parents=True)
    (files / "ca.pem").write_text("")
    found = find_endpoint({"HOME": str(tmp_path), "DOCKER_CONTEXT": "far"})
    assert found.tls == Tls(str(files / "ca.pem"), verify=False)


@given(st.text(max_size=80))
def test_no_url_breaks_the_reading(url: str) -> None:
    found = parse_endpoint(url, "DOCKER_HOST")
    assert found.problem or found.path or (found.host and 0 < found.port < 65_536)
    assert found.url.isprintable()

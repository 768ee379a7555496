"""Certificates for a scenario, made by openssl when it is raised; no key is kept.

`openssl ca` and not `openssl x509`: only it takes a first and a last day, so that a
certificate can be expired or too young without anybody's clock being touched.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.lab.scenario import Certificate
from tests.lab.state import LabError

FACTS = ("crt", "key", "chain")

CONFIG = """\
[ca]
default_ca = lab
[lab]
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = anything
[anything]
countryName = optional
organizationName = optional
organizationalUnitName = optional
commonName = optional
[req]
distinguished_name = none
[none]
"""

KEYS = {
    "ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "rsa": ["-newkey", "rsa:2048"],
}


class Certificates:
    """The certificates that a scenario names, each made when first asked for."""

    def __init__(self, folder: Path, wanted: Mapping[str, Certificate]) -> None:
        self._folder = folder
        self._wanted = wanted
        self._now = datetime.now(UTC)
        shutil.rmtree(folder, ignore_errors=True)

    def __contains__(self, name: str) -> bool:
        return name in self._wanted

    def fact(self, name: str, fact: str) -> str:
        """PEM: the certificate, its key, or it and all between it and its root."""
        self._make(name)
        if fact == "key":
            return self._path(name, "key").read_text()
        text = self._path(name, "crt").read_text()
        issuer = self._wanted[name].issuer
        while fact == "chain" and issuer and self._wanted[issuer].issuer:
            text += self._path(issuer, "crt").read_text()
            issuer = self._wanted[issuer].issuer
        return text

    def _path(self, name: str, suffix: str) -> Path:
        return self._folder / f"{name}.{suffix}"

    def _make(self, name: str) -> None:
        if self._path(name, "crt").exists():
            return
        wanted = self._wanted[name]
        if wanted.issuer:
            self._make(wanted.issuer)
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._path("openssl", "cnf")
        config.write_text(CONFIG.format(folder=self._folder))
        self._path("index", "txt").touch()
        self._path(name, "ext").write_text(_extensions(wanted))
        paths = {s: str(self._path(name, s)) for s in ("key", "csr", "crt", "ext")}
        subject = wanted.subject or f"/O=Lab/CN={name}"
        request = ["req", "-new", "-nodes", "-utf8", "-config", str(config)]
        request += ["-subj", subject, "-out", paths["csr"]]
        if wanted.key_of:
            self._make(wanted.key_of)
            _openssl(*request, "-key", str(self._path(wanted.key_of, "key")))
        else:
            _openssl(*request, *KEYS[wanted.key], "-keyout", paths["key"])
        signer = wanted.issuer or name
        signed = ["ca", "-batch", "-notext", "-utf8", "-config", str(config)]
        signed += ["-keyfile", str(self._path(signer, "key"))]
        signed += (
            ["-cert", str(self._path(signer, "crt"))]
            if wanted.issuer
            else ["-selfsign"]
        )
        signed += ["-startdate", self._day(wanted.begins)]
        signed += ["-enddate", self._day(wanted.ends)]
        signed += ["-extfile", paths["ext"], "-in", paths["csr"], "-out", paths["crt"]]
        _openssl(*signed)

    def _day(self, days: int) -> str:
        return f"{self._now + timedelta(days=days, minutes=5):%Y%m%d%H%M%SZ}"


def _extensions(wanted: Certificate) -> str:
    lines = [f"basicConstraints = critical,CA:{str(wanted.ca).upper()}"]
    names = [n if ":" in n else f"DNS:{n}" for n in wanted.names]
    if names:
        lines.append(f"subjectAltName = {','.join(names)}")
    if wanted.fetch_from:
        lines.append(f"authorityInfoAccess = caIssuers;URI:{wanted.fetch_from}")
    return "\n".join(lines) + "\n"


def _openssl(*words: str) -> None:
    done = subprocess.run(
        ["openssl", *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise LabError(f"openssl {words[0]}: {done.stderr.strip()[-400:]}")

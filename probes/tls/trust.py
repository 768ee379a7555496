"""Whom a place trusts: the certificate bundles in its root file system.

Which of them an application reads depends on its library: OpenSSL and Go take the
system's, which SSL_CERT_FILE and SSL_CERT_DIR replace or add to; Python's requests,
curl and Node have variables of their own. All that are found are taken together, and
with partial chains: netwiz then blames a missing trust only where no client has it.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
import ssl
from collections.abc import Iterable, Sequence

from netwiz.probes.facts.tls import TrustFile, TrustStore
from netwiz.probes.names.resolver_files import CA_BUNDLES
from netwiz.probes.names.rootfs import RootFiles
from netwiz.probes.text import plain
from netwiz.probes.tls import der

LIMIT = 2 * 1024 * 1024
"""Bytes of a bundle; a distribution's has a quarter of a megabyte."""
_MOST_FILES = 400
_MOST_CERTIFICATES = 2000

FILE_VARIABLES = (
    "SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
)
FOLDER_VARIABLE = "SSL_CERT_DIR"
FOLDERS = ("/etc/ssl/certs", "/etc/pki/tls/certs")

OWN_ROOTS = (
    ("node", ("/usr/local/bin/node", "/usr/bin/node", "/usr/bin/nodejs")),
    ("java", ("/usr/bin/java", "/opt/java/openjdk/bin/java")),
    ("deno", ("/usr/bin/deno", "/bin/deno")),
    ("bun", ("/usr/local/bin/bun",)),
)
"""Programs that bring roots of their own, and where images have them."""

_PEM = re.compile(
    rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----([A-Za-z0-9+/=\s]+?)-----END"
)


class Trusted:
    """The certificates of one place, gathered. Blocks: use it in a worker thread."""

    def __init__(self, root: RootFiles, env: Sequence[str] = ()) -> None:
        self._root = root
        self._files: list[TrustFile] = []
        self.certificates: dict[bytes, None] = {}
        named = dict(e.partition("=")[::2] for e in env)
        for path in CA_BUNDLES:
            self._file(path, "system")
        for folder in FOLDERS:
            self._folder(folder, "system")
        for variable in FILE_VARIABLES:
            if path := named.get(variable, ""):
                self._file(path, variable)
        for folder in filter(None, named.get(FOLDER_VARIABLE, "").split(":")):
            self._folder(folder, FOLDER_VARIABLE)
        self.own_roots = next(
            (name for name, paths in OWN_ROOTS if any(map(root.has, paths))),
            self._certifi(),
        )

    @property
    def store(self) -> TrustStore:
        """What is told of it."""
        return TrustStore(tuple(self._files), len(self.certificates), self.own_roots)

    def load_into(self, context: ssl.SSLContext) -> None:
        """Let a context trust them; one that OpenSSL cannot read trusts nobody."""
        try:
            if self.certificates:
                context.load_verify_locations(cadata=b"".join(self.certificates))
        except (ssl.SSLError, ValueError):
            for one in self.certificates:
                with contextlib.suppress(ssl.SSLError, ValueError):
                    context.load_verify_locations(cadata=one)

    def _certifi(self) -> str:
        """Python's package of roots, which requests and httpx go by."""
        for base in ("/usr/local/lib", "/usr/lib", "/opt/venv/lib"):
            for name in self._root.names(base, _MOST_FILES) or ():
                packages = (f"{base}/{name}/{p}-packages" for p in ("site", "dist"))
                if name.startswith("python3") and any(
                    self._root.has(f"{p}/certifi/cacert.pem") for p in packages
                ):
                    return "certifi"
        return ""

    def _file(self, path: str, why: str) -> None:
        data = self._root.read(path, LIMIT)
        if data is None:
            if why != "system":
                self._files.append(TrustFile(plain(path, 200), why, missing=True))
            return
        count = self._take(certificates_in(data))
        self._files.append(TrustFile(plain(path, 200), why, count))

    def _folder(self, folder: str, why: str) -> None:
        names = self._root.names(folder, _MOST_FILES)
        if names is None:
            if why != "system":
                self._files.append(TrustFile(plain(folder, 200), why, missing=True))
            return
        before = len(self.certificates)
        for name in names:
            if re.search(r"\.(?:pem|crt|cer|\d)$", name):
                data = self._root.read(f"{folder}/{name}", LIMIT)
                self._take(certificates_in(data or b""))
        # Only what the bundles did not hold already is worth a word.
        added = len(self.certificates) - before
        if added or why != "system":
            self._files.append(TrustFile(plain(folder, 200), why, added))

    def _take(self, found: Iterable[bytes]) -> int:
        count = 0
        for one in found:
            count += 1
            if len(self.certificates) < _MOST_CERTIFICATES:
                self.certificates.setdefault(one)
        return count


def certificates_in(data: bytes) -> list[bytes]:
    """The DER of every certificate in a PEM file, or in a file of one DER."""
    found: list[bytes] = []
    for match in _PEM.finditer(data):
        with contextlib.suppress(ValueError, binascii.Error):
            # What OpenSSL calls trusted has settings of its own behind it.
            found.append(der.read(base64.b64decode(match[1])).whole)
    if not found and data[:1] == b"\x30":
        with contextlib.suppress(ValueError):
            found.append(der.read(data).whole)
    return found[:_MOST_CERTIFICATES]

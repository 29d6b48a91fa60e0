"""TLS settings → contexts, made anew when a file changes."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

from madang.project.http_client_spec import TlsSpec

_VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
_Stamp = tuple[tuple[int, int, int], ...]


class TlsContext:
    """The context of one set of settings."""

    def __init__(self, spec: TlsSpec) -> None:
        self.server_name = spec.server_name or None
        self._spec = spec
        self._context: ssl.SSLContext | None = None
        self._stamp: _Stamp = ()

    def get(self) -> ssl.SSLContext:
        """The context as the files are now.

        Raises:
            OSError: a file cannot be read, or is no certificate or key.
        """
        stamp = self._files()
        if self._context is None or stamp != self._stamp:
            self._context, self._stamp = _context(self._spec), stamp
        return self._context

    def _files(self) -> _Stamp:
        spec = self._spec
        paths = [path for path in (spec.ca_file, spec.cert_file, spec.key_file) if path]
        stats = [Path(path).stat() for path in paths]
        return tuple((one.st_ino, one.st_size, one.st_mtime_ns) for one in stats)


def _context(spec: TlsSpec) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=spec.ca_file or None, cadata=spec.ca or None)
    if spec.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if spec.min_version:
        context.minimum_version = _VERSIONS[spec.min_version]
    if spec.max_version:
        context.maximum_version = _VERSIONS[spec.max_version]
    key = spec.key.get_secret_value() if spec.key else ""
    if spec.cert or spec.cert_file:
        with tempfile.TemporaryDirectory() as folder:  # the library reads files alone
            cert_file = spec.cert_file or _written(folder, "cert", spec.cert)
            context.load_cert_chain(cert_file, spec.key_file or _written(folder, "key", key))
    return context


def _written(folder: str, name: str, text: str) -> str:
    path = Path(folder, name)
    path.touch(mode=0o600)
    path.write_text(text)
    return str(path)

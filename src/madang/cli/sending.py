"""Sending files: piece by piece, each with an idempotency key, again until it is acknowledged.

The key of a piece is a digest chained over all bytes of the file up to its end, seeded with the
stream and the file's path: the same file sent again has the same keys and is acknowledged without
being appended, also when it was interrupted in between. What standard input brings has no
identity, so its seed is new each time unless one is given.
"""

from __future__ import annotations

import gzip
import hashlib
import secrets
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from madang.cli.client import Client, RemoteError, quoted
from madang.cli.pieces import Piece, check_format, format_of, open_file, pieces
from madang.cli.wrong_call import WrongCallError
from madang.core.errors import InvalidInputError, MadangError, Place
from madang.core.names import RULE, is_name
from madang.core.zstd import ZstdError

RETRY_FOR_S = 300.0
Progress = Callable[[int, int, float], None]


@dataclass(slots=True)
class SentFile:
    """One file's share. ``repeated`` of the ``records`` had been sent before."""

    file: str
    stream: str
    records: int = 0
    repeated: int = 0
    sent_bytes: int = 0


@dataclass(slots=True)
class SendReport:
    """What an ingest did."""

    files: list[SentFile] = field(default_factory=list)
    elapsed_s: float = 0.0

    @property
    def records(self) -> int:
        """Records acknowledged."""
        return sum(one.records for one in self.files)

    @property
    def sent_bytes(self) -> int:
        """Bytes sent, decompressed."""
        return sum(one.sent_bytes for one in self.files)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "records": self.records,
            "sent_bytes": self.sent_bytes,
            "elapsed_s": round(self.elapsed_s, 3),
            "files": [
                {
                    "file": one.file,
                    "stream": one.stream,
                    "records": one.records,
                    "repeated": one.repeated,
                    "sent_bytes": one.sent_bytes,
                }
                for one in self.files
            ],
        }


class Sender:
    """Sends files into streams."""

    def __init__(
        self,
        client: Client,
        *,
        create: bool = False,
        form: str | None = None,
        seed: str | None = None,
        progress: Progress = lambda *_: None,
    ) -> None:
        self._client = client
        self._create = create
        self._form = check_format(form) if form else None
        self._seed = seed
        self._progress = progress
        self._specs: dict[str, dict[str, Any]] = {}

    def send_all(self, files: Sequence[str], stream: str | None) -> SendReport:
        """Send every file; stops at the first error.

        Raises:
            MadangError: with the file as its place; what was acknowledged before it stays.
            OSError: a file cannot be read.
        """
        began, report = time.monotonic(), SendReport()
        for file in files:
            if file != "-":
                _check_file(Path(file))  # before a stream is made for a name that was mistyped
            sent = SentFile(file, stream or stream_of(file))
            report.files.append(sent)
            try:
                self._send(sent, report, began)
            except (EOFError, zlib.error, gzip.BadGzipFile, ZstdError) as error:
                raise InvalidInputError(
                    f"the compressed file is damaged: {error}", where=Place(file)
                ) from None
            except MadangError as error:
                error.where = error.where or Place(file)
                raise
        report.elapsed_s = time.monotonic() - began
        return report

    def _send(self, sent: SentFile, report: SendReport, began: float) -> None:
        spec = self._spec(sent.stream, sent.file)
        form = self._form or format_of(sent.file, str(spec.get("format", "json")))
        chain = hashlib.blake2b(f"{sent.stream}\0{self._identity(sent.file)}".encode())
        with open_file(sent.file) as opened:
            for piece in pieces(opened, form, header=not spec.get("header")):
                chain.update(piece.body)
                self._send_piece(sent, piece, chain.hexdigest()[:40])
                self._progress(report.records, report.sent_bytes, time.monotonic() - began)

    def _send_piece(self, sent: SentFile, piece: Piece, key: str) -> None:
        answer = self._client.request(
            "POST",
            f"/ingest/{quoted(sent.stream)}",
            piece.body,
            headers={"Content-Type": piece.content_type, "Idempotency-Key": key},
            retry_for_s=RETRY_FOR_S,
        ).json()
        sent.records += answer["records"]
        sent.repeated += answer["records"] if answer.get("duplicate") else 0
        sent.sent_bytes += len(piece.body)

    def _identity(self, file: str) -> str:
        if self._seed is not None:
            return self._seed
        return secrets.token_hex(16) if file == "-" else str(Path(file).resolve())

    def _spec(self, stream: str, file: str) -> dict[str, Any]:
        if stream not in self._specs:
            try:
                answer = self._client.get(f"/api/streams/{quoted(stream)}")
            except RemoteError as error:
                if error.http_status in (401, 403):
                    # A token that may only ingest may not look; the platform still checks.
                    return {}
                if error.http_status != 404 or not self._create:
                    raise self._advised(error) from None
                form = self._form or format_of(file, "json")
                record_format = {"csv": "csv", "plain": "plain"}.get(form, "json")
                answer = self._client.send(
                    "PUT", f"/api/streams/{quoted(stream)}", {"format": record_format}
                )
                answer = {"spec": {"format": record_format}}
            self._specs[stream] = answer.get("spec") or {}
        return self._specs[stream]

    def _advised(self, error: RemoteError) -> MadangError:
        if error.http_status == 404:
            advice = "--create makes it"
            error.hint = f"{error.hint} {advice}" if error.hint else advice
        return error


def _check_file(path: Path) -> None:
    path.stat()
    if path.is_dir():
        raise WrongCallError(f"{path} is a directory", hint=f"name its files, such as {path}/*")


def stream_of(file: str) -> str:
    """The stream that a file's name suggests: ``access-2026.log.gz`` → ``access_2026``.

    Raises:
        WrongCallError: none does.
    """
    stem = Path(file).name.partition(".")[0].lower().replace("-", "_").replace(" ", "_")
    if file == "-" or not is_name(stem):
        raise WrongCallError(
            f"the name {file!r} suggests no stream", hint=f"give --stream; a name is {RULE}"
        )
    return stem

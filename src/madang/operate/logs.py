"""Structured logs: one JSON object a line in ``logs/<role>.jsonl``, collected like any log."""

from __future__ import annotations

import logging
import logging.handlers
import sys
from pathlib import Path
from types import TracebackType

import orjson

from madang.core.clock import from_us
from madang.core.errors import MadangError

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
MAX_FILE_BYTES = 16 * 2**20
BACKUPS = 4


class JsonLines(logging.Formatter):
    """A record as one JSON line: ts, level, role, logger, message, then whatever ``extra`` holds.

    An exception adds ``error`` (``MadangError.as_dict`` where it is one) and ``traceback``.
    """

    def __init__(self, role: str) -> None:
        super().__init__()
        self._role = role

    def format(self, record: logging.LogRecord) -> str:
        """One line, without its newline."""
        line: dict[str, object] = {
            "ts": from_us(round(record.created * 1_000_000)).isoformat(timespec="microseconds"),
            "level": record.levelname.lower(),
            "role": self._role,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            line["error"] = (
                error.as_dict()
                if isinstance(error, MadangError)
                else {"code": type(error).__name__, "message": str(error)}
            )
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def write_logs(folder: Path, role: str, *, level: int = logging.INFO) -> None:
    """Send everything that this process logs to ``<folder>/<role>.jsonl``, rotated by size.

    Called once by the supervisor and once by each role after its fork, which then leaves the
    supervisor's file. A file that cannot be written (a full disk) drops log lines, never work.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(
        folder / f"{role}.jsonl", maxBytes=MAX_FILE_BYTES, backupCount=BACKUPS, encoding="utf-8"
    )
    handler.setFormatter(JsonLines(role))
    root = logging.getLogger()
    for inherited in root.handlers:
        inherited.close()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.raiseExceptions = False
    logging.captureWarnings(capture=True)
    for chatty in ("pyiceberg", "watchfiles", "sqlalchemy", "alembic", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    sys.excepthook = _log_uncaught


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    logging.getLogger("madang").critical(
        "the process ended with an error nobody caught",
        exc_info=(kind, error, trace),
    )
    sys.__excepthook__(kind, error, trace)

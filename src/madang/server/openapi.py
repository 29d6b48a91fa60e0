"""Writes the OpenAPI document: ``python -m madang.server.openapi [FILE]``."""

from __future__ import annotations

import sys
from pathlib import Path

import orjson

from madang.server.app import describe


def document_text() -> bytes:
    """The document as JSON; the same every time."""
    return orjson.dumps(
        describe().openapi(),
        option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE,
    )


def main(arguments: list[str]) -> int:
    """Write the document to the file that is named, or to standard output."""
    if arguments:
        Path(arguments[0]).write_bytes(document_text())
    else:
        sys.stdout.buffer.write(document_text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

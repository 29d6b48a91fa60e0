"""Examples of every operation, for the reference page and the OpenAPI document.

They stand in ``examples.json``, in an order in which they can be run one after the other; a test
runs them against a platform.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

_FILE = Path(__file__).with_name("examples.json")
_SIGNED = {
    "token": ['-H "Authorization: Bearer $MADANG_TOKEN"'],
    "cookie": ["-b cookies.txt"],
    "sign-in": ["-c cookies.txt"],
    "open": [],
}


@dataclass(frozen=True, slots=True)
class Example:
    """One request and what is answered.

    Attributes:
        url: Path and query.
        status: The status of the answer.
        signed: By what the request is signed; ``sign-in`` keeps the cookie that it gets.
        headers: Further headers.
        body: As it is sent; empty: none.
        answer: The JSON of the answer, shortened: lists may have more, objects further fields.
        text: The answer where it is none, or a line of it.
    """

    url: str
    status: int
    signed: Literal["token", "cookie", "sign-in", "open"] = "token"
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    answer: dict[str, Any] | None = None
    text: str = ""

    def curl(self, method: str) -> str:
        """The request as a command of a shell, for a platform at its default address."""
        usual = "POST" if self.body else "GET"
        words = ["curl", *([] if method == usual else ["-X", method])]
        url = f"localhost:8080{self.url}"
        words += [shlex.quote(url) if "&" in url or "?" in url else url, *_SIGNED[self.signed]]
        words += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in self.headers.items()]
        if self.body:
            words.append(f"--data-binary {shlex.quote(self.body)}")
        return " ".join(words)


@cache
def examples() -> dict[str, Example]:
    """``<method> <path>`` as the document names it → its example."""
    return {name: Example(**given) for name, given in json.loads(_FILE.read_bytes()).items()}

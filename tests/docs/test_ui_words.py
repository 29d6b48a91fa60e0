"""What the server says in English of its own streams and tables has words in the UI's languages."""

from __future__ import annotations

from pathlib import Path

from madang.project.system import system_streams
from madang.server.table_view import _OWN

WORDS = Path(__file__).parents[2] / "web/src/i18n/aboutWords.ts"


def test_descriptions_of_own_streams_and_tables_are_known_to_the_ui() -> None:
    said = {spec.description for spec in system_streams().values()} | set(_OWN.values())
    known = WORDS.read_text(encoding="utf-8")
    assert [text for text in sorted(said) if text not in known] == []

"""The page of the API's reference is what the routes say."""

from __future__ import annotations

from pathlib import Path

from madang.server.reference import PAGE, page

ROOT = Path(__file__).parents[2]


def test_the_page_is_up_to_date() -> None:
    assert (ROOT / PAGE).read_text(encoding="utf-8") == page(), "run `make docs`"


def test_every_link_leads_somewhere() -> None:
    text = page()
    headings = {line[4:].lower() for line in text.splitlines() if line.startswith("### ")}
    for part in text.split("](#")[1:]:
        assert part.partition(")")[0] in headings

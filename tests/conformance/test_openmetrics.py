"""The cases of the OpenMetrics project: what must parse does; what must not does not, strictly."""

from __future__ import annotations

import json

import pytest

from conformance.cases import CASES, needs
from madang.collect.exposition import Exposition, PageCache, parse_page
from madang.core.errors import InvalidInputError

FOLDER = CASES / "openmetrics"
pytestmark = needs("openmetrics")
NAMES = sorted(path.name for path in FOLDER.iterdir()) if FOLDER.is_dir() else []


def test_all_cases_are_there():
    assert len(NAMES) == 211


@pytest.mark.parametrize("name", NAMES)
def test_case(name):
    body = (FOLDER / name / "metrics").read_bytes()
    cache = PageCache()
    if json.loads((FOLDER / name / "test.json").read_text())["shouldParse"]:
        first = parse_page(body, Exposition.OPENMETRICS, cache, strict=True)
        again = parse_page(body, Exposition.OPENMETRICS, cache, strict=True)
        assert again.values.tobytes() == first.values.tobytes()
        assert again.metadata == first.metadata
        scraped = parse_page(body, Exposition.OPENMETRICS)
        assert scraped.values.tobytes() == first.values.tobytes()
    else:
        for _ in range(2):
            with pytest.raises(InvalidInputError) as caught:
                parse_page(body, Exposition.OPENMETRICS, cache, strict=True)
            assert caught.value.where.line > 0

"""Pages that were made to hurt: an error or a result, soon, in bounded memory."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from madang.collect.exposition import Exposition, PageCache, PageLimits, parse_page
from madang.core.errors import InvalidInputError, TooLargeError

TEXT, OPENMETRICS = Exposition.TEXT, Exposition.OPENMETRICS


def cpu_s(body, exposition=TEXT, *, strict=False, error=None):
    started = time.process_time()
    if error is None:
        parse_page(body, exposition, strict=strict)
    else:
        with pytest.raises(InvalidInputError, match=error):
            parse_page(body, exposition, strict=strict)
    return time.process_time() - started


MANY = ",".join(f'l{i}="v"' for i in range(40_000))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (f'a{{{MANY},l39999="w"}} 1\n', "'l39999' is given twice"),
        (f"a{{{MANY}", "expected"),
        ('a{b="' + "\\" * 500_001 + '"} 1\n', "double quotes"),
        ('a{b="' + '\\"' * 400_000, "double quotes"),
        ('a{b="' + "\n" * 400_000 + '"} x\n', "not a number"),
        ("a 1" + " " * 500_000 + "x\n", "at most a time"),
        ("a " + "1" * 500_000 + "\n", "beyond the range"),
        ("a 1 " + "1" * 500_000 + "\n", "beyond 64 bits"),
        ("a 0." + "0" * 500_000 + "x\n", "not a number"),
        ("# HELP " + '"\\' * 400_000 + "\n", "metric name"),
        ("a{" * 300_000, "expected"),
        ("#" * 900_000 + "\n\0", "metric name"),
    ],
)
def test_long_lines_take_no_longer_than_they_are(body, error):
    assert cpu_s(body.encode(), error=error) < 5


@pytest.mark.parametrize("exponent", ["1e-99999999999999999999", "0e99999999999999999999", "-1e-9"])
def test_times_with_odd_exponents(exponent):
    body = f"a 1 {exponent}\n# EOF".encode()
    assert parse_page(body, OPENMETRICS).ts_ms.tolist() == [0]
    try:
        assert parse_page(body, OPENMETRICS, strict=True).ts_ms.tolist() == [0]
    except InvalidInputError as error:
        assert "a time in seconds" in str(error)


def test_a_hundred_megabytes_of_nothing():
    for line in (b"\n", b"#\n", b" "):
        body = line * (110_000_000 // len(line))
        tracemalloc.start()
        with pytest.raises(TooLargeError):
            parse_page(body, limits=PageLimits(line_bytes=1 << 20, lines=1_000_000))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 130_000_000, line


def test_series_that_are_new_on_every_page_are_forgotten_when_told():
    cache = PageCache()
    for round_ in range(20):
        lines = (f'a{{b="{round_}",c{i}="x"}} 1\n' for i in range(300))
        page = parse_page("".join(lines).encode(), cache=cache)
        kept = [False] * len(cache)
        for series in page.series.tolist():
            kept[series] = True
        cache.compact(kept)
        assert len(cache) == 300


def test_one_series_in_ever_new_ways_is_one_series():
    cache = PageCache()
    for round_ in range(30):
        body = b"".join(b"a" + b" " * (1 + 100 * round_ + i) + b"1\n" for i in range(100))
        page = parse_page(body, cache=cache)
        assert len(page) == 1
        assert page.duplicates == 99
    assert len(cache) == 1
    assert sum(map(len, cache.texts.values())) <= 1200

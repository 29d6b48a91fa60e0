"""Samples in any order, found again as an obvious store finds them."""

from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from madang.core.samples import STALE_NAN
from madang.metrics.head import chunk as chunk_module
from madang.metrics.head import runs as runs_module
from madang.metrics.head.chunk import gathered
from madang.metrics.head.runs import Runs

samples = st.lists(
    st.tuples(
        st.integers(0, 5), st.integers(-3, 40), st.sampled_from([0.0, -0.0, 1.5, np.nan, STALE_NAN])
    ),
    max_size=60,
)


def select(runs, refs, start_ms, end_ms):
    found = gathered(runs.view().find(refs, start_ms, end_ms), len(refs))
    return found.offsets(len(refs)), found


def bits(value):
    return np.float64(value).tobytes()


def add(runs, batch):
    refs, ts_ms, values = zip(*batch, strict=True) if batch else ((), (), ())
    runs.add(np.array(refs, np.int32), np.array(ts_ms, np.int64), np.array(values, np.float64))


@given(st.lists(samples, max_size=6), st.integers(1, 50), st.tuples(*[st.integers(-5, 45)] * 2))
def test_what_comes_first_at_a_time_stays(batches, pending, span):
    plain, repeated, conflicting = {}, 0, 0
    runs = Runs()
    saved, runs_module._PENDING = runs_module._PENDING, pending
    try:
        for batch in batches:
            add(runs, batch)
            for ref, ts_ms, value in batch:
                if (ref, ts_ms) in plain:
                    same = bits(plain[ref, ts_ms]) == bits(value)
                    repeated, conflicting = repeated + same, conflicting + (not same)
                else:
                    plain[ref, ts_ms] = value
        wanted = np.array([0, 2, 3, 5, 9], np.int32)
        offsets, found = select(runs, wanted, *span)
        for place, ref in enumerate(wanted.tolist()):
            expected = sorted(
                (ts_ms, bits(value))
                for (owner, ts_ms), value in plain.items()
                if owner == ref and span[0] <= ts_ms <= span[1]
            )
            part = slice(offsets[place], offsets[place + 1])
            got = zip(found.ts_ms[part].tolist(), map(bits, found.values[part]), strict=True)
            assert list(got) == expected
        if len(runs):
            assert len(runs.chunk()) == len(plain)
        # Within a run that comes later, what is left out is compared with that run's first.
        left_out = runs.left_out
        assert left_out.repeated + left_out.duplicate == repeated + conflicting
        assert bool(left_out.duplicate) == bool(conflicting)
    finally:
        runs_module._PENDING = saved


def test_chunks_stay_few():
    runs = Runs()
    for scrape in range(400):
        refs = np.arange(1000, dtype=np.int32)
        runs.add(refs, np.full(1000, scrape * 15_000), np.full(1000, float(scrape)))
    offsets, found = select(runs, np.array([7, 999], np.int32), 15_000, 45_000)
    assert offsets.tolist() == [0, 3, 6]
    assert found.values.tolist() == [1.0, 2.0, 3.0] * 2
    assert runs.chunks <= 6


@given(st.data())
def test_series_of_one_scrape_are_found_as_any(data):
    """They lie evenly in chunks, and are copied as matrices, unless one has a sample less."""
    count, few = data.draw(st.sampled_from([(1, 8), (6, 8), (6, 0)]))
    chunks, plain = [], {}
    for place in range(data.draw(st.integers(1, 4))):
        lacks = data.draw(st.integers(-1, 2 * count))
        runs = Runs()
        for number in range(data.draw(st.integers(1, 4))):
            at = place * 10 + number
            refs = np.array([ref for ref in range(count) if (ref, number) != (lacks, 0)], np.int32)
            values = 100.0 * refs + at
            runs.add(refs, np.full(len(refs), at), values)
            plain.update({(ref, at): 100.0 * ref + at for ref in refs.tolist()})
        chunks.append(runs.chunk())
    wanted = np.array(sorted(data.draw(st.sets(st.integers(0, 7)))), np.int32)
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, 40)] * 2)))
    with patch.multiple(chunk_module, _MANY=1, _FEW_RANGES=few):
        found = gathered([chunk.find(wanted, start, end) for chunk in chunks], len(wanted))
    expected = sorted(
        (place, at, plain[ref, at])
        for place, ref in enumerate(wanted.tolist())
        for at in range(start, end + 1)
        if (ref, at) in plain
    )
    got = zip(found.owners.tolist(), found.ts_ms.tolist(), found.values.tolist(), strict=True)
    assert list(got) == expected

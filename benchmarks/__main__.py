"""Runs benchmarks by name, or all, and writes ``RESULTS.md``.

``--short`` runs them small, to see that they still work and that their answers are right: its
figures say nothing, and are written nowhere.
"""

from __future__ import annotations

import argparse
import os
import platform as machine
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import (
    duplicates,
    footprint,
    freshness,
    ingest,
    promql,
    pushed,
    pushed_http,
    samples_at_rest,
    scrape,
    series,
)

RESULTS = Path(__file__).parent / "RESULTS.md"
Run = Callable[[Path], str]
ALL: dict[str, Run] = {
    "footprint": footprint.run,
    "freshness": freshness.run,
    "ingest": ingest.run,
    "promql": promql.run,
    "pushed": pushed.run,
    "pushed_http": pushed_http.run,
    "samples_at_rest": samples_at_rest.run,
    "scrape": scrape.run,
    "series": series.run,
    "duplicates": duplicates.run,
}
SHORT: dict[str, Run] = {
    "footprint": partial(footprint.run, starts=1, idle_s=2.0),
    "freshness": partial(freshness.run, rounds=10),
    "ingest": partial(ingest.run, seconds=3.0),
    "promql": partial(promql.run, pods=20, rounds=1),
    "pushed": partial(pushed.run, rounds=2),
    "pushed_http": partial(pushed_http.run, seconds=2.0),
    "samples_at_rest": partial(samples_at_rest.run, series=2000),
    "scrape": partial(scrape.run, seconds=3.0, series=1000),
    "series": partial(series.run, series=5000),
    "duplicates": partial(duplicates.run, sizes_mb=(20,)),
}


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    arguments.add_argument("--short", action="store_true", help="small sizes; writes nothing")
    arguments.add_argument("names", nargs="*", choices=[*ALL, []], help="default: all")
    arguments.add_argument(
        "--sizes", default="1", help="GB of logs for the duplicate job, such as 1,4,16"
    )
    arguments.add_argument("--full", action="store_const", const="1,4,16", dest="sizes")
    arguments.add_argument("--scratch", type=Path, help="folder for input and data; kept")
    given = arguments.parse_args()
    sizes_mb = tuple(round(float(size) * 1000) for size in given.sizes.split(","))
    runs: dict[str, Run] = {**ALL, "duplicates": partial(duplicates.run, sizes_mb=sizes_mb)}
    runs = SHORT if given.short else runs
    with tempfile.TemporaryDirectory(prefix="madang-bench-") as temporary:
        scratch = given.scratch or Path(temporary)
        scratch.mkdir(parents=True, exist_ok=True)
        sections = [runs[name](scratch) for name in given.names or runs]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    head = (
        "# Measurements\n\nWritten by `make bench`; both sides of a comparison ran in one run on "
        f"one machine: {os.cpu_count()} cores, {memory:.0f} GB, Linux {machine.release()}, "
        f"Python {machine.python_version()}.\n"
    )
    text = "\n".join([head, *sections])
    print(text)
    if not given.names and not given.short:
        RESULTS.write_text(text)


if __name__ == "__main__":
    main()

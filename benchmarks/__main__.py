"""Runs benchmarks by name, or all, and writes ``RESULTS.md``."""

from __future__ import annotations

import argparse
import os
import platform as machine
import tempfile
from pathlib import Path

from benchmarks import duplicates, footprint, freshness, ingest

RESULTS = Path(__file__).parent / "RESULTS.md"
ALL = {
    "footprint": footprint.run,
    "freshness": freshness.run,
    "ingest": ingest.run,
    "duplicates": duplicates.run,
}


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    arguments.add_argument("names", nargs="*", choices=[*ALL, []], help="default: all")
    arguments.add_argument("--scratch", type=Path, help="folder for input and data; kept")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="madang-bench-") as temporary:
        scratch = given.scratch or Path(temporary)
        scratch.mkdir(parents=True, exist_ok=True)
        sections = [ALL[name](scratch) for name in given.names or ALL]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    head = (
        "# Measurements\n\nWritten by `make bench`; both sides of a comparison ran in one run on "
        f"one machine: {os.cpu_count()} cores, {memory:.0f} GB, Linux {machine.release()}, "
        f"Python {machine.python_version()}.\n"
    )
    text = "\n".join([head, *sections])
    print(text)
    if not given.names:
        RESULTS.write_text(text)


if __name__ == "__main__":
    main()

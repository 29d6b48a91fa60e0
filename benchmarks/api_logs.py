"""API logs made to measure: about 260 bytes a record, with a known number of duplicates.

A duplicate has the user, method, path and body of an earlier record at most 200 ms older. Beside
the planted duplicates there are near misses, the same request 400 to 600 ms later, which do not
count. Everything follows from the seed.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import duckdb

RECORD_BYTES = 262
_FILE_RECORDS = 2_000_000
_SQL = """
copy (
  with base as (
    select i, hash(i, {seed}) as h, hash(i, {seed}, 1) as h2,
           timestamp '2026-11-01' + to_microseconds(i * 250) as t
    from range({first}, {last}) r(i)
  ), sent as (
    select *, unnest(
      [0]
      || case when h % 1000000 < {duplicates_ppm} then [1000 + (h2 % 199000)::bigint] else [] end
      || case when h2 % 100 = 0 then [400000 + (h % 199000)::bigint] else [] end
    ) as later_us
    from base
  )
  select strftime(t + to_microseconds(later_us), '%Y-%m-%dT%H:%M:%S.%fZ') as ts,
         format('u{{:07d}}', h % 200000) as "user",
         ['GET', 'GET', 'GET', 'POST', 'PUT', 'DELETE'][1 + (h2 % 6)::bigint] as method,
         format('/api/v1/{{}}/{{:03d}}',
                ['orders', 'items', 'users', 'search', 'carts'][1 + (h % 5)::bigint],
                h2 % 100) as path,
         [200, 200, 200, 201, 404, 500][1 + ((h % 100 + h2 % 100) % 6)::bigint] as status,
         round((h2 % 100000) / 100.0, 2) as duration_ms,
         format('10.{{}}.{{}}.{{}}', h % 256, h2 % 256, i % 256) as ip,
         ['okhttp/4.12.0 (android 15; ko)', 'cpython-requests/2.34 (linux)',
          'shop-ios/8.1.2 (iphone17,1)'][1 + (h2 % 3)::bigint] as agent,
         format('{{:016x}}{{:016x}}{{:016x}}{{:012x}}', h, h2, xor(h, h2), i) as body
  from sent
  order by t + to_microseconds(later_us)
) to '{path}' (format json)
"""


@dataclass(frozen=True, slots=True)
class ApiLogs:
    """What was written: files, their size, and the truth about them."""

    files: list[Path]
    size_bytes: int
    records: int
    duplicates: int


def write_api_logs(
    folder: Path, size_bytes: int, *, seed: int = 1, duplicate_rate: float = 0.02
) -> ApiLogs:
    """Write about ``size_bytes`` of NDJSON files into ``folder``; files that are there are kept.

    Args:
        folder: One folder for each size, seed and rate.
        size_bytes: Of all files together.
        seed: The same seed gives the same bytes.
        duplicate_rate: Share of requests that are sent a second time within 200 ms.
    """
    folder.mkdir(parents=True, exist_ok=True)
    requests = round(size_bytes / RECORD_BYTES / (1 + duplicate_rate + 0.01))
    ppm = round(duplicate_rate * 1_000_000)
    connection = duckdb.connect(config={"memory_limit": "2GB", "threads": 2})
    files = []
    for number, first in enumerate(range(0, requests, _FILE_RECORDS)):
        path = folder / f"api-{number:04d}.ndjson"
        files.append(path)
        if path.exists():
            continue
        unfinished = path.with_suffix(".part")
        connection.execute(
            _SQL.format(
                seed=seed,
                first=first,
                last=min(first + _FILE_RECORDS, requests),
                duplicates_ppm=ppm,
                path=unfinished,
            )
        )
        unfinished.rename(path)
    duplicates, near_misses = connection.execute(
        "select count(*) filter (hash(i, $seed) % 1000000 < $ppm), "
        "count(*) filter (hash(i, $seed, 1) % 100 = 0) from range($n) r(i)",
        {"seed": seed, "ppm": ppm, "n": requests},
    ).fetchall()[0]
    size = sum(path.stat().st_size for path in files)
    return ApiLogs(files, size, requests + duplicates + near_misses, duplicates)


def main() -> None:
    """Write logs from the command line."""
    arguments = argparse.ArgumentParser(description=main.__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--size-mb", type=int, default=1000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--duplicate-rate", type=float, default=0.02)
    given = arguments.parse_args()
    print(
        write_api_logs(
            given.folder,
            given.size_mb * 1_000_000,
            seed=given.seed,
            duplicate_rate=given.duplicate_rate,
        )
    )


if __name__ == "__main__":
    main()

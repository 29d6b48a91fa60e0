"""The duplicate job on Spark ``local[2]``, as a program of its own: prints one JSON line.

Run by :mod:`benchmarks.duplicates`; needs PySpark and a Java.
"""

from __future__ import annotations

import json
import sys
import time

from pyspark.sql import SparkSession

SQL = """
with requests as (
  select user, method, path, body, unix_micros({time}) as at_us from logs
), timed as (
  select path, at_us - lag(at_us) over (
    partition by user, method, path, body order by at_us) as gap_us
  from requests
)
select path, count(*) as requests, count(case when gap_us <= 200000 then 1 end) as duplicates
from timed group by path order by path
"""
TIME = {"json": "to_timestamp(ts)", "parquet": "_time"}
SCHEMA = "ts string, user string, method string, path string, body string"


def main(kind: str, spill: str, paths: list[str]) -> None:
    started = time.perf_counter()
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.memory", "2g")
        .config("spark.local.dir", spill)
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "64")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    up = time.perf_counter()
    reader = spark.read
    read = reader.schema(SCHEMA).json(paths) if kind == "json" else reader.parquet(*paths)
    read.createOrReplaceTempView("logs")
    rows = spark.sql(SQL.format(time=TIME[kind])).collect()
    ended = time.perf_counter()
    answer = {
        "start_s": up - started,
        "job_s": ended - up,
        "paths": len(rows),
        "requests": sum(row.requests for row in rows),
        "duplicates": sum(row.duplicates for row in rows),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])

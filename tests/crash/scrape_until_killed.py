"""Scrapes into a stream until it is killed: arguments are the folder and the target's address."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from madang.collect.scrape import ScrapeSource
from madang.collect.source import SourceContext
from madang.core.samples import SAMPLES_SCHEMA
from madang.project import Project, ScrapeSourceSpec
from madang.stream import LogStore


def main() -> None:
    folder, address = Path(sys.argv[1]), sys.argv[2]
    spec = ScrapeSourceSpec.model_validate(
        {
            "kind": "scrape",
            "name": "me",
            "scrape_configs": [
                {
                    "job_name": "a",
                    "scrape_interval": "20ms",
                    "scrape_timeout": "20ms",
                    "params": {"n": [str(number)]},
                    "static_configs": [{"targets": [address], "labels": {"n": str(number)}}],
                }
                | {"job_name": f"a{number}"}
                for number in range(4)
            ],
        }
    )
    with LogStore(folder / "log", min_free_bytes=0) as store:
        stream = store.open("metrics.samples", SAMPLES_SCHEMA, partitions=2)
        context = SourceContext(
            stream, None, Project(directory=str(folder)), folder, folder, folder / "state"
        )
        ScrapeSource(spec, context).run(threading.Event())


if __name__ == "__main__":
    main()

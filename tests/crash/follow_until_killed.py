"""Follows ``<folder>/logs/app.log*`` into a log in ``<folder>/streams`` until it is killed."""

import sys
import threading
from pathlib import Path

from madang.collect import SourceContext
from madang.collect.files import FilesSource, Patience
from madang.project import FilesSourceSpec, Project
from madang.stream import LogStore


def main(folder: Path) -> None:
    store = LogStore(folder / "streams", min_free_bytes=0)
    spec = FilesSourceSpec(
        kind="files",
        name="app",
        stream="app",
        paths=(str(folder / "logs/app.log*"),),
        poll_interval=0.02,
        batch_size=4096,
    )
    context = SourceContext(
        stream=store.open("app"),
        stream_spec=None,
        project=Project(directory=str(folder)),
        directory=folder,
        data=folder,
        state=folder / "state",
    )
    source = FilesSource(spec, context, patience=Patience(0.5, 1.0, 1.0))
    print("ready", flush=True)
    source.run(threading.Event())


if __name__ == "__main__":
    main(Path(sys.argv[1]))

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from madang.core.datadir import DataDir
from madang.lake.catalog import CatalogFile


def test_many_open_a_new_catalog_at_once(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    data.root.mkdir()
    catalogs = [CatalogFile(data) for _ in range(8)]
    barrier = threading.Barrier(len(catalogs))

    def look(catalog: CatalogFile) -> list[tuple[str, str]]:
        barrier.wait()
        return catalog.tables()

    with ThreadPoolExecutor(len(catalogs)) as pool:
        assert list(pool.map(look, catalogs)) == [[]] * len(catalogs)
    for catalog in catalogs:
        catalog.close()

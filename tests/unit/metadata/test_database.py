from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

import madang.metadata
from madang.core.errors import InvalidInputError, UnavailableError
from madang.metadata import HEAD, Database
from madang.operate.accounts import open_accounts


def test_head_is_alembics_head():
    config = Config()
    folder = Path(madang.metadata.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_the_file_is_nobody_elses(tmp_path):
    accounts = open_accounts(tmp_path / "deep" / "madang.db")
    for path in (tmp_path / "deep").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    accounts.close()


def test_a_newer_file_is_refused(tmp_path):
    Database(tmp_path / "madang.db").close()
    with closing(sqlite3.connect(tmp_path / "madang.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(InvalidInputError, match="newer Madang"):
        open_accounts(tmp_path / "madang.db")


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "madang.db").write_bytes(b"not a database" * 100)
    with pytest.raises(UnavailableError, match="cannot be used"):
        open_accounts(tmp_path / "madang.db")


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match="cannot be opened"):
        open_accounts(tmp_path / "file" / "madang.db")

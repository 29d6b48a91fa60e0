from __future__ import annotations

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import madang.operate.accounts
from madang.core.errors import InvalidInputError, UnavailableError
from madang.operate.accounts import Role, open_accounts
from madang.operate.accounts.database import HEAD, Database
from madang.operate.accounts.tables import METADATA


def test_head_is_alembics_head():
    config = Config()
    folder = Path(madang.operate.accounts.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_migrations_make_what_the_tables_say(tmp_path):
    Database(tmp_path / "madang.db").close()
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'madang.db'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


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


def test_many_threads_at_once(accounts):
    user = accounts.users.create("minji", Role.VIEWER, None)

    def work(_):
        secret = accounts.sessions.open(user.id)
        return accounts.sessions.find(secret).user

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(work, range(40))) == {"minji"}

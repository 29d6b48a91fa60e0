"""What every metadata database promises: SQLite and PostgreSQL alike."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import madang.operate.accounts.tables
from madang.core.clock import SystemClock
from madang.metadata import METADATA, Database
from madang.operate.accounts import Role
from madang.operate.accounts.accounts import Accounts
from postgresql_server import postgresql

USERS = madang.operate.accounts.tables.USERS


@pytest.fixture(scope="module")
def server():
    with postgresql() as made:
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request, tmp_path):
    if request.param == "sqlite":
        return tmp_path / "madang.db"
    server = request.getfixturevalue("server")
    engine = sa.create_engine(
        sa.make_url(server.url()).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    name = f"test_{abs(hash(request.node.name)) % 10**9}"
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return server.url(name)


def add(connection, name):
    connection.execute(USERS.insert().values(name=name, role="viewer", created_at_us=1))


def names(connection):
    return sorted(connection.scalars(sa.select(USERS.c.name)))


@pytest.fixture
def database(location):
    made = Database(location)
    yield made
    made.close()


def test_migrations_make_what_the_tables_say(database):
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_many_may_open_it_at_once(location):
    with ThreadPoolExecutor(6) as threads:
        opened = list(threads.map(lambda _: Database(location), range(6)))
    with opened[0].writing() as connection:
        add(connection, "a")
    with opened[5].reading() as connection:
        assert names(connection) == ["a"]
    for each in opened:
        each.close()


def test_what_fails_half_way_leaves_nothing(database):
    with pytest.raises(RuntimeError), database.writing() as connection:
        add(connection, "a")
        raise RuntimeError
    with database.reading() as connection:
        assert names(connection) == []


def test_a_reader_sees_one_state_and_waits_for_nobody(database):
    with database.writing() as connection:
        add(connection, "a")
    with database.reading() as reader:
        assert names(reader) == ["a"]
        with database.writing() as writer:
            add(writer, "b")
            assert names(reader) == ["a"]
        assert names(reader) == ["a"]
    with database.reading() as reader:
        assert names(reader) == ["a", "b"]


def test_writers_come_one_after_the_other(location):
    """Read, then write what follows from it: nothing that another wrote between is lost."""
    one, other = Database(location), Database(location)
    with one.writing() as connection:
        add(connection, "0")
    begun = threading.Barrier(8)

    def count(which):
        begun.wait()
        for _ in range(10):
            with (one, other)[which % 2].writing() as connection:
                last = int(names(connection)[0])
                connection.execute(USERS.update().values(name=str(last + 1)))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(count, range(8)))
    with one.reading() as connection:
        assert names(connection) == ["80"]
    one.close()
    other.close()


def test_a_failed_statement_does_not_break_the_pool(database):
    for _ in range(12):
        with pytest.raises(sa.exc.IntegrityError), database.writing() as connection:
            add(connection, "a")
            add(connection, "a")
    with database.writing() as connection:
        add(connection, "a")


def test_accounts_work_on_it(database):
    accounts = Accounts(database, SystemClock(), 60.0, None)
    user = accounts.users.create("minji", Role.VIEWER, "correct horse battery")
    secret = accounts.sessions.open(user.id)
    assert accounts.sessions.find(secret).user == "minji"
    accounts.users.delete("minji")
    with database.reading() as connection:
        assert names(connection) == []

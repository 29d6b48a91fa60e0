"""PostgreSQL as the metadata database: what is said where it does not work."""

import signal

import pytest
import sqlalchemy as sa

from madang.core.errors import InvalidInputError, UnavailableError
from madang.metadata import Database
from postgresql_server import PASSWORD, postgresql


@pytest.fixture(scope="module")
def server():
    with postgresql() as made:
        yield made


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://a@b/c", "http://x"])
def test_what_is_no_url_of_it(url):
    with pytest.raises(InvalidInputError, match="something else than a URL") as caught:
        Database(url)
    assert "postgresql://user@host" in caught.value.hint


def test_a_wrong_password_is_said_and_no_password_is_shown(server):
    with pytest.raises(UnavailableError, match="password authentication failed") as caught:
        Database(server.url(password="s3cret-wrong"))
    assert "s3cret-wrong" not in caught.value.message
    assert "user and the password" in caught.value.hint


def test_a_server_that_is_down_and_comes_back(server):
    database = Database(server.url())
    server.stop(signal.SIGQUIT)
    for begin in (database.reading, database.writing):
        with pytest.raises(UnavailableError, match="cannot be used") as caught, begin():
            pass
        assert caught.value.retryable
    with pytest.raises(UnavailableError, match="cannot be used"):
        Database(server.url())
    server.start()
    for _ in range(5):  # each connection of the pool
        with database.writing() as connection:
            assert connection.scalar(sa.text("SELECT 1")) == 1
    database.close()


def test_a_newer_database_is_refused(server):
    Database(server.url()).close()
    database = Database(server.url())
    with database.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(InvalidInputError, match="newer Madang") as caught:
        Database(server.url())
    assert PASSWORD not in caught.value.message

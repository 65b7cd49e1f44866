"""Migrations: they make exactly what the models say, in both databases, and only once."""

from pathlib import Path

import pytest
from sqlalchemy import text

from blindlink.errors import InputError, ServiceError
from blindlink.service.data import schema
from blindlink.service.data.database import Database
from worlds.postgres import Postgres


def test_sqlite_agrees_with_the_models(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    with pytest.raises(ServiceError, match="no tables of blindlink yet"):
        schema.check(database)
    assert schema.migrate(database)
    assert not schema.migrate(database)
    schema.check(database)
    assert schema.differences(database) == []


def test_a_database_of_another_version_is_told_so(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    schema.migrate(database)
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(ServiceError, match="another schema"):
        schema.check(database)


@pytest.mark.needs("postgresql")
def test_postgresql_agrees_with_the_models(postgres: Postgres) -> None:
    with postgres.database() as url:
        database = Database(url)
        schema.check(database)
        assert schema.differences(database) == []
        database.close()


def test_other_databases_are_refused() -> None:
    for url in ("mysql://x/y", "nonsense", "oracle://x", "sqlite+nothing://x"):
        with pytest.raises(InputError):
            Database(url)

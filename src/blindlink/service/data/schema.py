"""The database schema: is it the one of this version, and if not, bring it there."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from blindlink.errors import ServiceError
from blindlink.service.data.database import Database
from blindlink.service.data.models import Base

FOLDER = Path(__file__).parent / "migrations"
LOCK = 0x626C696E64  # "blind": one process migrates at a time


def migrate(database: Database) -> bool:
    """Bring the schema to this version; False when it was there. One transaction."""
    with database.write() as session:
        connection = session.connection()
        if not database.sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        if _here(connection) == wanted():
            return False
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return True


def check(database: Database) -> None:
    """Raises ServiceError unless the schema is that of this version."""
    with database.read() as session:
        here = _here(session.connection())
    if here is None:
        raise ServiceError(
            "the database has no tables of blindlink yet",
            hint="if it is the right one and new, say --migrate once: it makes the tables",
        )
    if here != wanted():
        raise ServiceError(
            "the database has another schema than this version wants",
            hint="run: blindlink serve --migrate (after a backup)",
        )


def differences(database: Database) -> list[object]:
    """What the migrations and the models do not agree on."""
    with database.read() as session:
        return list(
            compare_metadata(MigrationContext.configure(session.connection()), Base.metadata)
        )


def _here(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def wanted() -> str | None:
    """The newest revision of the schema: the one that this version works with."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    return config

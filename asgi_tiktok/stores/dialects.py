"""The table of records, the SQL statements in three dialects, and the meaning of database errors."""

import re

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, Index, Table, bindparam
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.expression import ColumnElement

from asgi_tiktok.errors import ConfigurationError, StoreError

BATCH = 200  # rows
MAX_NAME = 255  # bytes of a key or an owner

# Bytes on MySQL, because every collation that both MySQL and MariaDB know ignores trailing spaces.
NAME = (
    sa.String(MAX_NAME)
    .with_variant(sa.String(MAX_NAME, collation="C"), "postgresql")
    .with_variant(mysql.VARBINARY(MAX_NAME), "mysql", "mariadb")
)
VALUE = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")

# Milliseconds since the epoch by the database's clock, constant within a statement and independent of time zones.
NOW = {
    "postgresql": "CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000 AS BIGINT)",
    "mysql": "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)",
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
}

# SQLSTATEs of PostgreSQL, error numbers of MySQL and MariaDB, error names of SQLite, and for its unspecific
# SQLITE_ERROR a part of the message.
SQLITE_ERRORS = ("no such table", "no such column", "no column named", "already exists")
MISSING_TABLE = {"42P01", "1146", "no such table"}
# The database aborted the statement because of a concurrent one. It had no effect.
CONFLICT = {"40001", "40P01", "1213", "1020"}
# Another worker is creating the same table.
RACE = {"42P07", "42710", "23505", "XX000", "1050", "1061", "already exists", "SQLITE_BUSY", *CONFLICT}
HINTS = (
    (MISSING_TABLE, "The table does not exist: run your migrations with `metadata`, or remove create_table=False."),
    ({"28P01", "28000", "1045", "1698"}, "The database rejects this user or password: correct the URL."),
    ({"3D000", "1049"}, "The server has no database with this name: create it, or correct the URL."),
    (
        {"42501", "1044", "1142", "1227"},
        "Grant the user SELECT, INSERT, UPDATE and DELETE on the table, and CREATE if the store creates the table.",
    ),
    (
        {"42703", "1054", "no such column", "no column named"},
        "The columns of the table are not those of the store's `metadata`: give the store its own table.",
    ),
    ({"25006", "1290", "1792", "1836", "SQLITE_READONLY"}, "The database is read-only: connect to the primary."),
    ({"53100", "1021", "1114", "SQLITE_FULL"}, "The database's disk is full: make room."),
    ({"53300", "1040", "1203"}, "The server accepts no more connections: raise its limit, or run fewer workers."),
    (
        {"SQLITE_BUSY", "SQLITE_LOCKED"},
        "Another process keeps the file locked: stop it, or use PostgreSQL for many processes.",
    ),
)
UNREACHABLE = "Check that the database runs, and that the URL has the right host and port."


def new_table(name: str) -> Table:
    """Return the table of records, with its own MetaData."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,49}", name, re.ASCII):
        raise ConfigurationError(
            f"table={name!r} is not a plain name.",
            hint="Use up to 50 ASCII letters, digits and underscores, and begin with a letter or an underscore.",
        )
    owner = Column("owner", NAME)
    owned = owner.is_not(None)
    return Table(
        name,
        sa.MetaData(),
        Column("key", NAME, primary_key=True),
        Column("value", VALUE, nullable=False),
        Column("ends_at", BigInteger, nullable=False),
        owner,
        Index(f"{name}_owner", "owner", "ends_at", postgresql_where=owned, sqlite_where=owned),
        Index(f"{name}_ends_at", "ends_at"),
        mysql_engine="InnoDB",
        mariadb_engine="InnoDB",
    )


class Statements:
    """The statements that the store runs. Each is atomic, so none needs a transaction."""

    def __init__(self, table: Table, backend: str) -> None:
        self.dialect = "mysql" if backend == "mariadb" else backend
        if self.dialect not in NOW:
            raise ConfigurationError(
                f"The store does not support the database {backend}.",
                hint="Use PostgreSQL (postgresql+asyncpg://), MySQL and MariaDB (mysql+asyncmy://) or "
                "SQLite (sqlite+aiosqlite:///).",
            )
        c = table.c
        now: ColumnElement[int] = sa.literal_column(NOW[self.dialect], BigInteger)
        live = c.ends_at > now
        this = c.key == bindparam("this")
        same = c.value == bindparam("old")
        whose = c.owner == bindparam("whose")
        # The first condition follows from the second. It lets the index start where the previous page ended.
        after = (c.ends_at >= bindparam("after")) & ((c.ends_at > bindparam("after")) | (c.key > bindparam("past")))
        rest = {
            "value": bindparam("new", type_=VALUE),
            "ends_at": now + bindparam("ttl", type_=BigInteger),
            "owner": bindparam("whose", type_=NAME),
        }
        record = {"key": bindparam("this", type_=NAME), **rest}

        self.get = sa.select(c.value).where(this, live)
        self.replace = sa.update(table).where(this, same, live).values(rest)
        self.delete = sa.delete(table).where(this, live)
        self.delete_same = sa.delete(table).where(this, same, live)
        self.delete_owned = sa.delete(table).where(whose, live)
        self.delete_ended = sa.delete(table).where(this, ~live)
        self.owned = sa.select(c.ends_at, c.key).where(whose, live, after).order_by(c.ends_at, c.key).limit(BATCH)
        self.purge = purge(table, now, self.dialect)
        self.set: sa.Executable
        self.add: sa.Executable
        if self.dialect == "mysql":
            self.add = upsert = mysql.insert(table).values(record)
            self.set = upsert.on_duplicate_key_update({name: upsert.inserted[name] for name in rest})
        else:
            insert = postgresql.insert if self.dialect == "postgresql" else sqlite.insert
            new = insert(table).values(record)
            changes = {name: new.excluded[name] for name in rest}
            self.set = new.on_conflict_do_update(index_elements=[c.key], set_=changes)
            self.add = new.on_conflict_do_update(index_elements=[c.key], set_=changes, where=~live)

    def encode(self, name: str | None) -> str | bytes | None:
        """Return a key or an owner in the type that the driver needs."""
        if name is not None and not (name.isascii() and len(name) <= MAX_NAME):
            # MySQL outside of strict mode would shorten it, and two records could get the same key.
            raise StoreError(
                "A key or an owner is too long or not ASCII.", hint=f"Use up to {MAX_NAME} ASCII characters."
            )
        return name.encode("ascii") if name is not None and self.dialect == "mysql" else name


def purge(table: Table, now: ColumnElement[int], dialect: str) -> sa.Delete:
    expired = sa.select(table.c.key).where(table.c.ends_at <= now).order_by(table.c.ends_at).limit(BATCH)
    if dialect == "sqlite":
        return sa.delete(table).where(table.c.key.in_(expired))
    if dialect == "postgresql":
        # Workers that purge at the same time delete different rows and do not wait for each other.
        expired = expired.with_for_update(skip_locked=True)
    batch = expired.subquery("batch")
    return sa.delete(table).where(table.c.key == batch.c.key, table.c.ends_at <= now)


def explain(error: Exception) -> StoreError:
    """Return the error without the driver's message, which repeats parameters and SQL."""
    if isinstance(error, StoreError):
        return error
    if isinstance(error, TimeoutError):
        return StoreError("The database did not answer in time.", hint=UNREACHABLE)
    code = code_of(error)
    hint = next((hint for codes, hint in HINTS if code in codes), UNREACHABLE)
    name = f"{type(driver_error(error)).__name__} {code}".rstrip()
    return StoreError(f"The database failed ({name}).", hint=hint)


def driver_error(error: BaseException) -> BaseException:
    """Return the driver's exception, which SQLAlchemy wraps."""
    inner = error.orig if isinstance(error, DBAPIError) else None
    return inner.__cause__ or inner if inner is not None else error


def code_of(error: BaseException) -> str:
    """Return the database's code for the error, or an empty string."""
    cause = driver_error(error)
    if cause.args and isinstance(cause.args[0], int):
        return str(cause.args[0])
    code = str(getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", ""))
    if code == "SQLITE_ERROR":
        return next((known for known in SQLITE_ERRORS if known in str(cause)), code)
    return code

"""The table of records, and the SQL statements in three dialects."""

import re

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, Index, Table, bindparam
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.sql.expression import ColumnElement

from asgi_tiktok.errors import ConfigurationError, StoreError
from asgi_tiktok.stores.record_format import MARK, MILLISECONDS, NEVER

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
        self.mark = sa.select(c.value).where(c.key == self.encode(MARK))
        self.extremes = sa.select(sa.func.min(c.ends_at), sa.func.max(c.ends_at))
        self.add_mark = sa.insert(table).values(key=self.encode(MARK), value=MILLISECONDS, ends_at=NEVER)
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

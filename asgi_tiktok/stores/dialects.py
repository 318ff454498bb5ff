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
        self.touch = sa.update(table).where(this, same, live).values(rest)
        self.replace: sa.Executable = self.touch
        self.delete: sa.Executable = (delete := sa.delete(table).where(this, live))
        self.delete_same: sa.Executable = (delete_same := sa.delete(table).where(this, same, live))
        self.delete_owned: sa.Executable = (delete_owned := sa.delete(table).where(whose, live))
        self.delete_ended = sa.delete(table).where(this, ~live)
        self.owned = sa.select(c.ends_at, c.key).where(whose, live, after).order_by(c.ends_at, c.key).limit(BATCH)
        self.purge = purge(table, now, self.dialect)
        self.mark = sa.select(c.value).where(c.key == self.encode(MARK))
        self.extremes = sa.select(sa.func.min(c.ends_at), sa.func.max(c.ends_at))
        self.add_mark = sa.insert(table).values(key=self.encode(MARK), value=MILLISECONDS, ends_at=NEVER)
        self.add: sa.Executable
        upsert: sa.Insert
        if self.dialect == "mysql":
            self.add = new = mysql.insert(table).values(record)
            upsert = new.on_duplicate_key_update({name: new.inserted[name] for name in rest})
        else:
            insert = postgresql.insert if self.dialect == "postgresql" else sqlite.insert
            row = insert(table).values(record)
            changes = {name: row.excluded[name] for name in rest}
            upsert = row.on_conflict_do_update(index_elements=[c.key], set_=changes)
            self.add = row.on_conflict_do_update(index_elements=[c.key], set_=changes, where=~live)
        self.set: sa.Executable = upsert
        if self.dialect == "postgresql":
            owned = c.owner.is_not(None)
            # A subquery finds the row that is replaced. In the row that an upsert returns, xmax is 0 if it is new.
            had_owner = sa.exists().where(this, owned).select_from(table)
            replaced = sa.literal_column("xmax <> 0", sa.Boolean)
            self.set = with_notices(table, upsert, replaced & (owned | had_owner))
            self.replace = with_notices(table, self.touch, had_owner)
            self.delete, self.delete_same, self.delete_owned = (
                with_notices(table, each, owned) for each in (delete, delete_same, delete_owned)
            )
            # A server that has become read-only refuses this, although it would accept the notification alone.
            nothing = sa.delete(table).where(sa.false()).cte(f"{table.name}_nothing")
            echo = sa.func.pg_notify(bindparam("channel", type_=sa.String), bindparam("number", type_=sa.String))
            self.echo: sa.Executable = sa.select(echo).add_cte(nothing)

    def encode(self, name: str | None) -> str | bytes | None:
        """Return a key or an owner in the type that the driver needs."""
        if name is not None and not (name.isascii() and len(name) <= MAX_NAME):
            # MySQL outside of strict mode would shorten it, and two records could get the same key.
            raise StoreError(
                "A key or an owner is too long or not ASCII.", hint=f"Use up to {MAX_NAME} ASCII characters."
            )
        return name.encode("ascii") if name is not None and self.dialect == "mysql" else name


def notice_channel(table: Table) -> str:
    """Return the name of the channel of PostgreSQL for the notices of all tables with this name."""
    return f"{table.name}_notices"


def with_notices(
    table: Table, change: sa.Delete | sa.Update | sa.Insert, noticed: ColumnElement[bool]
) -> sa.Executable:
    """Return a query that makes the change, notifies of some of the changed rows, and returns their number.

    Args:
        table (Table): The table that is changed.
        change (Delete | Update | Insert): The change.
        noticed (ColumnElement[bool]): Whether to notify of a row, which is the new one if there is one.
    """
    changed = change.returning(table.c.key, noticed.label("noticed")).cte(f"{table.name}_changed")
    notices = sa.func.count(sa.func.pg_notify(notice_channel(table), changed.c.key)).filter(changed.c.noticed)
    return sa.select(sa.func.count(), notices).select_from(changed)


def purge(table: Table, now: ColumnElement[int], dialect: str) -> sa.Delete:
    expired = sa.select(table.c.key).where(table.c.ends_at <= now).order_by(table.c.ends_at).limit(BATCH)
    if dialect == "sqlite":
        return sa.delete(table).where(table.c.key.in_(expired))
    if dialect == "postgresql":
        # Workers that purge at the same time delete different rows and do not wait for each other.
        expired = expired.with_for_update(skip_locked=True)
    batch = expired.subquery("batch")
    return sa.delete(table).where(table.c.key == batch.c.key, table.c.ends_at <= now)

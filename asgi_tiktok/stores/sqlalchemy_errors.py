"""What an error of a database means, and what to do about it."""

import re

from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from asgi_tiktok.errors import StoreError

# SQLSTATEs of PostgreSQL, error numbers of MySQL and MariaDB, error names of SQLite, and for its unspecific
# SQLITE_ERROR a part of the message.
SQLITE_ERRORS = ("no such table", "no such column", "no column named", "already exists")
MISSING_TABLE = {"42P01", "1146", "no such table"}
# The database aborted the statement because of a concurrent one. It had no effect.
CONFLICT = {"40001", "40P01", "1213", "1020"}
# The server has become a replica, or is set to read-only. Nothing was written.
READ_ONLY = {"25006", "1290", "1792", "1836"}
# A pooler, for example PgBouncer, ran the statement on another connection than the one that had prepared it.
LOST_STATEMENT = {"26000", "42P05"}
# Another worker is creating the same table.
EXISTS = {"42P07", "42710", "23505", "1050", "1061", "1062", "already exists", "SQLITE_CONSTRAINT_PRIMARYKEY"}
RACE = {*EXISTS, "XX000", "SQLITE_BUSY", *CONFLICT}
TOO_MANY = (
    "The server accepts no more connections. Each worker opens up to {pool_size}, and with asyncpg 3 more: run fewer "
    "workers, write a smaller ?pool_size= into the URL, or raise the server's max_connections."
)
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
    ({*READ_ONLY, "SQLITE_READONLY"}, "The database is read-only: connect to the primary."),
    ({"53100", "1021", "1114", "SQLITE_FULL"}, "The database's disk is full: make room."),
    ({"53300", "1040", "1203"}, TOO_MANY),
    (LOST_STATEMENT, "A pooler moves statements between connections: add ?pgbouncer=1 to the URL."),
    ({"57014", "1969", "3024"}, "The server ended the statement: raise its time limit for statements of this user."),
    ({"55P03", "1205"}, "Another transaction holds a lock for too long: look for long transactions in the database."),
    (
        {"SQLITE_BUSY", "SQLITE_LOCKED"},
        "Another process keeps the file locked: stop it, or use PostgreSQL for many processes.",
    ),
)
UNREACHABLE = "Check that the database runs, and that the URL has the right host and port."
# Hints by class of SQLSTATE (PostgreSQL: Appendix A). They are used if the code itself has no hint above.
CLASSES = {
    "08": UNREACHABLE,
    "28": "The database rejects this user: correct the URL, or the server's rules for connections.",
    "53": "The server lacks memory, disk space or another resource: read its log.",
    "57": "The server is starting, stopping or being restarted: wait until it has started.",
    "58": "The server has a problem with its disk or operating system: read its log.",
    "XX": "The server has an internal error: read its log, and check the database for damage.",
}
LOST = {"2002", "2003", "2006", "2013", "2055", "4031"}  # numbers of MySQL clients and servers for a lost connection


def explain(error: Exception, *, pool_size: int) -> StoreError:
    """Return the error without parameters, SQL and password."""
    if isinstance(error, StoreError):
        return error
    if isinstance(error, NoFreeConnection):
        return StoreError(
            f"All {pool_size} connections to the database are busy.",
            hint="Raise ?pool_size= in the URL, and the server's max_connections if it is too small for all workers.",
        )
    if isinstance(error, TimeoutError):
        return StoreError("The database did not answer in time.", hint=UNREACHABLE)
    code = code_of(error)
    name = f"{type(driver_error(error)).__name__} {code}".rstrip()
    hint = known_hint(error, code)
    if hint is None:
        return StoreError(f"The database failed ({name}).", hint=drivers_words(error))
    return StoreError(f"The database failed ({name}).", hint=hint.format(pool_size=pool_size))


def known_hint(error: Exception, code: str) -> str | None:
    for codes, hint in HINTS:
        if code in codes:
            return hint
    if code in LOST or (isinstance(driver_error(error), OSError) and not is_tls_error(driver_error(error))):
        return UNREACHABLE
    # With 08P01, a pooler reports everything that it does not like.
    return CLASSES.get(code[:2]) if re.fullmatch("[0-9A-Z]{5}", code) and code != "08P01" else None


def is_tls_error(cause: BaseException) -> bool:
    return "ssl" in f"{type(cause).__module__} {cause}".lower()


def drivers_words(error: Exception) -> str | None:
    """Return what the driver says, unless it may repeat a value of a statement."""
    cause = driver_error(error)
    code = code_of(error)
    if isinstance(error, StatementError) and error.params and (not code or code[:2] in ("22", "23")):
        return None
    first_line = str(cause.args[-1] if cause.args else cause).partition("\n")[0]
    words = re.sub(r"""(?<!\w)(["'`]).*?(\1(?!\w)|$)""", "…", first_line)[:200].strip()
    return f"The driver says: {words}" if words else None


def driver_error(error: BaseException) -> BaseException:
    """Return the driver's exception, which SQLAlchemy wraps."""
    inner = error.orig if isinstance(error, DBAPIError) else None
    return inner.__cause__ or inner if inner is not None else error


def code_of(error: BaseException) -> str:
    """Return the database's code for the error, or an empty string."""
    cause = driver_error(error)
    if cause.args and isinstance(cause.args[0], int) and not isinstance(cause, OSError):
        return str(cause.args[0])
    code = str(getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", ""))
    if code == "SQLITE_ERROR":
        return next((known for known in SQLITE_ERRORS if known in str(cause)), code)
    return code

"""The query string of a request to our routes."""

from starlette.datastructures import QueryParams
from starlette.requests import Request

MAX_QUERY = 8 * 1024  # bytes; `next` is at most 2 KB
MAX_PARAMETERS = 50


def read_query(request: Request) -> QueryParams:
    """Return the parameters of the query. A query that is longer than any of our links has none."""
    query: bytes = request.scope["query_string"]
    is_ours = len(query) <= MAX_QUERY and query.count(b"&") < MAX_PARAMETERS
    return QueryParams(query if is_ours else b"")

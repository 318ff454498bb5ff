"""Our errors for those of the network, without the request that those hold."""

import re

import httpx2

from asgi_tiktok.client.printable import printable_description
from asgi_tiktok.errors import Unavailable, UpstreamTimeout

NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.WriteError)  # raised before a request is sent
MAX_LENGTH = 1000  # characters that are searched, because the time grows with their square
# Errors quote bytes that were sent or received. They also name addresses, with credentials and query, and tokens.
QUOTED = re.compile(r"""\bb['"].*|(?<=://)\S*@|\?\S+|[^\s'"]+=\S+|\bBearer \S+|\b(act|rft|clt)\.\S+""", re.DOTALL)


def network_failure(error: Exception, stage: str) -> Unavailable:
    """Return our error. The original one is not chained, because it and its frames hold the request."""
    cause = describe(error)
    if isinstance(error, TimeoutError | httpx2.TimeoutException):
        failure: Unavailable = UpstreamTimeout("TikTok did not respond in time.", stage=stage)
    else:
        failure = Unavailable(f"TikTok cannot be reached ({cause}).", stage=stage)
    failure.cause = cause
    failure._sent = not isinstance(error, NOT_SENT)
    return failure


def describe(error: Exception) -> str:
    """Return the type and the text of the error, without anything that could be a secret."""
    text = printable_description(QUOTED.sub("[hidden]", str(error)[:MAX_LENGTH]))
    return f"{type(error).__name__}: {text}" if text else type(error).__name__

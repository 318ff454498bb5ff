"""The targets of `fuzz`, with inputs that Hypothesis generates. Each target checks a property of the package."""

import json
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_tiktok.accounts.record_dictionary import RECORDS
from asgi_tiktok.crypto.records import FORMAT
from fuzz import CORPUS, NAMES
from tests.support.strategies import examples

short_bytes = st.binary(max_size=8)


def spliced(name: str, *pieces: bytes) -> st.SearchStrategy[bytes]:
    """Random bytes, pieces in any order, or an input of the corpus in which a part is replaced by a piece."""
    corpus = [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]
    piece = st.sampled_from(pieces) | short_bytes

    @st.composite
    def splice(draw: st.DrawFn) -> bytes:
        text = draw(st.sampled_from(corpus))
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 8)))
        return text[:start] + draw(piece) + text[end:]

    return st.binary(max_size=300) | st.lists(piece, max_size=12).map(b"".join) | splice()


NUMBERS = (0, 1, -1, 2**31, 2**63, 10**30, 1e308, float("inf"), float("nan"))
unexpected_json = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from(NUMBERS)
    | st.text(max_size=6)
    | st.sampled_from(["\ud800", "-000ada", "-000bo", "a\x7fb", "\x1b["]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def changed(fields: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The fields, of which some have unexpected values and some are missing."""
    changes = st.dictionaries(st.sampled_from(sorted(fields)), unexpected_json, max_size=3)
    removed = st.sets(st.sampled_from(sorted(fields)), max_size=2)
    return st.builds(
        lambda new, less: {name: value for name, value in {**fields, **new}.items() if name not in less},
        changes,
        removed,
    )


def encoded(values: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    encodings = st.sampled_from(["utf-8", "utf-16", "utf-8-sig", "latin-1"])
    return st.builds(lambda value, encoding: json.dumps(value).encode(encoding), values, encodings)


def tiktok_responses(name: str, *bodies: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """Responses of TikTok, or of a proxy in front of it: status, header lines, an empty line, the body."""
    status = st.sampled_from([b"200", b"200", b"200", b"204", b"302", b"400", b"401", b"429", b"500", b"503"])
    lines = st.lists(
        st.sampled_from(HEADER_LINES) | st.builds(bytes.__add__, st.sampled_from(HEADER_NAMES), short_bytes)
    )
    body = encoded(st.sampled_from(bodies).flatmap(changed)) | encoded(unexpected_json) | short_bytes
    heads = st.builds(lambda first, more: b"\n".join([first, *more]), status, lines)
    return st.builds(lambda head, rest: head + b"\n\n" + rest, heads, body) | spliced(name, *HEADER_LINES)


HEADER_NAMES = (b"retry-after: ", b"x-tt-logid: ", b"content-type: ", b"content-encoding: ", b"set-cookie: ")
HEADER_LINES = (
    b"retry-after: 120",
    b"retry-after: Sat, 21 Nov 2026 11:00:00 GMT",
    b"retry-after: Sat, 21 Nov 99999999999999999999 11:00:00 GMT",
    b"retry-after: Sat, 21 Nov 2026 11:00:00 +99999999999999999999",
    b"content-encoding: gzip",
    b"content-type: application/json; charset=nonsense",
    b"location: https://[",
    b"location: //elsewhere.example",
    b"set-cookie: a=b; expires=never; max-age=x; domain=..",
)
TOKEN = {
    "access_token": "act.a",
    "expires_in": 86400,
    "open_id": "-000ada",
    "refresh_expires_in": 31536000,
    "refresh_token": "rft.a",
    "scope": "user.info.basic,user.info.stats",
    "token_type": "Bearer",
}
TOKEN_ERROR = {"error": "invalid_grant", "error_description": "Code is expired.", "log_id": "2026"}
USER = {
    "open_id": "-000ada",
    "union_id": "u",
    "display_name": "Ada",
    "avatar_url": "https://p16.example/a.webp",
    "bio_description": "Kiln.",
    "profile_deep_link": "https://vm.example/a",
    "is_verified": True,
    "follower_count": 18432,
}
API_ERROR = {"code": "scope_not_authorized", "message": "No.", "log_id": "1"}
NO_ERROR = {"code": "ok", "message": "", "log_id": ""}
EVENT = {
    "client_key": "fuzzkey",
    "event": "authorization.removed",
    "create_time": 1_615_338_610,
    "user_openid": "-000ada",
    "content": '{"reason": 1}',
}
SESSION_RECORD = {
    "format": FORMAT + 1,
    "user": USER,
    "scopes": ["user.info.basic"],
    "data": {},
    "created_at": 4_000_000_000,
    "seen_at": 4_000_000_000,
}
TOKEN_RECORD = {
    "format": FORMAT + 1,
    "open_id": "-000ada",
    "scopes": ["user.info.basic"],
    "access_token": "act.a",
    "expires_at": 4_000_000_000,
    "refresh_token": None,
    "refresh_expires_at": None,
    "sent_at": None,
}
SIGNED = b"t={now},s={signature}"
SESSION, LOGIN = b"__Host-tiktok_session=", b"__Host-tiktok_login."
FIELDS = (b"code=", b"state=", b"error=", b"error_code=", b"scopes=", b"iss=", b"error_type=", b"errCode=")
ESCAPES = (b"%", b"%00", b"%0a", b"%ff", b"%2b", b"+", b"&", b"=", b"#", b";")

ATTACKS = {
    "cookie_header": spliced(
        "cookie_header",
        SESSION,
        LOGIN,
        b"{session}",
        b"{id}",
        b"{name}",
        b"{login}",
        b"=",
        b";",
        b"; ",
        b"\n",
        b'"',
        b"\\",
        b"\xa0",
        b"\x0b",
        b"\x1c",
    ),
    "callback_query": spliced(
        "callback_query", *FIELDS, *ESCAPES, b"{state}", b"{foreign}", b"{code}", b"access_denied", b"0", b"-2"
    ),
    "login_query": spliced(
        "login_query",
        *ESCAPES,
        b"next=/",
        b"scopes=",
        b"video.list",
        b",",
        b"switch_account=1",
        b"%5c",
        b"%252f",
        b"//",
    ),
    "next_path": spliced(
        "next_path", b"/", b"\\", b"%2f", b"%25", b"..", b"\t", b"\xef\xbc\x8f", b"\xef\xbc\x85", b"?", b"#"
    ),
    "token_body": tiktok_responses("token_body", TOKEN, TOKEN, TOKEN_ERROR, {"error": API_ERROR}),
    "user_info_body": tiktok_responses(
        "user_info_body", {"data": {"user": USER}, "error": NO_ERROR}, {"data": {"user": USER}, "error": API_ERROR}
    )
    | st.builds(
        lambda user: b"200\n\n" + json.dumps({"data": {"user": user}, "error": NO_ERROR}).encode(), changed(USER)
    ),
    "webhook": spliced(
        "webhook", SIGNED, b"\n\n", b"t=", b"s=", b"0" * 64, b",", b"{now}", b"{signature}", b" ", b"\n"
    )
    | st.builds(
        lambda head, body: head + b"\n\n" + body, st.just(SIGNED), encoded(changed(EVENT)) | encoded(unexpected_json)
    ),
    "stored_record": spliced("stored_record", b"=", b"\x01", b"{elsewhere}")
    | st.sampled_from([SESSION_RECORD, TOKEN_RECORD])
    .flatmap(changed)
    .map(json.dumps)
    .map(str.encode)
    .flatmap(lambda text: st.sampled_from([text, RECORDS.compress(text), RECORDS.compress(text)[:-1]]))
    .map(b"=".__add__),
}
LARGE_SIZE = 64 * 1024  # bytes
LARGE_INPUTS = [
    ("cookie_header", SESSION + b"\\" * LARGE_SIZE),
    ("cookie_header", b"; ".join(LOGIN + b"%011d=AQ" % number for number in range(2000))),
    ("cookie_header", b"; ".join(SESSION + b"%d" % number for number in range(2000))),
    ("callback_query", b"&" * LARGE_SIZE),
    ("callback_query", b"state={state}&code=" + b"%41" * 20_000),
    ("login_query", b"next=/" + b"%25" * 20_000),
    ("login_query", b"scopes=" + b"video.list," * 5000),
    ("login_query", b"&next=/a" * 8000),
    ("token_body", b"200\n\n" + b"[" * LARGE_SIZE),
    ("token_body", b'200\n\n{"error": "x", "error_description": ' + b"[" * 900 + b"]" * 900 + b"}"),
    ("token_body", b'200\n\n{"expires_in": ' + b"9" * 60_000 + b"}"),
    ("user_info_body", b'200\n\n{"error": ' + b'{"code": ' * 900 + b"1" + b"}" * 901),
    ("webhook", SIGNED + b"\n\n" + b'{"content": "' + b"[" * 60_000 + b'"}'),
    ("webhook", SIGNED + b"," * LARGE_SIZE + b"\n\n"),
    ("webhook", SIGNED + b"\n\n" + b" " * (LARGE_SIZE + 1)),
]


@pytest.mark.parametrize("name", NAMES)
@examples(120)
@given(data=st.data())
def test_property_holds_for_generated_inputs(name: str, data: st.DataObject) -> None:
    import_module(f"fuzz.{name}").run(data.draw(ATTACKS[name]))


@pytest.mark.parametrize(("name", "data"), LARGE_INPUTS, ids=lambda value: value if isinstance(value, str) else "")
def test_property_holds_for_large_inputs(name: str, data: bytes) -> None:
    import_module(f"fuzz.{name}").run(data)

"""The data classes for users and tokens."""

import dataclasses

import pytest

from asgi_tiktok import AnonymousUser, InvalidResponse, TikTokUser, Token


def test_user_has_the_fields_of_the_response() -> None:
    user = TikTokUser._from_response({"open_id": "-000x", "display_name": "Ada ✨", "likes_count": 7, "extra": 1})

    assert (user.open_id, user.display_name, user.likes_count) == ("-000x", "Ada ✨", 7)
    assert user.username is None
    assert (user.identity, user.provider, user.is_authenticated) == ("-000x", "tiktok", True)
    assert not hasattr(user, "email")


def test_user_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TikTokUser(open_id="a").open_id = "b"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x" * 10_000, "x" * 256),
        ("two\nlines\tand a tab", "two lines and a tab"),
        ("nul\x00 bell\x07 del\x7f", "nul bell del"),
        ("\ud800alone", "alone"),
        ("👩‍👩‍👧 family", "👩‍👩‍👧 family"),
        ("<b>bold</b>", "<b>bold</b>"),
        (7, None),
        (None, None),
        (["Ada"], None),
    ],
)
def test_strings_are_cleaned_and_truncated(value: object, expected: str | None) -> None:
    assert TikTokUser._from_response({"open_id": "a", "display_name": value}).display_name == expected


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        ("https://p16.tiktokcdn.com/a.jpeg?x-expires=1&refresh_token=ab", True),
        ("http://127.0.0.1:8700/a.svg", True),
        ("javascript:alert(1)", False),
        ("data:image/svg+xml,x", False),
        ("//evil.test/x", False),
        ("", False),
        (7, False),
    ],
)
def test_link_that_is_not_http_is_dropped(link: object, kept: bool) -> None:
    user = TikTokUser._from_response({"open_id": "a", "avatar_url": link, "profile_web_link": link})

    assert (user.avatar_url == link) is kept
    assert (user.profile_web_link == link) is kept


@pytest.mark.parametrize(
    ("link", "kept"),
    [("snssdk1233://user/profile/1", True), ("https://vm.tiktok.com/x", True), (" JavaScript:x", False)],
)
def test_deep_link_may_have_the_scheme_of_an_app(link: str, kept: bool) -> None:
    user = TikTokUser._from_response({"open_id": "a", "profile_deep_link": link})

    assert (user.profile_deep_link is not None) is kept


@pytest.mark.parametrize("count", ["7", 7.5, -1, True, 2**63, None])
def test_count_that_is_not_a_whole_number_is_dropped(count: object) -> None:
    assert TikTokUser._from_response({"open_id": "a", "video_count": count}).video_count is None


@pytest.mark.parametrize("open_id", [None, "", 7, "a b", "a\n", "x" * 257, ["a"]])
def test_user_without_a_valid_open_id_is_rejected(open_id: object) -> None:
    with pytest.raises(InvalidResponse):
        TikTokUser._from_response({"open_id": open_id})


def test_dict_of_a_user_can_be_read_again() -> None:
    user = TikTokUser(open_id="a", display_name="Ada", is_verified=True, likes_count=2**40)

    assert TikTokUser._from_response(user.to_dict()) == user


def test_anonymous_user_is_not_authenticated() -> None:
    anonymous = AnonymousUser()

    assert (anonymous.is_authenticated, anonymous.open_id, anonymous.display_name, anonymous.identity) == (
        False,
        None,
        "",
        "",
    )


def test_token_repr_hides_its_secrets() -> None:
    token = Token(open_id="a", scopes=(), access_token="act.secret", refresh_token="rft.secret", expires_at=1)

    assert "secret" not in f"{token} {token!r}"

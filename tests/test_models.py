"""What is kept of what TikTok tells about a person."""

import dataclasses

import pytest

from asgi_tiktok import AnonymousUser, InvalidResponse, TikTokUser, Token


def test_a_user_is_what_tiktok_says() -> None:
    user = TikTokUser._from_response({"open_id": "-000x", "display_name": "Ada ✨", "likes_count": 7, "extra": 1})

    assert (user.open_id, user.display_name, user.likes_count) == ("-000x", "Ada ✨", 7)
    assert user.username is None
    assert (user.identity, user.provider, user.is_authenticated) == ("-000x", "tiktok", True)
    assert not hasattr(user, "email")


def test_facts_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TikTokUser(open_id="a").open_id = "b"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("told", "kept"),
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
def test_names_are_cleaned_and_cut(told: object, kept: str | None) -> None:
    assert TikTokUser._from_response({"open_id": "a", "display_name": told}).display_name == kept


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
def test_only_web_links_are_links(link: object, kept: bool) -> None:
    user = TikTokUser._from_response({"open_id": "a", "avatar_url": link, "profile_web_link": link})

    assert (user.avatar_url == link) is kept
    assert (user.profile_web_link == link) is kept


@pytest.mark.parametrize(
    ("link", "kept"),
    [("snssdk1233://user/profile/1", True), ("https://vm.tiktok.com/x", True), (" JavaScript:x", False)],
)
def test_an_app_link_may_have_a_scheme_of_its_own(link: str, kept: bool) -> None:
    user = TikTokUser._from_response({"open_id": "a", "profile_deep_link": link})

    assert (user.profile_deep_link is not None) is kept


@pytest.mark.parametrize("count", ["7", 7.5, -1, True, 2**63, None])
def test_a_count_is_a_whole_number_or_nothing(count: object) -> None:
    assert TikTokUser._from_response({"open_id": "a", "video_count": count}).video_count is None


@pytest.mark.parametrize("open_id", [None, "", 7, "a b", "a\n", "x" * 257, ["a"]])
def test_without_an_open_id_there_is_nobody(open_id: object) -> None:
    with pytest.raises(InvalidResponse):
        TikTokUser._from_response({"open_id": open_id})


def test_everything_fits_into_json_and_back() -> None:
    user = TikTokUser(open_id="a", display_name="Ada", is_verified=True, likes_count=2**40)

    assert TikTokUser._from_response(user.to_dict()) == user


def test_nobody_is_not_signed_in() -> None:
    nobody = AnonymousUser()

    assert (nobody.is_authenticated, nobody.open_id, nobody.display_name, nobody.identity) == (False, None, "", "")


def test_a_token_keeps_its_secrets_out_of_its_repr() -> None:
    token = Token(open_id="a", scopes=(), access_token="act.secret", refresh_token="rft.secret", expires_at=1)

    assert "secret" not in f"{token} {token!r}"

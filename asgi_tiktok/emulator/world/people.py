"""The people who can sign in."""

import hashlib
from dataclasses import dataclass

from asgi_tiktok.emulator.world.posting_errors import POST_ERRORS
from asgi_tiktok.emulator.world.suggestions import suggestion

__all__ = ["CAST", "Person"]


@dataclass(frozen=True, kw_only=True)
class Person:
    """A TikTok account.

    Attributes:
        open_id (str): The account's id. Required.
        display_name (str): The name on pages and in user info. Required.
        union_id (str): The account's id across the apps of one developer. Default: derived from `open_id`.
        avatar_url, avatar_url_100, avatar_large_url (str): Picture URLs. Default: pictures drawn by the emulator.
        username, bio_description, profile_deep_link, profile_web_link (str): Fields of user info. Default: empty.
        is_verified (bool): Whether the account has the verification badge. Default: False.
        follower_count, following_count, likes_count (int): Fields of user info. Default: 0.
        video_count (int): The number of public videos; at most 45 of them are listed. Default: 0.
        sandbox_target (bool): Whether the account may sign in to sandbox apps. Default: True.
        banned (bool): Whether TikTok refuses to sign the account in. Default: False.
        disconnects (bool): Whether the account removes the app after the first user info. Default: False.
        private_account (bool): Whether only followers see the account. Default: False.
        post_error (str): The code with which TikTok refuses the account's posts, or the `fail_reason` with which
            they fail. Default: empty, posts succeed.
        note (str): The line below the name on the consent page. Default: the username.

    Raises:
        ValueError: `open_id` or `display_name` is empty, or `post_error` is unknown.
    """

    open_id: str
    display_name: str
    union_id: str = ""
    avatar_url: str = ""
    avatar_url_100: str = ""
    avatar_large_url: str = ""
    username: str = ""
    bio_description: str = ""
    profile_deep_link: str = ""
    profile_web_link: str = ""
    is_verified: bool = False
    follower_count: int = 0
    following_count: int = 0
    likes_count: int = 0
    video_count: int = 0
    sandbox_target: bool = True
    banned: bool = False
    disconnects: bool = False
    private_account: bool = False
    post_error: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if not self.open_id or not self.display_name:
            raise ValueError("A person needs an open_id and a display_name.")
        if self.post_error and self.post_error not in POST_ERRORS:
            raise ValueError(f"post_error={self.post_error!r} is unknown; {suggestion(self.post_error, POST_ERRORS)}")
        if not self.union_id:
            object.__setattr__(self, "union_id", hashlib.sha256(self.open_id.encode()).hexdigest()[:36])


CAST = (
    Person(
        open_id="5f0c7a52-8d1e-4b39-a6c4-2e9b7f10d3a8",
        union_id="c1d84e07-39a5-4f62-b8e0-71f5a2c96d43",
        display_name="Amara Sol",
        username="amara.sol.clay",
        bio_description="Small kiln, big plans. New bowls on Sundays.",
        profile_deep_link="https://vm.tiktok.com/ZMemulated1/",
        profile_web_link="https://www.tiktok.com/@amara.sol.clay",
        follower_count=18_432,
        following_count=311,
        likes_count=260_917,
        video_count=148,
        note="Every field is filled in",
    ),
    Person(
        open_id="_000kq7PzR2vWmX9sTfLbYhNcJdGaE4uQ81o",
        union_id="9a3e6b15-0c7d-4e28-9f41-b5d820e7ac36",
        display_name="Jun",
        note="Only the basics: empty bio, no counts",
    ),
    Person(
        open_id="e27d9b40-61fc-4a8d-93b7-0d5c8e4f2a19",
        union_id="47b0f9d2-8e13-4c5a-a67f-2c9e1d80b354",
        display_name='Zoë "Zip" <b>Quill</b> & Co ✨🎨',
        username="zipquill",
        bio_description='Ink & paper 🖋️\n"Draw first, ask later" <3',
        profile_deep_link="https://vm.tiktok.com/ZMemulated3/",
        profile_web_link="https://www.tiktok.com/@zipquill",
        is_verified=True,
        follower_count=4_700_000_000,
        following_count=12,
        likes_count=91_000_000_000,
        video_count=2_204,
        note="Verified; emoji, quotes and HTML in the name",
    ),
    Person(
        open_id="-000xT5bVnR8wKpZ3mQyLsHcDfJgA7eUi26r",
        union_id="0d6f3c81-5b92-47ea-8c1d-e93a47f6b205",
        display_name="Tomás Brook",
        username="tomas.by.the.brook",
        bio_description="Slow walks, fast rivers.",
        profile_deep_link="https://vm.tiktok.com/ZMemulated4/",
        profile_web_link="https://www.tiktok.com/@tomas.by.the.brook",
        follower_count=97,
        following_count=240,
        likes_count=1_205,
        video_count=9,
        note="The open_id starts with a dash",
    ),
    Person(
        open_id="b81e4f6d-2a07-4c93-8d5e-f603a9c7124b",
        union_id="f2a95d70-c46b-4813-9e02-6b8d1f35ea97",
        display_name="ليلى النجار",
        username="layla.woodshop",
        bio_description="من الخشب إلى البيت",
        profile_deep_link="https://vm.tiktok.com/ZMemulated5/",
        profile_web_link="https://www.tiktok.com/@layla.woodshop",
        follower_count=2_310,
        following_count=186,
        likes_count=14_066,
        video_count=57,
        note="A right-to-left name",
    ),
    Person(
        open_id="3c95a0e8-7fb1-4d26-b04a-9e81d7c2f560",
        union_id="685ed1b3-a90f-4f7c-82d4-17c0e6b9fa2d",
        display_name="Noor Vale",
        username="noor.vale",
        sandbox_target=False,
        note="Not a target user: cannot sign in to sandbox apps",
    ),
    Person(
        open_id="90d2b6c4-1e58-4f7a-a3c9-5b70e8f1d264",
        union_id="2be70f95-6a13-48dc-9f04-d81c5e3a7b69",
        display_name="Rex Hollow",
        username="rex.hollow",
        banned=True,
        note="Banned: cannot sign in",
    ),
    Person(
        open_id="_000hQ2mYtW6xKzR9dLvBpSfNcJgEaU4i78s",
        union_id="5c19e8a7-d046-4b3f-82e5-07f6a9c1b38d",
        display_name="Ivy Marsh",
        username="ivy.marsh",
        bio_description="Here today.",
        follower_count=12,
        following_count=40,
        likes_count=88,
        video_count=2,
        disconnects=True,
        note="Removes the app right after signing in",
    ),
)

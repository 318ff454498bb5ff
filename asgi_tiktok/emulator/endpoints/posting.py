"""The endpoints with which an app posts for a person (Content Posting API)."""

import secrets
from collections.abc import Mapping
from urllib.parse import urlencode

from asgi_tiktok.emulator.endpoints.post_request import PostRequest, read_photos, read_publish_id, read_video
from asgi_tiktok.emulator.endpoints.resource_request import ResourceData, ResourceRequest, not_authorized
from asgi_tiktok.emulator.pages.avatars import AVATAR_SIZES, avatar_url
from asgi_tiktok.emulator.world.apps import App
from asgi_tiktok.emulator.world.errors import APIError
from asgi_tiktok.emulator.world.grants import Grants, IssuedToken
from asgi_tiktok.emulator.world.knobs import Knobs
from asgi_tiktok.emulator.world.people import Person
from asgi_tiktok.emulator.world.posting_errors import FAIL_REASONS, invalid_param, refusal
from asgi_tiktok.emulator.world.posts import PUBLIC, Post, Posts
from asgi_tiktok.emulator.world.rate_limits import RateLimits
from asgi_tiktok.emulator.world.scopes import VIDEO_PUBLISH, VIDEO_UPLOAD
from asgi_tiktok.emulator.world.uploads import Chunk, Upload

__all__ = ["Posting"]

UPLOAD_PATH = "/video/"
PRIVATE = "SELF_ONLY"
PRIVACY_LEVELS = {
    False: (PUBLIC, "MUTUAL_FOLLOW_FRIENDS", PRIVATE),
    True: ("FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", PRIVATE),
}
MAX_SECONDS = 600  # of a video
MAX_USERS = 5  # of an unaudited app, in 24 hours
# TikTok says "typically around 15", counted over all apps.
MAX_POSTS = 15
MAX_DRAFTS = 5


class Posting:
    """Answers the requests of the Content Posting API, and receives uploads."""

    def __init__(
        self, apps: Mapping[str, App], people: Mapping[str, Person], grants: Grants, posts: Posts, knobs: Knobs
    ) -> None:
        self._apps = apps
        self._people = people
        self._grants = grants
        self._posts = posts
        self._knobs = knobs
        self._limits = RateLimits(grants.clock)

    def clear(self) -> None:
        """Forget the requests of the last minute."""
        self._limits.clear()

    def handle_creator_info(self, request: ResourceRequest) -> ResourceData:
        """Return what the person may post. Unlike init, it reports a limit of the person with status 200."""
        token = self._token(request, "creator_info", VIDEO_PUBLISH)
        person = self._people[token.grant.open_id]
        self._check_limits(token, PostRequest(draft=False, photos=False), status=200)
        now = self._grants.clock()
        return {
            "creator_avatar_url": person.avatar_url
            or avatar_url(request.origin, person, AVATAR_SIZES["avatar_url"], now),
            "creator_username": person.username,
            "creator_nickname": person.display_name,
            "privacy_level_options": [*PRIVACY_LEVELS[person.private_account]],
            "comment_disabled": False,
            "duet_disabled": person.private_account,
            "stitch_disabled": person.private_account,
            "max_video_post_duration_sec": MAX_SECONDS,
        }

    def handle_video_init(self, request: ResourceRequest) -> ResourceData:
        """Begin a post that TikTok publishes."""
        token = self._token(request, "video_init", VIDEO_PUBLISH)
        return self._begin(token, read_video(request.json(invalid_param), draft=False), request.origin)

    def handle_inbox_video_init(self, request: ResourceRequest) -> ResourceData:
        """Begin a draft that the person publishes."""
        token = self._token(request, "inbox_video_init", VIDEO_UPLOAD)
        return self._begin(token, read_video(request.json(invalid_param), draft=True), request.origin)

    def handle_content_init(self, request: ResourceRequest) -> ResourceData:
        """Begin a post or a draft of photos, which TikTok downloads."""
        token = self._token(request, "content_init", VIDEO_PUBLISH, VIDEO_UPLOAD)
        wanted = read_photos(request.json(invalid_param))
        self._check_scope(request, token, VIDEO_UPLOAD if wanted.draft else VIDEO_PUBLISH)
        return self._begin(token, wanted, request.origin)

    def handle_status_fetch(self, request: ResourceRequest) -> ResourceData:
        """Return the status of a post."""
        token = self._token(request, "status_fetch", VIDEO_PUBLISH, VIDEO_UPLOAD)
        post = self._post(token, read_publish_id(request.json(invalid_param)))
        moment = post.moment(self._grants.clock())
        return {
            "status": moment.status,
            **({"fail_reason": moment.fail_reason} if moment.fail_reason else {}),
            # This is TikTok's spelling.
            "publicaly_available_post_id": [moment.post_id] if moment.is_public else [],
            **({"uploaded_bytes": post.upload.uploaded} if post.upload else {}),
        }

    def handle_cancel(self, request: ResourceRequest) -> ResourceData:
        """Cancel a post whose media TikTok is downloading."""
        token = self._token(request, "publish_cancel", VIDEO_PUBLISH, VIDEO_UPLOAD)
        post = self._post(token, read_publish_id(request.json(invalid_param)))
        if post.moment(self._grants.clock()).status != "PROCESSING_DOWNLOAD":
            raise refusal("publish_not_cancellable")
        self._posts.fail(post.publish_id, "publish_cancelled")
        return {}

    def find_upload(self, query: Mapping[str, str]) -> Upload | None:
        """Return the upload whose URL has this query, or None."""
        for post in self._posts:
            upload = post.upload
            if upload and upload.query == {name: query.get(name) for name in upload.query}:
                return upload
        return None

    def receive(self, upload: Upload | None, chunk: Chunk) -> int:
        """Record a chunk of an upload, and return the status of the response. The last chunk starts the processing.

        Raises:
            APIError: TikTok would refuse the chunk. Nothing is recorded.
        """
        now = self._grants.clock()
        post = next((post for post in self._posts if upload and post.upload is upload), None)
        if post is None or upload is None or post.moment(now).status == "FAILED":
            fix = (
                "Send chunks to the whole upload_url of the init response, with its query, until the post has failed."
            )
            raise APIError("upload_not_found", "There is no upload task for this URL.", fix, status=404)
        upload.receive(chunk, now)
        if not upload.complete:
            return 206
        self._posts.process(post)
        return 201

    def _token(self, request: ResourceRequest, endpoint: str, *scopes: str) -> IssuedToken:
        """Return the valid token, which must have one of the scopes, and count the request."""
        token = request.access_token(self._grants)
        self._check_scope(request, token, *scopes)
        self._limits.count(endpoint, request.authorization)
        return token

    def _check_scope(self, request: ResourceRequest, token: IssuedToken, *scopes: str) -> None:
        if not set(scopes).intersection(token.scopes):
            fix = f"Not granted: {' or '.join(scopes)}; request this scope at the login."
            raise not_authorized(fix, request.scope_error)

    def _post(self, token: IssuedToken, publish_id: str) -> Post:
        post = self._posts.get(publish_id)
        if post is None:
            raise refusal("invalid_publish_id")
        if (post.grant.client_key, post.grant.open_id) != (token.grant.client_key, token.grant.open_id):
            raise refusal("token_not_authorized_for_specified_publish_id")
        return post

    def _begin(self, token: IssuedToken, wanted: PostRequest, origin: str) -> ResourceData:
        app, person = self._apps[token.grant.client_key], self._people[token.grant.open_id]
        if not wanted.draft:
            self._check_privacy(person, wanted.privacy_level)
        self._check_limits(token, wanted)
        if not all(app.owns(url) for url in wanted.urls):
            raise refusal("url_ownership_unverified")
        now = self._grants.clock()
        publish_id = f"{wanted.publish_id_prefix}{secrets.randbits(63)}"
        upload = Upload(wanted.plan, now) if wanted.plan else None
        # A person publishes a draft as widely as the account allows.
        privacy_level = PRIVACY_LEVELS[person.private_account][0] if wanted.draft else wanted.privacy_level
        fail_reason = person.post_error if person.post_error in FAIL_REASONS else ""
        self._posts.add(
            Post(publish_id, token.grant, wanted.draft, now, privacy_level, wanted.title, upload, fail_reason)
        )
        if upload is None:
            return {"publish_id": publish_id}
        return {"publish_id": publish_id, "upload_url": f"{origin}{UPLOAD_PATH}?{urlencode(upload.query)}"}

    def _check_privacy(self, person: Person, privacy_level: str) -> None:
        if privacy_level not in PRIVACY_LEVELS[person.private_account]:
            raise refusal("privacy_level_option_mismatch")
        if self._knobs.audited:
            return
        code = "unaudited_client_can_only_post_to_private_accounts"
        if privacy_level != PRIVATE:
            raise refusal(code)
        if self._knobs.unaudited_accounts == "private" and not person.private_account:
            raise refusal(code, fix="The user must make the account private in TikTok, or the app needs an audit.")

    def _check_limits(self, token: IssuedToken, wanted: PostRequest, status: int | None = None) -> None:
        """Raise the error for a limit that the person or the app has reached."""
        open_id = token.grant.open_id
        reached = {"spam_risk_user_banned_from_posting": False}
        if wanted.draft:
            reached["spam_risk_too_many_pending_share"] = self._posts.pending_drafts(open_id) >= MAX_DRAFTS
        else:
            reached["spam_risk_too_many_posts"] = self._posts.count_today(open_id) >= MAX_POSTS
            reached["reached_active_user_cap"] = self._is_over_user_cap(token)
        if wanted.draft and wanted.photos:
            reached["app_version_check_failed"] = False
        for code, is_reached in reached.items():
            if is_reached or self._people[open_id].post_error == code:
                raise refusal(code, status)

    def _is_over_user_cap(self, token: IssuedToken) -> bool:
        users = self._posts.users_today(token.grant.client_key)
        return not self._knobs.audited and token.grant.open_id not in users and len(users) >= MAX_USERS

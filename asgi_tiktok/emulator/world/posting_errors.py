"""The errors of the Content Posting API, and the reasons for which a post fails later."""

from asgi_tiktok.emulator.world.errors import APIError

__all__ = ["FAIL_REASONS", "POST_ERRORS", "invalid_param", "refusal"]

REFUSALS = {
    "spam_risk_too_many_posts": (
        403,
        "The user has made too many posts through the API today.",
        "Try again tomorrow.",
    ),
    "spam_risk_user_banned_from_posting": (403, "The user is banned from making posts.", "Do not try again."),
    "spam_risk_too_many_pending_share": (
        403,
        "The user has too many drafts in the inbox.",
        "At most five drafts of 24 hours may wait. Ask the user to publish or delete some in TikTok.",
    ),
    "app_version_check_failed": (
        400,
        "The user's TikTok app is too old for photo drafts.",
        "Ask the user to update the TikTok app, at least to version 31.8.",
    ),
    "reached_active_user_cap": (
        403,
        "The app has posted for too many users today.",
        "An unaudited app may post for five users in 24 hours. Apply for an audit, or wait.",
    ),
    "unaudited_client_can_only_post_to_private_accounts": (
        403,
        "The app is not audited, so its posts must be private.",
        "Send privacy_level SELF_ONLY, or apply for an audit (in the emulator: Emulator(audited=True)).",
    ),
    "privacy_level_option_mismatch": (
        403,
        "The privacy level is missing or not available to the user.",
        "Send as privacy_level one of the privacy_level_options that creator_info/query returned.",
    ),
    "url_ownership_unverified": (
        403,
        "The app has not verified that it owns the URL.",
        "Use https, and verify the domain or URL prefix (in the emulator: App(url_properties=(…,))).",
    ),
    "invalid_publish_id": (
        400,
        "The publish_id does not exist.",
        "Send the publish_id that the init request returned.",
    ),
    "token_not_authorized_for_specified_publish_id": (
        400,
        "The access token does not belong to the post.",
        "Send the access token of the user for whom this app made the post.",
    ),
    "publish_not_cancellable": (
        400,
        "The post cannot be cancelled any more.",
        "Only a post whose media TikTok is still downloading can be cancelled.",
    ),
}
FAIL_REASONS = (
    *("file_format_check_failed", "duration_check_failed", "frame_rate_check_failed", "picture_size_check_failed"),
    *("internal", "video_pull_failed", "photo_pull_failed", "publish_cancelled", "auth_removed"),
    *("spam_risk_too_many_posts", "spam_risk_user_banned_from_posting", "spam_risk_text", "spam_risk"),
)
POST_ERRORS = tuple(dict.fromkeys((*tuple(REFUSALS)[:5], *FAIL_REASONS)))
"""The values of `Person.post_error`: the errors that depend on the account, and the reasons."""


def invalid_param(description: str, fix: str) -> APIError:
    """Return the error for an invalid value. Unlike the other APIs, this one spells it in the singular."""
    return APIError("invalid_param", description, fix, status=400)


def refusal(code: str, status: int | None = None, fix: str | None = None) -> APIError:
    """Return the error for a valid request that a rule of TikTok forbids."""
    usual_status, description, usual_fix = REFUSALS[code]
    return APIError(code, description, fix or usual_fix, status=status or usual_status)

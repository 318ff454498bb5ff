"""The texts for visitors: short, common words for people who have never heard of OAuth."""

from typing import NamedTuple

from asgi_tiktok.errors import LoginRefused, TikTokError, Unavailable


class Message(NamedTuple):
    """The text of one page. Without `button`, the page has no link to the login."""

    title: str
    text: str
    button: str = "Start again with TikTok"


EXPIRED = Message("This took too long", "Please finish the sign-in within ten minutes. Start again.")
INCOMPLETE = Message("The sign-in did not work", "Nothing has changed. You can start again.")
TIKTOK_UNAVAILABLE = Message("TikTok cannot be reached", "Please try again in a moment.")
SITE_UNAVAILABLE = Message(
    "This site is having a problem right now", "Nothing is lost. Please try again in a moment."
)
NO_PROFILE = Message("We could not load your TikTok profile", "Please try again.")
MISCONFIGURED = Message(
    "Sign-in does not work on this site",
    "This is not your fault. The people who run the site can find the cause in their log.",
)

NOT_ALLOWED = Message("TikTok did not let you sign in", "TikTok does not allow this for your account.", "")

MESSAGES = {
    "no_cookie": Message("Your browser did not keep this sign-in", "Allow cookies for this site, and start again."),
    "other_browser": Message(
        "This sign-in began in another browser", "Start again in the browser in which you want to be signed in."
    ),
    "other_address": Message(
        "This sign-in began at another address", "This site has more than one address. Start again from here."
    ),
    "expired": EXPIRED,
    "invalid_grant": EXPIRED,
    "already_used": Message("This sign-in is already complete", "If you are not signed in, start again."),
    "too_many": Message("Too many sign-ins at once", "Close the other sign-in pages, and start again."),
    "key_gone": Message("This sign-in cannot be finished", "The site changed while you were at TikTok. Start again."),
    "invalid_callback": INCOMPLETE,
    "server_error": TIKTOK_UNAVAILABLE,
    "temporarily_unavailable": TIKTOK_UNAVAILABLE,
    "2100004": TIKTOK_UNAVAILABLE,
    "2100009": NOT_ALLOWED,
    "6007062": NOT_ALLOWED,
    "never_begun": Message("This sign-in did not begin here", "If you want to sign in, start here."),
    "access_denied": Message("You cancelled the sign-in", "Nothing was shared with this site."),
    "non_sandbox_target": Message(
        "This account cannot sign in yet",
        "The app is still being tested, and this account is not one of its testers.",
    ),
    "login_denied": Message(
        "You cannot sign in here", "This site did not accept your account. Ask the people who run it.", ""
    ),
    "login_required": Message("Please sign in", "This page is for signed-in users.", "Continue with TikTok"),
    "unclear_path": Message("Please sign in", "This page is for signed-in users.", "Continue with TikTok"),
    "scope_required": Message(
        "This page needs one more permission", "TikTok will ask you for it.", "Continue with TikTok"
    ),
    "store_unavailable": SITE_UNAVAILABLE,
    "access_token_invalid": NO_PROFILE,
    "scope_not_authorized": NO_PROFILE,
    "connect_link": Message(
        "This link no longer works", "It works for ten minutes, and only on this site. Go back to the site.", ""
    ),
    "other_user": Message(
        "This TikTok account was not connected",
        "Another user of this site began to connect it. Go back to the site, and begin there.",
        "",
    ),
    "already_connected": Message(
        "This TikTok account is already connected",
        "It belongs to another user of this site. Please choose another account.",
        "",
    ),
    "foreign_origin": Message(
        "This request came from another site", "For your safety, nothing was done. Please use this site directly.", ""
    ),
    "method_not_allowed": Message(
        "There is no page here", "This address is a part of signing in. Go back to the site.", ""
    ),
    "unsafe_mount": Message("There is no page here", "Check the address, or go back to the site.", ""),
    "busy": Message("Many people are signing in right now", "Please reload this page in a moment."),
    "undeclared_scope": Message(
        "This link asks for too much", "This site may not ask TikTok for that permission.", "Sign in without it"
    ),
}


def message_for(error: TikTokError) -> Message:
    """Return the message for an error, by its code."""
    # Any word of TikTok can be the code of an outage.
    if isinstance(error, Unavailable):
        return TIKTOK_UNAVAILABLE
    if isinstance(error, LoginRefused):
        return MESSAGES.get(error.code, INCOMPLETE)
    return MESSAGES.get(error.code) or (TIKTOK_UNAVAILABLE if error.status_code in (502, 503, 504) else MISCONFIGURED)

"""What visitors are told: plain words for people who have never heard of OAuth."""

from typing import NamedTuple

from asgi_tiktok.errors import TikTokError

AGAIN = "Start again with TikTok"


class Words(NamedTuple):
    title: str
    text: str
    button: str = AGAIN


WORDS = {
    "no_cookie": Words(
        "Your browser lost track of this sign-in",
        "The cookie that this sign-in began with did not come back. Cookies may be blocked, or you came here from "
        "another browser or app. Allow cookies for this site, and start again here.",
    ),
    "other_browser": Words(
        "This sign-in began in another browser",
        "Apps often open links in a browser of their own. Start again here, in the browser in which you want to be "
        "signed in.",
    ),
    "other_address": Words(
        "This sign-in began at another address",
        "The site has more than one address, and you came back to a different one than you left from. Start again "
        "from here, and it will work.",
    ),
    "expired": Words("That took a little long", "A sign-in has to be finished within ten minutes. Just start again."),
    "already_used": Words(
        "This sign-in is finished already",
        "Each sign-in works once. If you are not signed in, start again.",
    ),
    "too_many": Words(
        "Too many sign-ins at once",
        "More sign-ins were open in this browser than it can keep apart, and this one had to go. Start again.",
    ),
    "key_gone": Words(
        "This sign-in cannot be finished",
        "The site was changed while you were at TikTok. Start again, and it will work.",
    ),
    "never_begun": Words(
        "This sign-in did not begin here",
        "Nothing has happened to your account. If you wanted to sign in, start from here.",
    ),
    "invalid_callback": Words(
        "The sign-in did not complete",
        "What came back from TikTok was not complete. Nothing has changed; you can start again.",
    ),
    "access_denied": Words(
        "You cancelled the sign-in",
        "Nothing was shared with this site. You can sign in whenever you like.",
    ),
    "non_sandbox_target": Words(
        "This account cannot sign in yet",
        "The app is still being tested, and this TikTok account is not among its testers.",
    ),
    "login_refused": Words("TikTok did not let this sign-in through", "You can try again, or come back later."),
    "temporarily_unavailable": Words("TikTok is busy", "TikTok could not finish the sign-in. Please try again."),
    "login_denied": Words("You cannot sign in here", "This site did not accept the account.", ""),
    "login_required": Words("Please sign in", "This page is for people who are signed in.", "Continue with TikTok"),
    "scope_required": Words(
        "This page needs one more permission",
        "You are signed in, but have not shared with this site what this page is about. TikTok asks you for it.",
        "Continue with TikTok",
    ),
    "invalid_grant": Words("That took a little long", "TikTok's answer has expired. Just start again."),
    "timeout": Words("TikTok does not answer", "It took too long to reach TikTok. Please try again in a moment."),
    "rate_limit_exceeded": Words("TikTok is busy", "Too many people are signing in. Try again in a minute."),
    "invalid_response": Words(
        "TikTok's answer made no sense",
        "Something between this site and TikTok is out of order. Please try again in a moment.",
    ),
    "access_token_invalid": Words(
        "TikTok did not say who you are", "The sign-in was accepted and then forgotten. Please try again."
    ),
    "scope_not_authorized": Words(
        "TikTok did not say who you are", "What was agreed to and what was asked for do not fit. Please try again."
    ),
    "store_unavailable": Words(
        "That did not work just now",
        "The site cannot reach its memory at the moment. Nothing is lost; please try again in a moment.",
    ),
    "foreign_origin": Words("That request came from elsewhere", "To sign out, use the button on this site.", ""),
    "method_not_allowed": Words("There is nothing here", "This address is part of signing in.", ""),
    "undeclared_scope": Words(
        "That cannot be asked for", "The link asked TikTok for more than this site may ask for.", "Sign in without it"
    ),
}
UNAVAILABLE = Words("TikTok cannot be reached", "Something went wrong on the way. Please try again in a moment.")
BROKEN = Words(
    "The sign-in is out of order",
    "This is a mistake in how the site is set up, not yours. Those who run it find the cause in their log.",
)


def words_for(error: TikTokError) -> Words:
    """The words for an error, by its code."""
    return WORDS.get(error.code) or (UNAVAILABLE if error.status_code in (502, 503) else BROKEN)

"""The texts for visitors who connect a TikTok account, where those for a sign-in do not fit."""

from asgi_tiktok.errors import TikTokError
from asgi_tiktok.routes.messages import EXPIRED, INCOMPLETE, MESSAGES, NOT_ALLOWED, Message, message_for

BUTTON = "Connect TikTok"

INSTEAD = {
    MESSAGES["access_denied"]: Message("You did not connect TikTok", "Nothing was shared with this site.", BUTTON),
    MESSAGES["non_sandbox_target"]: Message(
        "This account cannot be connected yet",
        "The app is still being tested, and this account is not one of its testers.",
        BUTTON,
    ),
    NOT_ALLOWED: Message("TikTok did not let you connect", "TikTok does not allow this for your account.", ""),
    EXPIRED: Message("This took too long", "Please connect TikTok within ten minutes. Start again.", BUTTON),
    INCOMPLETE: Message("TikTok was not connected", "Nothing has changed. You can start again.", BUTTON),
}


def connect_message_for(error: TikTokError) -> Message:
    """Return the message for an error, by its code."""
    message = message_for(error)
    return INSTEAD.get(message, message)

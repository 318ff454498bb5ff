"""The text that the records of sessions and tokens share, so that they can be compressed.

Source of the links: pictures on TikTok's servers, 2024 to 2026. Each of the three links has its own signature, so it
cannot be derived from another one.
"""

from asgi_tiktok.crypto.compression import Dictionary

PICTURES = (("avatar_url", 168), ("avatar_url_100", 100), ("avatar_large_url", 1080))
TOKENS = (
    '{"format":1,"consents":[{"token":{"open_id":"","scopes":["user.info.basic"],"access_token":"act.","expires_at":1,'
    '"refresh_token":"rft.","refresh_expires_at":1},"consented_at":1,"issued_at":1,"sent_at":null,"retry_at":null}]}'
)
RARE_FIELDS = (
    '","username":"","bio_description":"","profile_deep_link":"https://vm.tiktok.com/",'
    '"profile_web_link":"https://www.tiktok.com/@","is_verified":false,"follower_count":,"following_count":,'
    '"likes_count":,"video_count":},"scopes":["user.info.basic","user.info.profile","user.info.stats","video.list"],'
)
RARE_LINKS = (
    "https://p19-common-sign.tiktokcdn-us.com/tos-useast5-avt-0068-tx/"
    "https://p16-sign-sg.tiktokcdn.com/tos-alisg-avt-0068/"
    "https://p16-sign-useast2a.tiktokcdn.com/tos-useast2a-avt-0068-euttp/"
    "~c5_168x168.jpeg?~c5_720x720.webp?lk3s=a5d48078&nonce=&refresh_token="
)
USER = '{"format":1,"user":{"open_id":"","union_id":"","display_name":"' + "".join(
    f'","{name}":"https://p16-sign-va.tiktokcdn.com/tos-maliva-avt-0068/~tplv-tiktokx-cropcenter:{size}:{size}.jpeg?'
    "dr=14579&refresh_token=&x-expires=1&x-signature=%3D&t=4d5b0474&ps=13740610&shp=a5d48078&shcp=81f88b70&idc="
    for name, size in PICTURES
)
BROWSERS = "Safari on iPhoneOpera on iPadSamsung Internet on LinuxEdge on macOSFirefox on WindowsChrome on Android"
SESSIONS = '"},"scopes":["user.info.basic"],"data":{"browser":"' + BROWSERS + '"},"created_at":1,"seen_at":1'

RECORDS = Dictionary(1, (TOKENS + RARE_FIELDS + RARE_LINKS + USER + SESSIONS).encode("ascii"))

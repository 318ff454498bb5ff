"""The locales that exist: a check for the keys of `TikTok(messages=...)`."""

import re

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.texts.locales import canonical

# ISO 639-1
LANGUAGES = """
aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en
eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja
jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb
nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq
sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
"""
# ISO 3166-1
REGIONS = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO
FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE
JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO
MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW
PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM
TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW
"""
MISTAKES = {"cn": "zh", "cz": "cs", "dk": "da", "gr": "el", "iw": "he", "jp": "ja", "ua": "uk"} | {
    # A language that has a code of two letters must have no other (RFC 5646 §2.2.1).
    "ara": "ar",
    "deu": "de",
    "eng": "en",
    "fra": "fr",
    "jpn": "ja",
    "por": "pt",
    "spa": "es",
}
# RFC 5646 §2.1, without extensions and private subtags.
LOCALE = re.compile(
    r"([a-z]{2,3})(?:-[a-z]{4})?(?:-([a-z]{2}|[0-9]{3}))?(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))?", re.IGNORECASE
)


def check_locale(tag: object) -> str:
    """Return the locale as it is usually written, if it exists."""
    fix = "Write a language tag like 'de' or 'pt-BR' (BCP 47)."
    if isinstance(tag, str):
        if exists(tag):
            return canonical(tag)
        if exists(similar := corrected(tag)):
            fix = f"Write {similar!r}."
    raise ConfigurationError(f"messages has the locale {tag!r}, which does not exist.", hint=fix)


def exists(tag: str) -> bool:
    found = LOCALE.fullmatch(tag)
    if found is None or found[1].lower() in MISTAKES:
        return False
    language, region = found[1].lower(), (found[2] or "").upper()
    # There are thousands of languages of three letters, so these are not checked.
    return (len(language) == 3 or language in LANGUAGES.split()) and (len(region) != 2 or region in REGIONS.split())


def corrected(tag: str) -> str:
    language, *subtags = canonical(tag.replace("_", "-")).split("-")
    return "-".join((MISTAKES.get(language, language), *("GB" if each == "UK" else each for each in subtags)))

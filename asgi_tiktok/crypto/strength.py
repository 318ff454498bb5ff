"""How many bits of a secret an attacker must guess, estimated from the cheapest way to describe it.

An attacker tries words, repetitions and sequences before random strings. The estimate cuts the secret into such
pieces, and adds the bits of each. A piece that reads like words counts less the better it fits, down to one bit per
character (Shannon, Prediction and Entropy of Printed English, 1951). Random strings keep their bits, because no code
makes more than a few of them shorter (Kraft's inequality).
"""

import math
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

MAX_EXAMINED = 128  # characters; the time grows with the square of their number
PATTERN_BITS = 4  # for the kind of a pattern
COMMON_WORD_BITS = 9
WORDS_COST = 12  # bits that other words must save before they count less than random characters
CONFIDENCE = 6  # bits that count less for each further bit that is saved
CAPITAL_COST = 2  # bits, for a capital letter at the start of a word
CASE_COST = 4  # bits, for a change to or from capital letters inside a word
LEET_COST = 5  # bits, for a digit or sign that replaces a letter

LEET = str.maketrans("013457@$!", "oieastasi")
KEYBOARD = (
    "1234567890-= qwertyuiop asdfghjkl zxcvbnm !@#$%^&*()_+ abcdefghijklmnopqrstuvwxyz 0123456789abcdef "
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/ qazwsxedcrfvtgbyhnujmikolp"
)
NEIGHBOURS = {
    pair for line in KEYBOARD.split() for text in (line, line[::-1]) for pair in map("".join, pairwise(text))
}

COMMON_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
access account admin api app application asgi auth authentication backend change company cookie database
default demo dev developer development django docker dummy encryption enter environment example fake fastapi
final flask for generate hash here insecure insert jwt key keys letmein litestar local localhost login long
master my myapp name new not oauth only pass passphrase password phrase please private prod production project
public put python quart random really replace root safe salt sample secret secrets secure security server
service session share sign signature signing site stage staging starlette store string strong super temp test
testing the this tiktok token use user value very web website welcome with your
""",
    )
)
MAX_COMMON_WORD = max(map(len, COMMON_WORDS))

# The cost in bits, as a hexadecimal digit, of the letter in the column after the letter in the row. The first row and
# column are the start and the end of a word. Counted in English, ten other European languages and common passwords.
LETTERS = " abcdefghijklmnopqrstuvwxyz"
LETTER_COSTS = """\
f44444555566545547434555877
365447657586353859343667867
435553687368377489457489959
437563793484588289574589977
236652678378677489558588867
356545668687453767335767677
336563477398588389476488969
247872755398575489457498978
327882787377676389574598979
456454558976452468544869786
428752887565776378748387777
337773777386566479644587969
337753778387378379955579949
425872889389757349858579969
248544637486785579843679968
376557768676442559345455778
438873876498468349364589869
458879979899598884789194899
337652768396656479545578967
248573785496677558843587978
338682784398678479455597958
545554758586443759333688887
537781788299888499678699979
337773884388684378547885958
257474797399779739563798547
146565668677565549645687968
337772978386665488876596644""".splitlines()

Piece = tuple[int, float]
"""The number of characters, and the bits that an attacker must guess."""


def estimate_bits(secret: str) -> float:
    """Return about how many bits of the secret an attacker must guess. The rest follows from patterns and words."""
    examined = secret[:MAX_EXAMINED]
    if examined == examined.upper():
        examined = examined.lower()
    return min(map(cheapest, (examined, examined[::-1], examined[::2] + examined[1::2])))


def cheapest(text: str) -> float:
    """Return the bits of the cheapest description, found from left to right (dynamic programming)."""
    signs = set(re.findall(r"[^A-Za-z0-9]", text))
    char_bits = math.log2(max(alphabet_size(text) + len(signs), 2))
    sign_bits = math.log2(max(len(signs), 1))
    best = [0.0] + [math.inf] * len(text)
    for start in range(len(text)):
        for length, bits in pieces(text, start, char_bits, sign_bits):
            best[start + length] = min(best[start + length], best[start] + bits)
    return best[-1]


def alphabet_size(text: str) -> int:
    """Return the number of letters and digits from which those of the text may have been chosen at random."""
    if not re.search("[g-zA-Z]", text):
        return 16
    sizes = {"[a-z]": 26, "[A-Z]": 26, "[0-9]": 10}
    return sum(size for kind, size in sizes.items() if re.search(kind, text))


def pieces(text: str, start: int, char_bits: float, sign_bits: float) -> Iterator[Piece]:
    """Iterate over the pieces that begin at this position."""
    yield 1, char_bits
    yield from copies(text.lower(), start)
    yield from numbers(text, start)
    yield from sequences(text, start, char_bits)
    yield from common_words(text, start, sign_bits)
    yield from words(text, start, char_bits, sign_bits)


def copies(text: str, start: int) -> Iterator[Piece]:
    """What has occurred before."""
    length = 3
    while start + length <= len(text) and text.find(text[start : start + length], 0, start + length - 1) >= 0:
        yield length, PATTERN_BITS + math.log2(start) + 2 * math.log2(length)
        length += 1


def numbers(text: str, start: int) -> Iterator[Piece]:
    """Decimal digits, for example of a date, and the character that follows them."""
    digits = re.compile("[0-9]+[^A-Za-z0-9]?").match(text, start)
    for length in range(2, len(digits[0]) + 1 if digits else 0):
        yield length, PATTERN_BITS + length * math.log2(10)


def sequences(text: str, start: int, char_bits: float) -> Iterator[Piece]:
    """Repeated characters, neighbours on the keyboard or in the alphabet, and equal distances, for example 13579."""
    for end in range(start + 1, len(text)):
        step = ord(text[end]) - ord(text[end - 1])
        steady = end - 1 > start and step == ord(text[end - 1]) - ord(text[end - 2])
        if step and not steady and text[end - 1 : end + 1].lower() not in NEIGHBOURS:
            return
        length = end + 1 - start
        yield length, PATTERN_BITS + char_bits + length


def common_words(text: str, start: int, sign_bits: float) -> Iterator[Piece]:
    """A word that is common in secrets, in any spelling, and the character that separates it from the next."""
    plain = text[start : start + MAX_COMMON_WORD + 1].translate(LEET).lower()
    for length in range(2, len(plain) + 1):
        if plain[:length] in COMMON_WORDS:
            yield length, COMMON_WORD_BITS
            if length < len(plain) and not plain[length].isalnum():
                yield length + 1, COMMON_WORD_BITS + 1 + sign_bits


def words(text: str, start: int, char_bits: float, sign_bits: float) -> Iterator[Piece]:
    """Letters that follow each other as in words, with separators, in any usual spelling: camelCase, p4ssw0rd."""
    costs = letter_costs()
    cost: float = WORDS_COST
    previous, capitals = " ", 0
    for length, char in enumerate(text[start:], 1):
        plain = char.translate(LEET).lower()
        if not ("a" <= plain <= "z"):
            if previous == " ":
                return
            plain, capitals = " ", 0
            cost += costs[previous + plain] + sign_bits
        elif previous == " ":
            cost += costs[previous + plain] + CAPITAL_COST * char.isupper()
        elif char.isupper() and not capitals:
            cost += costs[previous + " "] + costs[" " + plain] + CAPITAL_COST
        else:
            cost += costs[previous + plain] + CASE_COST * (char.isupper() or capitals > 1)
        cost += LEET_COST * (plain != " " and plain != char.lower())
        capitals = capitals + 1 if char.isupper() else 0
        previous = plain
        if cost > WORDS_COST * 2 + length * char_bits:
            return
        saved = max(length * char_bits - cost, 0)
        yield length, max(length, length * char_bits - CONFIDENCE * saved)


@cache
def letter_costs() -> dict[str, int]:
    return {
        before + after: int(cost, 16)
        for before, costs in zip(LETTERS, LETTER_COSTS, strict=True)
        for after, cost in zip(LETTERS, costs, strict=True)
    }

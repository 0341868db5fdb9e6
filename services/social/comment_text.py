"""What people write: tidied before it is kept, and looked through for words somebody holds back."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from models.errors import Invalid

CONTENT_LENGTH = 1000
# Letters by their category, and nothing to see: fillers of Hangul, and the empty Braille pattern.
BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")
UNSEEN = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp", "Cn", "Co"})
# Overrides turn what follows them around, beyond the comment that they are in.
_OVERRIDES = "\u202a\u202b\u202d\u202e"
_REMOVED = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f{_OVERRIDES}\ufffe\uffff]")
# Spaces, and marks without width that say nothing at an end.
_ENDS = re.compile(r"^[\s\u200b\u2060\ufeff]+|[\s\u200b\u2060\ufeff]+$")


def tidied(text: str) -> str:
    """What is kept of a comment. Raises `Invalid` for one that is empty or too long.

    Nothing is escaped: that is for whoever shows it as HTML.
    """
    lines = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    content = _ENDS.sub("", _REMOVED.sub("", lines))
    if not any(is_seen(character) for character in content):
        raise _wrong("Say something.")
    if len(content) > CONTENT_LENGTH:
        raise _wrong(f"Longer than {CONTENT_LENGTH} characters.")
    return content


def is_seen(character: str) -> bool:
    return character not in BLANK and unicodedata.category(character) not in UNSEEN


def folded(text: str) -> str:
    """How words are compared: without case, accents, widths and what cannot be seen."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(
        c for c in apart if unicodedata.category(c) not in {"Mn", "Cf", "Cc"} or c == "\n"
    )


def holds_any(text: str, words: Iterable[str]) -> bool:
    """Whether one of these words, or rows of words, is in a text: whole, however it is spelled."""
    wanted = [r"\s+".join(map(re.escape, folded(word).split())) for word in words]
    if not any(wanted):
        return False
    pattern = rf"(?<!\w)(?:{'|'.join(word for word in wanted if word)})(?!\w)"
    return re.search(pattern, folded(text)) is not None


def _wrong(message: str) -> Invalid:
    return Invalid(f"content: {message}", fields={"content": [message]})

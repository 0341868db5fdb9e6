"""Subtitle files of strangers, SubRip or WebVTT in whatever encoding, as clean WebVTT.

What comes out is times and text: no styles, no positions, no markup but what WebVTT has and a
player cannot be harmed by.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape, unescape

import pysubs2
from pysubs2.formats.webvtt import WebVTTFormat

from models.errors import BadMedia

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
MESSAGES = {
    "not_subtitles": "The file is neither SubRip (.srt) nor WebVTT (.vtt).",
    "no_cues": "There is not one caption with a text and a time in this file.",
    "beyond_the_end": "Every caption in this file is later than the end of the video.",
}
# A cue of a day or more is a typing error that would be on the screen to the end.
LONGEST_MS = 24 * 3600 * 1000
# What is longer than this was never meant to be read; Packager fails over a megabyte of it.
LONGEST_TEXT = 10_000
ARROW = "-->"
# Marks of SubStation in SubRip files, and the times of karaoke. As in `TAG`, no part of a text is
# looked at again and again, however little of it closes: strangers write these files.
NOT_TEXT = re.compile(r"\{\\[^{}]*\}|<\d++:[\d:.]++>")
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
SAFE_TAGS = {"b", "i", "u", "ruby", "rt"}
TAG = re.compile(r"<(?P<end>/?)(?P<name>[a-zA-Z]++)(?P<rest>[^<>]{0,200})>")


@dataclass(frozen=True, slots=True)
class Cue:
    start_ms: int
    end_ms: int
    text: str


def read(content: bytes) -> tuple[Cue, ...]:
    """The cues of a SubRip or WebVTT file, in order. Raises `BadMedia` where there are none."""
    text = _decoded(content).replace("\r\n", "\n").replace("\r", "\n")
    blocks = list(_blocks(text))
    if not blocks:
        raise _refusal("no_cues" if text.startswith("WEBVTT") else "not_subtitles")
    # Of the two, only SubRip has commas in its times.
    is_subrip = "," in blocks[0].partition(ARROW)[0]
    found = pysubs2.SSAFile.from_string(
        "\n\n".join(blocks), format_="srt" if is_subrip else "vtt", keep_html_tags=True
    )
    cues = (Cue(event.start, event.end, _cleaned(event.text)) for event in found)
    good = [cue for cue in cues if _can_be_seen(cue)]
    if not good:
        raise _refusal("no_cues")
    return tuple(sorted(good, key=lambda cue: (cue.start_ms, cue.end_ms)))


def until(cues: tuple[Cue, ...], seconds: float) -> tuple[Cue, ...]:
    """What is shown before a video ends. Raises `BadMedia` if that is nothing."""
    end_ms = round(seconds * 1000)
    kept = [replace(cue, end_ms=min(cue.end_ms, end_ms)) for cue in cues if cue.start_ms < end_ms]
    if not kept:
        raise _refusal("beyond_the_end")
    return tuple(kept)


def webvtt(cues: tuple[Cue, ...]) -> str:
    """The text of a WebVTT file."""
    time = WebVTTFormat.ms_to_timestamp
    lines = (f"{time(cue.start_ms)} {ARROW} {time(cue.end_ms)}\n{cue.text}\n" for cue in cues)
    return "\n".join(["WEBVTT\n", *lines])


def _refusal(reason: str) -> BadMedia:
    return BadMedia(reason, MESSAGES[reason])


def _decoded(content: bytes) -> str:
    """By its byte order mark; else UTF-8; else what Windows wrote before that."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return content.removeprefix(mark).decode(encoding, errors="replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _blocks(text: str) -> Iterator[str]:
    """Each cue's times and text, without numbers, names, notes and styles."""
    for block in re.split(r"\n[ \t]*\n", text):
        lines = block.strip("\n").split("\n")
        at = next((n for n, line in enumerate(lines) if ARROW in line), None)
        if at is not None and not block.lstrip().startswith(("NOTE", "STYLE", "REGION")):
            yield "\n".join(lines[at:])


def _can_be_seen(cue: Cue) -> bool:
    if not 0 < cue.end_ms - cue.start_ms < LONGEST_MS or len(cue.text) > LONGEST_TEXT:
        return False
    return bool(TAG.sub("", cue.text).strip())


def _cleaned(text: str) -> str:
    marked_up = NOT_TEXT.sub("", text.replace(r"\N", "\n"))
    lines = (line.strip() for line in CONTROLS.sub("", _with_safe_tags(marked_up)).split("\n"))
    return "\n".join(line for line in lines if line)


def _with_safe_tags(text: str) -> str:
    """Harmless tags, each of them closed; of others what they enclose; the rest as text."""
    written: list[str] = []
    opened: list[str] = []
    position = 0
    for found in TAG.finditer(text):
        written.append(_as_text(text[position : found.start()]))
        position, name = found.end(), found["name"].lower()
        if found["end"]:
            if opened[-1:] == [name]:
                written.append(f"</{opened.pop()}>")
        elif opening := _opening(name, found["rest"]):
            opened.append(name)
            written.append(opening)
    written.append(_as_text(text[position:]))
    return "".join([*written, *(f"</{name}>" for name in reversed(opened))])


def _opening(name: str, rest: str) -> str:
    if name == "v" and (speaker := _as_text(rest.partition(" ")[2].strip())):
        return f"<v {speaker}>"
    return f"<{name}>" if name in SAFE_TAGS else ""


def _as_text(text: str) -> str:
    return escape(unescape(text), quote=False)

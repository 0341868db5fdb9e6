"""HLS master playlists and DASH manifests as text: what they name, and naming more tracks in them.

Packager writes manifests for the renditions and their sound. `hls` and `dash` make of them others
that lie in a folder beside, name the same segments from there, and further sounds and texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from services.adapters.media.confined import ToolFailed

MASTER = "master.m3u8"
MANIFEST = "manifest.mpd"
SOUND_PLAYLIST = "audio.m3u8"
TEXT_PLAYLIST = "captions.m3u8"
TEXT_FILE = "captions.vtt"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
NAMESPACES = {
    "": "urn:mpeg:dash:schema:mpd:2011",
    "cenc": "urn:mpeg:cenc:2013",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}
MPD = f"{{{NAMESPACES['']}}}"
ROLES = "urn:mpeg:dash:role:2011"
TILES = "http://dashif.org/guidelines/thumbnail_tile"
# Nobody measures text; players want a number.
TEXT_BANDWIDTH = 1000
NUMBER = re.compile(r"\$Number(?:%0(\d+)d)?\$")
RELATIVE_URI = re.compile(r'URI="(?![a-z][a-z0-9+.-]*:)([^"]+)"')
STREAM, MEDIA = "#EXT-X-STREAM-INF:", "#EXT-X-MEDIA:"
# What Apple's players show as "CC".
FOR_THE_DEAF = (
    "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound"
)
# What comes before the address of its segments in an AdaptationSet, by its schema.
AFTER_BASE_URL = {"SegmentBase", "SegmentList", "SegmentTemplate", "Representation"}

for _prefix, _uri in NAMESPACES.items():
    ET.register_namespace(_prefix, _uri)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A track as viewers choose it. `language` is a BCP 47 tag, or empty."""

    name: str
    language: str
    is_default: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound(Named):
    """`folder` is what `Packager.package_sound` made, as seen from the manifests."""

    folder: str
    # Its own manifest.
    manifest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Named):
    """`folder` is what `Packager.package_text` made, as seen from the manifests."""

    identity: str
    folder: str
    is_for_the_deaf: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracks:
    """What players may choose from; `main` is the sound that was packaged with the picture."""

    main: Named | None
    sounds: tuple[Sound, ...]
    texts: tuple[Text, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheets:
    """A storyboard: pictures of `columns` by `rows` tiles, each standing for `interval_seconds`."""

    media: str
    interval_seconds: int
    columns: int
    rows: int
    tile_width: int
    tile_height: int


def single_master(rendition: str) -> str:
    """The master playlist that offers one rendition alone, beside the one that offers all."""
    return f"master-{rendition}.m3u8"


def hls(master: str, base: str, tracks: Tracks) -> str:
    """A master playlist of `base/`, as one beside `base` that names these tracks as well."""
    lines = [_moved(line, base) for line in master.splitlines()]
    packaged = [line for line in lines if line.startswith(MEDIA)]
    media = [_named(line, tracks.main) for line in packaged]
    media += [_sound_line(sound) for sound in tracks.sounds]
    media += [_text_line(text) for text in tracks.texts]
    rest = [_offering(line, tracks) for line in lines if not line.startswith(MEDIA)]
    at = next((n for n, line in enumerate(rest) if line.startswith(STREAM)), len(rest))
    return "\n".join([*rest[:at], *media, *rest[at:]]) + "\n"


def dash(manifest: str, base: str, tracks: Tracks) -> str:
    """The same of a DASH manifest."""
    root = _parsed(manifest)
    for period in root.iter(f"{MPD}Period"):
        for packaged in period.findall(f"{MPD}AdaptationSet"):
            if packaged.get("contentType") == "audio" and tracks.main:
                _name(packaged, tracks.main, "main" if tracks.main.is_default else "alternate")
            _insert(packaged, "BaseURL", text=f"{base}/")
        period.extend([_sound_set(sound) for sound in tracks.sounds])
        period.extend([_text_set(text) for text in tracks.texts])
    return _written(root)


def with_storyboard(manifest: str, sheets: Sheets) -> str:
    """A DASH manifest that names small pictures too, in the way of the DASH-IF's guidelines."""
    root = _parsed(manifest)
    width, height = sheets.columns * sheets.tile_width, sheets.rows * sheets.tile_height
    seconds = sheets.columns * sheets.rows * sheets.interval_seconds
    for period in root.iter(f"{MPD}Period"):
        pictures = _add(period, "AdaptationSet", contentType="image", mimeType="image/jpeg")
        size = {"width": str(width), "height": str(height)}
        pictured = _add(pictures, "Representation", id="storyboard", bandwidth="10000", **size)
        _add(
            pictured,
            "EssentialProperty",
            schemeIdUri=TILES,
            value=f"{sheets.columns}x{sheets.rows}",
        )
        _add(
            pictured,
            "SegmentTemplate",
            media=sheets.media,
            duration=str(seconds),
            timescale="1",
            startNumber="1",
        )
    return _written(root)


def files(manifest: str) -> Iterator[str]:
    """Every file that a DASH manifest names, where it says how many segments there are."""
    for template in _parsed(manifest).iter(f"{MPD}SegmentTemplate"):
        if initialization := template.get("initialization"):
            yield initialization
        segments = sum(1 + int(s.get("r", 0)) for s in template.iter(f"{MPD}S"))
        for number in range(1, segments + 1):
            yield NUMBER.sub(
                lambda found, n=number: f"{n:0{found[1] or 1}d}", template.get("media", "")
            )


def _moved(line: str, base: str) -> str:
    if line.startswith("#"):
        return RELATIVE_URI.sub(rf'URI="{base}/\1"', line)
    return f"{base}/{line}" if line else line


def _named(line: str, main: Named | None) -> str:
    """The packaged sound's line, with its name and language, and whether players begin with it."""
    if main is None or "TYPE=AUDIO" not in line:
        return line
    kept = re.sub(r',(?:NAME|LANGUAGE)="[^"]*"', "", line)
    kept = re.sub(r",DEFAULT=\w+", "", kept).replace(",AUTOSELECT=YES", "")
    return f"{kept},{_choice(main)}"


def _choice(track: Named) -> str:
    language = f'LANGUAGE="{track.language}",' if track.language else ""
    default = "YES" if track.is_default else "NO"
    return f'{language}NAME="{_quotable(track.name)}",DEFAULT={default},AUTOSELECT=YES'


def _quotable(name: str) -> str:
    """A playlist has no way of writing a quotation mark."""
    return name.replace('"', "'")


def _sound_line(sound: Sound) -> str:
    uri = f'URI="{sound.folder}/{SOUND_PLAYLIST}"'
    return f'{MEDIA}TYPE=AUDIO,{uri},GROUP-ID="audio",{_choice(sound)},CHANNELS="2"'


def _text_line(text: Text) -> str:
    uri = f'URI="{text.folder}/{TEXT_PLAYLIST}"'
    accessible = f',CHARACTERISTICS="{FOR_THE_DEAF}"' if text.is_for_the_deaf else ""
    return f'{MEDIA}TYPE=SUBTITLES,{uri},GROUP-ID="text",{_choice(text)},FORCED=NO{accessible}'


def _offering(line: str, tracks: Tracks) -> str:
    if not line.startswith(STREAM):
        return line
    if tracks.sounds and "AUDIO=" not in line:
        line = f'{_with_sound(line, tracks.sounds)},AUDIO="audio"'
    return f'{line},SUBTITLES="text"' if tracks.texts else line


def _with_sound(line: str, sounds: tuple[Sound, ...]) -> str:
    """A silent rendition's line, once there is something to hear with it."""
    heard = [_parsed(sound.manifest).find(f".//{MPD}Representation") for sound in sounds]
    bandwidth = max(int(one.get("bandwidth", 0)) for one in heard if one is not None)
    codecs = sorted({one.get("codecs", "") for one in heard if one is not None})
    line = re.sub(r"BANDWIDTH=(\d+)", lambda m: f"BANDWIDTH={int(m[1]) + bandwidth}", line)
    return re.sub(r'CODECS="([^"]*)"', rf'CODECS="\1,{",".join(codecs)}"', line)


def _sound_set(sound: Sound) -> ET.Element:
    found = _parsed(sound.manifest).find(f".//{MPD}AdaptationSet")
    if found is None:
        raise ValueError("a packaged sound without an AdaptationSet")
    found.attrib.pop("id", None)
    for representation in found.iter(f"{MPD}Representation"):
        representation.set("id", sound.folder.rpartition("/")[2])
    _name(found, sound, "main" if sound.is_default else "alternate")
    _insert(found, "BaseURL", text=f"{sound.folder}/")
    return found


def _text_set(text: Text) -> ET.Element:
    """Whole, as every DASH player reads it; segments are for HLS."""
    found = ET.Element(f"{MPD}AdaptationSet", contentType="text", mimeType="text/vtt")
    whole = _add(found, "Representation", id=text.identity, bandwidth=str(TEXT_BANDWIDTH))
    _name(found, text, "caption" if text.is_for_the_deaf else "subtitle")
    if text.is_default:
        _insert(found, "Role", schemeIdUri=ROLES, value="main")
    _add(whole, "BaseURL").text = f"{text.folder}/{TEXT_FILE}"
    return found


def _name(adaptation_set: ET.Element, track: Named, role: str) -> None:
    if track.language:
        adaptation_set.set("lang", track.language)
    _insert(adaptation_set, "Label", text=track.name)
    _insert(adaptation_set, "Role", schemeIdUri=ROLES, value=role)


def _insert(
    adaptation_set: ET.Element, tag: str, *, text: str | None = None, **values: str
) -> None:
    """Before the segments and after everything else, which is where the schema wants these."""
    element = ET.Element(f"{MPD}{tag}", values)
    element.text = text
    ends = {f"{MPD}{name}" for name in AFTER_BASE_URL}
    children = enumerate(adaptation_set)
    at = next((n for n, child in children if child.tag in ends), len(adaptation_set))
    adaptation_set.insert(at, element)


def _add(parent: ET.Element, tag: str, **values: str) -> ET.Element:
    return ET.SubElement(parent, f"{MPD}{tag}", values)


def _parsed(manifest: str) -> ET.Element:
    try:
        return ET.fromstring(manifest)  # noqa: S314 - Packager wrote it
    except ET.ParseError as broken:
        raise ToolFailed(f"packaged, but without a manifest: {broken}") from broken


def _written(root: ET.Element) -> str:
    ET.indent(root)
    return f"{DECLARATION}\n{ET.tostring(root, encoding='unicode')}\n"

"""Master playlists and DASH manifests that name more than was packaged together."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from services.adapters.media import manifests
from services.adapters.media.manifests import MPD, Named, Sheets, Sound, Text, Tracks

MASTER = """#EXTM3U
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI="../key",KEYFORMAT="identity"
#EXT-X-MEDIA:TYPE=AUDIO,URI="audio.m3u8",GROUP-ID="audio",NAME="Default",DEFAULT=YES,AUTOSELECT=YES
#EXT-X-STREAM-INF:BANDWIDTH=400000,AVERAGE-BANDWIDTH=300000,CODECS="avc1.42c00c,mp4a.40.2",\
RESOLUTION=320x180,AUDIO="audio"
180p.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=15250,CODECS="avc1.42c00c",URI="180p_iframes.m3u8"
"""
SILENT = """#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=400000,AVERAGE-BANDWIDTH=300000,CODECS="avc1.42c00c"
180p.m3u8
"""
DASH = """<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:cenc="urn:mpeg:cenc:2013"><Period id="0">
<AdaptationSet id="0" contentType="video">
<ContentProtection cenc:default_KID="00000000-0000-0000-0000-000000000001"/>
<Representation id="0" bandwidth="1"><SegmentTemplate initialization="180p/init.mp4"
 media="180p/$Number%05d$.m4s"><SegmentTimeline><S t="0" d="4" r="1"/><S d="2"/></SegmentTimeline>
</SegmentTemplate></Representation></AdaptationSet>
<AdaptationSet id="1" contentType="audio"><Representation id="1" bandwidth="131800"
 codecs="mp4a.40.2"><SegmentTemplate initialization="audio/init.mp4" media="audio/$Number$.m4s">
<SegmentTimeline><S t="0" d="4"/></SegmentTimeline></SegmentTemplate></Representation>
</AdaptationSet></Period></MPD>
"""
ALONE = re.sub(r'<AdaptationSet id="0".*?</AdaptationSet>', "", DASH, flags=re.DOTALL)
MAIN = Named(name="English", language="en", is_default=True)
FRENCH = Sound(
    name="Français", language="fr", is_default=False, folder="../a-1", manifest=ALONE
)  # fmt: skip
GERMAN = Text(
    identity="c-1",
    name='Für "alle"',
    language="de",
    is_default=False,
    folder="../c-1",
    is_for_the_deaf=True,
)
ALL = Tracks(main=MAIN, sounds=(FRENCH,), texts=(GERMAN,))


def tree_of(manifest: str) -> ET.Element:
    return ET.fromstring(manifest)  # noqa: S314 - of our own writing


def sets_of(manifest: str) -> list[ET.Element]:
    return list(tree_of(manifest).iter(f"{MPD}AdaptationSet"))


def text_in(element: ET.Element, tag: str) -> str | None:
    found = element.find(f".//{MPD}{tag}")
    return None if found is None else found.text


def test_a_master_from_another_folder_names_the_same_files():
    lines = manifests.hls(MASTER, "../v2", ALL).splitlines()
    assert "../v2/180p.m3u8" in lines
    assert any('URI="../v2/180p_iframes.m3u8"' in line for line in lines)
    assert any('URI="../v2/../key"' in line for line in lines)
    assert lines[0] == "#EXTM3U"


def test_an_address_elsewhere_stays_as_it_is():
    master = MASTER.replace("../key", "skd://asset")
    assert 'URI="skd://asset"' in manifests.hls(master, "../v2", ALL)


def test_sounds_and_texts_are_named_before_what_uses_them():
    written = manifests.hls(MASTER, "../v2", ALL)
    media = [line for line in written.splitlines() if line.startswith("#EXT-X-MEDIA:")]
    assert media == [
        (
            '#EXT-X-MEDIA:TYPE=AUDIO,URI="../v2/audio.m3u8",GROUP-ID="audio",LANGUAGE="en",'
            'NAME="English",DEFAULT=YES,AUTOSELECT=YES'
        ),
        (
            '#EXT-X-MEDIA:TYPE=AUDIO,URI="../a-1/audio.m3u8",GROUP-ID="audio",LANGUAGE="fr",'
            'NAME="Français",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="2"'
        ),
        (
            '#EXT-X-MEDIA:TYPE=SUBTITLES,URI="../c-1/captions.m3u8",GROUP-ID="text",LANGUAGE="de",'
            "NAME=\"Für 'alle'\",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,"
            f'CHARACTERISTICS="{manifests.FOR_THE_DEAF}"'
        ),
    ]
    assert written.index(media[-1]) < written.index("#EXT-X-STREAM-INF")
    assert re.search(r'#EXT-X-STREAM-INF:.*AUDIO="audio",SUBTITLES="text"\n', written)


def test_a_text_is_shown_by_default_only_if_that_was_asked_for():
    asked = replace(GERMAN, is_default=True)
    written = manifests.hls(MASTER, "../v2", replace(ALL, texts=(asked,)))
    assert re.search(r"TYPE=SUBTITLES.*DEFAULT=YES", written)
    [*_, text] = sets_of(manifests.dash(DASH, "../v2", replace(ALL, texts=(asked,))))
    assert [role.get("value") for role in text.iter(f"{MPD}Role")] == ["caption", "main"]


def test_a_silent_picture_gets_what_a_sound_adds_to_it():
    first = replace(FRENCH, is_default=True)
    written = manifests.hls(SILENT, "../v2", Tracks(main=None, sounds=(first,), texts=()))
    assert (
        "BANDWIDTH=531800,AVERAGE-BANDWIDTH=431800,"
        'CODECS="avc1.42c00c,mp4a.40.2",AUDIO="audio"\n' in written
    )
    assert "SUBTITLES" not in written


def test_a_dash_manifest_from_another_folder_names_the_same_files_and_the_new_ones():
    video, audio, french, german = sets_of(manifests.dash(DASH, "../v2", ALL))
    assert [text_in(found, "BaseURL") for found in (video, audio, french, german)] == [
        "../v2/", "../v2/", "../a-1/", "../c-1/captions.vtt",
    ]  # fmt: skip
    assert [found.get("lang") for found in (audio, french, german)] == ["en", "fr", "de"]
    assert [text_in(found, "Label") for found in (audio, french, german)] == [
        "English", "Français", 'Für "alle"',
    ]  # fmt: skip
    roles = [found.find(f"{MPD}Role") for found in (audio, french, german)]
    assert [role.get("value") for role in roles if role is not None] == [
        "main", "alternate", "caption",
    ]  # fmt: skip


def test_no_two_representations_have_the_same_id():
    two = replace(ALL, sounds=(FRENCH, replace(FRENCH, folder="../a-2")))
    root = tree_of(manifests.dash(DASH, "../v2", two))
    ids = [found.get("id") for found in root.iter(f"{MPD}Representation")]
    assert len(ids) == len(set(ids)) == 5


def test_what_comes_before_the_segments_is_in_the_order_of_the_schema():
    video, audio, *_ = sets_of(manifests.dash(DASH, "../v2", ALL))
    tags = [child.tag.removeprefix(MPD) for child in video]
    assert tags == ["ContentProtection", "BaseURL", "Representation"]
    tags = [child.tag.removeprefix(MPD) for child in audio]
    assert tags == ["Label", "Role", "BaseURL", "Representation"]


def test_what_encryption_says_survives():
    written = manifests.dash(DASH, "../v2", ALL)
    assert 'cenc:default_KID="00000000-0000-0000-0000-000000000001"' in written


def test_a_manifest_names_every_segment():
    assert list(manifests.files(DASH)) == [
        "180p/init.mp4", "180p/00001.m4s", "180p/00002.m4s", "180p/00003.m4s",
        "audio/init.mp4", "audio/1.m4s",
    ]  # fmt: skip


@pytest.mark.parametrize("columns", [6, 10])
def test_a_storyboard_says_how_its_tiles_lie(columns):
    sheets = Sheets(
        media="s-$Number$.jpg", interval_seconds=4, columns=columns, rows=2,
        tile_width=160, tile_height=90,
    )  # fmt: skip
    pictures = sets_of(manifests.with_storyboard(DASH, sheets))[-1]
    assert (pictures.get("contentType"), pictures.get("mimeType")) == ("image", "image/jpeg")
    [representation] = pictures
    assert (representation.get("width"), representation.get("height")) == (
        str(160 * columns), "180",
    )  # fmt: skip
    tiles, template = representation
    assert tiles.get("value") == f"{columns}x2"
    assert template.get("duration") == str(4 * 2 * columns)

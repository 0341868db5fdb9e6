"""Tags: the same tag is one text, however it is typed."""

from __future__ import annotations

import pytest
from marshmallow import ValidationError

from blueprints.http.tags import to_tags


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("a, b,,a", ("a", "b")),
        ("Live,LIVE,#live, # live ", ("live",)),
        ("New  York,new york", ("new york",)),
        ("Straße", ("strasse",)),
        ("Ｍusic,music", ("music",)),  # noqa: RUF001 - as a Japanese keyboard types it
        ("cafe\u0301,caf\u00e9", ("caf\u00e9",)),
        ("日本,Ελλάδα", ("日本", "ελλάδα")),
        ("##,#, ,", ()),
        ("c#,f#", ("c#", "f#")),
    ],
)
def test_a_tag_is_one_text_however_it_is_typed(text, tags):
    assert to_tags(text) == tags


def test_there_are_so_many_tags_and_no_more():
    assert len(to_tags(",".join(map(str, range(30))))) == 30
    with pytest.raises(ValidationError, match="30"):
        to_tags(",".join(map(str, range(31))))


def test_what_is_typed_otherwise_is_found(client, ann, add_video):
    add_video(ann, title="it", tags=to_tags("#Jazz, New York"))
    for tags in ("jazz", "JAZZ", "%23jazz", "new%20%20york"):
        for path in ("/api/videos", "/videos"):
            found = client.get(f"{path}?tags={tags}").json["videos"]
            assert [video["tags"] for video in found] == [["jazz", "new york"]], (path, tags)

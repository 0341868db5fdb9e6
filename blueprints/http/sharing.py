"""How something is passed on, as each family takes it."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.http.parsing import Lenient


class ShareIn(Lenient):
    channel = fields.String(
        load_default="",
        validate=[validate.Length(max=32), validate.Regexp(r"[A-Za-z0-9_.-]*\Z")],
        metadata={"description": "How, in the client's own words: `link`, `mail` ..."},
    )

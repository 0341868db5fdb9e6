"""Reading requests: webargs, with this project's statuses and words."""

from __future__ import annotations

from typing import Any, NoReturn

import marshmallow
import orjson
from flask import Request
from webargs.flaskparser import FlaskParser
from werkzeug.datastructures import CombinedMultiDict
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from models.errors import Invalid

# No document here needs more; files do not come as JSON.
JSON_BYTES = 1024 * 1024
FORM = "multipart/form-data"


class Lenient(marshmallow.Schema):
    """For families whose clients send more than is asked: the rest is left unread."""

    class Meta:
        unknown = marshmallow.EXCLUDE


class Trimmed(marshmallow.Schema):
    """For forms and objects of texts that people typed: without the blanks around them."""

    @marshmallow.pre_load
    def trimmed(self, data: Any, **_: Any) -> Any:
        # Something else than a form or an object is refused by its schema.
        if not hasattr(data, "items"):
            return data
        return {name: v.strip() if isinstance(v, str) else v for name, v in data.items()}


class RequestParser(FlaskParser):
    """Raises `Invalid` with the errors of each field, nested ones as `tags.0`."""

    DEFAULT_VALIDATION_STATUS = 400

    # A location of our own: form fields and files of one multipart body, as one schema.
    __location_map__ = FlaskParser.__location_map__ | {
        "multipart": "load_multipart",
        "json_or_multipart": "load_json_or_multipart",
    }

    def load_json(self, req: Request, schema: marshmallow.Schema) -> Any:  # noqa: ARG002 - webargs' signature
        """The JSON body. Something else than JSON is said to be so, not taken for nothing."""
        req.max_content_length = JSON_BYTES
        body = req.get_data()
        if not body:
            return marshmallow.missing
        if len(body) >= JSON_BYTES:  # a body that did not announce its length is cut off there
            raise RequestEntityTooLarge
        if not req.is_json:
            raise UnsupportedMediaType("Send JSON, with the header Content-Type: application/json.")
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as broken:
            raise BadRequest("The body is not valid JSON.") from broken

    def load_multipart(self, req: Request, schema: marshmallow.Schema) -> Any:
        if req.content_length and req.mimetype not in {FORM, "application/x-www-form-urlencoded"}:
            raise UnsupportedMediaType("Send a form, with the header Content-Type: " + FORM + ".")
        parts: list[Any] = [req.files, req.form]
        return self._makeproxy(CombinedMultiDict(parts), schema)

    def load_json_or_multipart(self, req: Request, schema: marshmallow.Schema) -> Any:
        """For what may come with a file, and may come without."""
        is_form = req.mimetype == FORM
        return self.load_multipart(req, schema) if is_form else self.load_json(req, schema)

    def handle_error(
        self,
        error: marshmallow.ValidationError,
        req: Request,  # noqa: ARG002 - webargs' signature
        schema: marshmallow.Schema,  # noqa: ARG002 - webargs' signature
        *,
        error_status_code: int | None,  # noqa: ARG002 - webargs' signature
        error_headers: Any,  # noqa: ARG002 - webargs' signature
    ) -> NoReturn:
        fields = _flat(error.normalized_messages())
        name, messages = next(iter(fields.items()))
        raise Invalid(f"{name}: {messages[0]}", fields=fields) from error


def _flat(messages: Any, prefix: str = "") -> dict[str, list[str]]:
    """`{"json": {"tags": {0: ["..."]}}}` as `{"tags.0": ["..."]}`; the location is left out."""
    if isinstance(messages, list):
        return {prefix or "body": [str(message) for message in messages]}
    found: dict[str, list[str]] = {}
    for key, value in messages.items():
        own = "" if _is_container(key, prefix) else str(key)
        found |= _flat(value, f"{prefix}.{own}".strip("."))
    return found


def _is_container(key: object, prefix: str) -> bool:
    places = {"json", "query", "multipart", "json_or_multipart", "headers", "_schema"}
    return (not prefix and key in places) or key == "_schema"


PARSER = RequestParser()

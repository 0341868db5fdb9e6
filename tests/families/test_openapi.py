"""The documentation: valid, complete, true to what is answered, and readable offline."""

from __future__ import annotations

import re
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from openapi_spec_validator import validate
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from blueprints.http.caller import OPTIONAL, PUBLIC, access_of
from tests.conftest import Person

EXAMPLES = 12
# Answers of bytes, and the end of the session that the others need.
LEFT_OUT = {
    "/api/videos/{video_id}/stream",
    "/api/videos/{video_id}/thumbnail",
    "/auth/logout",
}
FAMILIES = ("platform_", "client_", "mobile_")
# What tus sends: any bytes.
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
FLAT = {"error", "message", "statusCode", "code"}
NESTED = {"success", "error", "detail", "error_code"}


@pytest.fixture
def document(client) -> dict[str, Any]:
    answer = client.get("/openapi.json")
    assert answer.status_code == 200
    return answer.json


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in {"get", "post", "put", "patch", "delete"}
    ]


def routes(app: Flask) -> dict[tuple[str, str], Any]:
    """Every route of a family, as OpenAPI spells it, with its view."""
    return {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower()): app.view_functions[
            rule.endpoint
        ]
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith(FAMILIES)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    found: Any = document
    for part in schema["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def test_the_document_is_valid_openapi(document):
    validate(document)
    assert document["openapi"].startswith("3.1")


def test_every_route_of_every_family_is_documented_and_nothing_else(app, document):
    assert {(path, method) for path, method, _ in operations(document)} == set(routes(app))


def test_every_operation_says_who_may_call_it(app, document):
    views = routes(app)
    bearer = {"bearer": []}
    for path, method, operation in operations(document):
        access = access_of(views[path, method])
        expected = {PUBLIC: [], OPTIONAL: [{}, bearer]}.get(access, [bearer])
        assert operation["security"] == expected, (path, method)
        assert ("401" in operation["responses"]) is (access != PUBLIC or path.endswith("x"))


def test_every_operation_documents_its_familys_failure(document):
    for path, method, operation in operations(document):
        schema = operation["responses"]["default"]["content"]["application/json"]["schema"]
        body = resolved(document, schema)
        expected = NESTED if path.startswith("/api/") else FLAT
        assert set(body["required"]) == expected, (path, method)


def test_every_operation_says_what_it_does_and_how_it_ends(document):
    for path, method, operation in operations(document):
        assert len(operation["summary"]) > 5, (path, method)
        assert {"200", "201", "202", "204", "302"} & set(operation["responses"]), (path, method)
        shared = document["paths"][path].get("parameters", [])
        named = {
            p["name"] for p in [*shared, *operation.get("parameters", [])] if p["in"] == "path"
        }
        assert named == set(re.findall(r"{(\w+)}", path)), (path, method)


def test_an_upload_is_documented_as_a_form_with_a_file(document):
    content = document["paths"]["/api/videos"]["post"]["requestBody"]["content"]
    schema = content["multipart/form-data"]["schema"]
    properties = schema.get("properties") or {
        name: value
        for part in schema.get("allOf", [schema])
        for name, value in resolved(document, part)["properties"].items()
    }
    assert {"title", "file", "description", "tags", "category", "visibility"} <= set(properties)


def test_new_content_is_documented_as_a_form_and_a_change_as_json(document):
    content = document["paths"]["/videos/{video_id}"]["put"]["requestBody"]["content"]
    assert set(content) == {"application/json", "multipart/form-data"}


def test_every_field_of_a_video_says_what_it_is(document):
    """Clients are made from this: a field of no type is anything to them."""
    said = {"type", "$ref", "allOf", "anyOf", "oneOf", "enum"}
    schemas = {
        name: schema["properties"]
        for name, schema in document["components"]["schemas"].items()
        if "Video" in name and "properties" in schema
    }
    assert len(schemas) > 10
    for name, properties in schemas.items():
        silent = {field for field, schema in properties.items() if not said & set(schema)}
        silent |= {field for field, schema in properties.items() if schema.get("items") == {}}
        assert not silent, name


def test_no_schema_offers_what_is_never_told(document):
    text = str(document)
    for word in ("youtube_id", "password_hash", "refresh_hash", "lease", "playback_version"):
        assert word not in text


def test_passwords_are_only_ever_written(document):
    for name, schema in document["components"]["schemas"].items():
        password = schema.get("properties", {}).get("password")
        assert password is None or password.get("writeOnly"), name


# Swagger UI


def test_the_page_and_all_that_it_loads_come_from_here(client):
    page = client.get("/docs").text
    assert "/openapi.json" in page
    assert not re.findall(r"(?:https?:)?//[\w.-]+\.\w+", page)
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(loaded) >= 3
    for url in loaded:
        assert url.startswith("/")
        assert client.get(url).status_code == 200, url


def test_swagger_ui_asks_no_one_else_to_validate(client):
    assert '"validatorUrl":null' in client.get("/docs").text


# What is answered


@pytest.fixture
def described(app, ann: Person, bob: Person, add_video, services) -> Any:
    services.seeding.youtube()
    for _ in range(3):
        add_video(ann)
    return schemathesis.openapi.from_wsgi("/openapi.json", app)


def follow(operation: Any, mode: GenerationMode, headers: dict[str, str]) -> None:
    """Send some requests made from an operation's description, and hold the answers to it."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(case=operation.as_strategy(mode))
    def send(case: schemathesis.Case) -> None:
        case.call_and_validate(
            headers=headers,
            checks=[
                not_a_server_error,
                status_code_conformance,
                content_type_conformance,
                response_schema_conformance,
            ],
        )

    send()


@pytest.mark.no_cover  # thousands of requests to what other tests measure
@pytest.mark.parametrize("mode", GenerationMode)
def test_an_answer_is_as_documented_whatever_is_sent(described, ann, mode):
    followed = 0
    for result in described.get_all_operations():
        operation = result.ok()
        raw = operation.definition.raw
        # Nothing can be wrong with a request that is made of its path alone.
        bendable = mode is GenerationMode.POSITIVE or raw.keys() & {"requestBody", "parameters"}
        if operation.path not in LEFT_OUT and bendable:
            follow(operation, mode, ann.headers)
            followed += 1
    assert followed >= 6


@pytest.mark.parametrize("path", ["/video/{}/stream", "/stream/{}"])
def test_a_stream_is_as_documented(described, client, ann, services, path):
    video = services.seeding.youtube()[0]
    token = services.catalogue.tokens.playback(ann.user.id, video)
    answer = client.get(f"{path.format(video.id)}?token={token}", headers=ann.headers)
    assert answer.status_code == 200
    described[path.format("{video_id}")]["GET"].validate_response(answer)

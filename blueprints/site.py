"""The HTTP side: mounts the API families, the media server, operations, and what they share.

Adding a family is adding a package and one line here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from threading import Lock
from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_cls
from flask import Flask
from flask_smorest import Api
from werkzeug.middleware.proxy_fix import ProxyFix

from blueprints import client, mobile, platform, playback
from blueprints.direct import direct
from blueprints.http import caller, failures, headers, json, limits, links, observe, signing, tus
from blueprints.http.bodies import FORM_BYTES
from blueprints.http.dialect import Dialect
from blueprints.http.files import ClutchRequest
from blueprints.ops import ops
from blueprints.rtmp import rtmp
from config import Settings
from services.container import Services

# First match wins, so the family at the root comes last.
FAMILIES = (platform, client, mobile)
# Pages that flask-smorest and Flask bring along.
OPEN_PAGES = ("api-docs.openapi_json", "api-docs.openapi_swagger_ui", "static")


def create(services: Services) -> Flask:
    """The API, ready to serve. The order of what runs before a request is the order here."""
    settings = services.settings
    app = _Flask("clutch", static_folder=str(Path(__file__).parent / "static"))
    app.request_class = ClutchRequest
    app.extensions["clutch"] = services
    app.config.update(_configuration(settings))
    json.start(app)
    observe.start(app)
    links.start(app)
    limits.start(app, settings)
    app.before_request(caller.admit)
    signing.start(app, services.signatures, {blueprint.name for blueprint in client.BLUEPRINTS})
    headers.start(app, settings)
    failures.start(app, family_of)
    _mount(app)
    limits.apply(app, settings)
    app.wsgi_app = tus.MethodOverride(app.wsgi_app, "/upload/")
    if hops := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)
    return app


def family_of(path: str) -> Dialect:
    """Which family's words a failure at `path` is told in, known route or not."""
    return next(family.dialect for family in FAMILIES if f"{path}/".startswith(family.PREFIXES))


def _mount(app: Flask) -> None:
    plugin = MarshmallowPlugin(schema_name_resolver=_schema_name)
    api = _Api(app, spec_kwargs={"servers": [{"url": "/"}], "marshmallow_plugin": plugin})
    spec: Any = api.spec
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    for family in FAMILIES:
        for blueprint in family.BLUEPRINTS:
            api.register_blueprint(blueprint)
    for plain in (*playback.BLUEPRINTS, direct, rtmp, ops):
        app.register_blueprint(plain)
    for endpoint in OPEN_PAGES:
        view = _as_function(app.view_functions[endpoint])
        app.view_functions[endpoint] = limits.unlimited(caller.public(view))


def _as_function(view: Callable[..., Any]) -> Callable[..., Any]:
    """A view that can be marked: a bound method takes no attributes."""

    @wraps(view)
    def call(**path: Any) -> Any:
        return view(**path)

    return call


def _schema_name(schema: Any) -> str:
    """`PlatformLogin`: families have schemas of the same name, and one document describes all."""
    cls: Any = resolve_schema_cls(schema)
    family = cls.__module__.split(".")[1].title()
    return cls.__name__ if cls.__name__.startswith(family) else f"{family}{cls.__name__}"


class _Flask(Flask):
    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """No view here is async; Flask would look at each of a request's functions anew."""
        return func


class _Api(Api):
    """flask-smorest's, but for failures, and for when routes are described.

    Failures leave through `failures` alone. Describing a hundred routes takes longer than all the
    rest of a start, so it waits until somebody asks for openapi.json.
    """

    _undescribed: list[Any]
    _describing: Lock

    def __init__(self, app: Flask, **options: Any) -> None:
        self._undescribed, self._describing = [], Lock()
        super().__init__(app, **options)

    def register_blueprint(self, blp: Any, **_options: Any) -> None:
        app: Any = self._app
        app.extensions["flask-smorest"]["blp_name_to_api"][blp.name] = self
        app.register_blueprint(blp)
        self._undescribed.append(blp)

    def _openapi_json(self) -> Any:
        with self._describing:
            for blp in self._undescribed:
                blp.register_views_in_doc(
                    self, self._app, self.spec, name=blp.name, parameters=None
                )
                spec: Any = self.spec
                spec.tag({"name": blp.name, "description": blp.description})
            self._undescribed = []
        return super()._openapi_json()

    def _register_error_handlers(self) -> None:
        pass


def _configuration(settings: Settings) -> dict[str, Any]:
    return {
        "MAX_CONTENT_LENGTH": settings.max_video_bytes + FORM_BYTES,
        "MAX_FORM_MEMORY_SIZE": FORM_BYTES,
        "API_TITLE": "CLUTCH",
        "API_VERSION": "v1",
        "OPENAPI_VERSION": "3.1.0",
        "OPENAPI_URL_PREFIX": "/",
        "OPENAPI_JSON_PATH": "openapi.json",
        "OPENAPI_SWAGGER_UI_PATH": "docs",
        "OPENAPI_SWAGGER_UI_URL": "/docs/assets/",
        "OPENAPI_SWAGGER_UI_CONFIG": {"validatorUrl": None},
    }

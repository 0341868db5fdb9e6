"""For those who run CLUTCH: probes, metrics, and the API's documentation (offline)."""

from __future__ import annotations

import hmac
import os
from importlib.resources import files

from flask import Blueprint, Response, current_app, jsonify, request, send_from_directory
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from blueprints.http.caller import public
from blueprints.http.context import services, settings
from blueprints.http.limits import unlimited
from models.errors import Forbidden, Unavailable

ops = Blueprint("ops", __name__)

LOOPBACK = {"127.0.0.1", "::1"}


@ops.route("/healthz")
@public
@unlimited
def healthz() -> Response:
    """Whether this process answers. It says nothing of what it needs: see /readyz."""
    return jsonify({"status": "ok"})


@ops.route("/readyz")
@public
@unlimited
def readyz() -> Response:
    """Whether a request sent here now could be served; 503 while MongoDB or Redis is away."""
    if failures := services().readiness.failures():
        raise Unavailable(f"Not ready: {', '.join(failures)} does not answer.")
    return jsonify({"status": "ready"})


@ops.route("/metrics")
@public
@unlimited
def metrics() -> Response:
    """Prometheus metrics of all API processes: with METRICS_TOKEN, or from this machine."""
    token = settings().metrics_token
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
    known = hmac.compare_digest(sent.encode(), token.encode())
    allowed = known if token else request.remote_addr in LOOPBACK
    if not allowed:
        raise Forbidden("Metrics are for this machine, or with METRICS_TOKEN as a bearer token.")
    return Response(generate_latest(_registry()), mimetype=CONTENT_TYPE_LATEST)


@ops.route("/docs/assets/<path:name>")
@public
@unlimited
def docs_assets(name: str) -> Response:
    """Swagger UI's own files, from its package."""
    return send_from_directory(str(files("flask_swagger_ui") / "dist"), name, max_age=86400)


@ops.route("/favicon.ico")
@public
@unlimited
def favicon() -> Response:
    """What browsers ask for beside any page."""
    return send_from_directory(current_app.static_folder or "", "avatar.svg", max_age=86400)


def _registry() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return registry

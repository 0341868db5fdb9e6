"""The yardstick: a Flask view that answers a constant, served as CLUTCH's API is."""

from __future__ import annotations

import sys

from flask import Flask, Response, jsonify
from granian import Granian
from granian.constants import Interfaces

from config import Settings

app = Flask(__name__)


@app.get("/")
def constant() -> Response:
    return jsonify({"message": "Video App API", "status": "running", "version": "1.0.0"})


if __name__ == "__main__":
    settings = Settings.from_env()
    Granian(
        "bench.bare:app",
        interface=Interfaces.WSGI,
        port=int(sys.argv[1]),
        workers=settings.api_processes,
        blocking_threads=settings.api_threads,
        log_access=False,
    ).serve()

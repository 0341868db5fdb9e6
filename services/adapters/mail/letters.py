"""What letters say: rendered from `templates/`, as text and as HTML that says the same."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

TEMPLATES = Path(__file__).parent / "templates"
NAME_LENGTH = 60

SUBJECTS = {
    "verification": "Verify your e-mail address",
    "password_reset": "Choose a new password",
    "password_changed": "Your password was changed",
    "account_exists": "You already have an account",
    "invitation": "{inviter} invites you to CLUTCH",
    "webhook_off": "Your webhook to {receiver} was switched off",
    "digest": "{total} at CLUTCH",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    kind: str
    subject: str
    text: str
    html: str
    # Where mail programs say that no more of these are wanted (RFC 8058).
    unsubscribe: str = ""


class Letters:
    """Every letter that CLUTCH writes, by kind. Nothing in them is loaded from anywhere."""

    def __init__(self) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def write(self, kind: str, values: Mapping[str, str | Sequence[str]]) -> Letter:
        """`values` are texts for the template; each is made a single harmless line first."""
        clean: dict[str, Any] = {name: _clean(value) for name, value in values.items()}
        return Letter(
            kind=kind,
            subject=SUBJECTS[kind].format_map(clean),
            text=self._templates.get_template(f"{kind}.txt").render(clean),
            html=self._templates.get_template(f"{kind}.html").render(clean),
            unsubscribe=clean.get("one_click", ""),
        )


def _clean(value: str | Sequence[str]) -> str | list[str]:
    return one_line(value) if isinstance(value, str) else [one_line(each) for each in value]


def one_line(text: str) -> str:
    """Without what would begin a header or a paragraph, or turn around the text beside it."""
    kept = (" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    return " ".join("".join(kept).split())


def shown_name(name: str) -> str:
    """A person's name in a letter to somebody else: short enough to be no message of its own."""
    plain = one_line(name)
    return plain if len(plain) <= NAME_LENGTH else f"{plain[: NAME_LENGTH - 1].rstrip()}…"

"""Names and addresses: the one spelling under which each is kept and compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from email_validator import EmailNotValidError, validate_email

from models.errors import Invalid

USERNAME_LENGTH = 30
USERNAME = re.compile(r"[a-zA-Z0-9_]{3,30}")
USERNAME_TRIES = 5


def usernames_for(display_name: str, new_id: Callable[[], str]) -> list[str]:
    """The name as 000 would allow it, then with a few random letters (001 knows no usernames)."""
    plain = unicodedata.normalize("NFKD", display_name).encode("ascii", "ignore").decode()
    slug = re.sub(r"\W+", "_", plain).strip("_").lower()[: USERNAME_LENGTH - 9] or "user"
    suffixed = [f"{slug}_{new_id()[-8:]}" for _ in range(USERNAME_TRIES)]
    return [slug if len(slug) > 2 else f"user_{slug}", *suffixed]  # noqa: PLR2004 - 000: 3 to 30


def normal_email(text: str) -> str:
    """The one spelling under which an address is kept and compared; raises `Invalid`."""
    wrong = Invalid("Invalid email format", fields={"email": ["Not a valid email address."]})
    try:
        # Servers at home have addresses that no public mail server could reach.
        found = validate_email(
            unicodedata.normalize("NFKC", text.strip()),
            check_deliverability=False,
            globally_deliverable=False,
            allow_smtputf8=False,
            strict=True,
        )
    except EmailNotValidError as invalid:
        raise wrong from invalid
    if "." not in found.domain:
        raise wrong
    return found.normalized.lower()


def normal_login(text: str) -> str:
    """An address as `sign_up` keeps it; anything else is a username, or nobody's."""
    try:
        return normal_email(text)
    except Invalid:
        return unicodedata.normalize("NFKC", text.strip())


def normal_username(text: str) -> str:
    """A name that somebody chose; raises `Invalid` for what 000 does not allow.

    ASCII alone: no name can look like another's through letters of other alphabets, other widths
    or combining marks. Case is what remains, and `username_key` is compared without it.
    """
    if not USERNAME.fullmatch(text):
        message = f"3 to {USERNAME_LENGTH} letters, digits or underscores."
        raise Invalid(f"username: {message}", fields={"username": [message]})
    return text

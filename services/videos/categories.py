"""Categories: naming them (003, administrators), and finding the one that somebody means.

A video's category is free text (000). What means a known category, by its name or its slug and
whatever the case, is stored as the slug, so that lists need not know names.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from slugify import slugify

from models.categories import Categories, Category, NameTaken
from models.documents import identity
from models.errors import Conflict, Invalid, NotFound
from models.videos import Videos
from services.people.administration import require_admin
from services.policies import Actor

SLUG_LENGTH = 60
# Of slugs that are made of one name: `music`, `music-2` ...
TRIES = 50
TAKEN = "There is a category of this name."


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryService:
    categories: Categories
    videos: Videos
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def list(self) -> list[Category]:
        """All of them, by name, each with how many public videos it had a minute ago."""
        return self.categories.all()

    def resolve(self, reference: str) -> Category | None:
        """The category that is meant: by uuid, ObjectId, slug or name.

        What is exactly a slug is that: others may have been named so since its own name changed.
        """
        return (
            self.categories.get(reference)
            or self.categories.with_slug(reference)
            or self._called(reference)
        )

    def settle(self, text: str) -> str:
        """What videos hold for this category: its slug, or the text as it is if it is not known."""
        known = self.resolve(text) if text else None
        return known.slug if known else text

    def create(self, actor: Actor, name: str) -> Category:
        """Name a category; its slug is made of the name. Videos that say just that are in it.

        Raises `Forbidden`, `Conflict`, or `Invalid` for a name without a letter or a digit.
        """
        require_admin(actor)
        made = self._add(name, actor.id)
        # What says the slug of another category is in that one.
        if self.categories.with_slug(made.name) is None:
            self.videos.recategorize(made.name, made.slug)
        return made

    def rename(self, actor: Actor, reference: str, name: str) -> Category:
        """Give it another name. Its slug stays, and all that is in it. Raises as `create`."""
        require_admin(actor)
        category = self._get(reference)
        name_key, _ = _keys_of(name)
        try:
            renamed = self.categories.rename(category.id, _tidy(name), name_key, self.now())
        except NameTaken as taken:
            raise _conflict() from taken
        if renamed is None:
            raise _unknown()
        return renamed

    def delete(self, actor: Actor, reference: str, *, move_to: str | None = None) -> None:
        """Forget a category; `move_to` is where its videos go.

        Raises `Conflict` while there are videos in it, and nowhere for them to go.
        """
        require_admin(actor)
        category = self._get(reference)
        if move_to is not None:
            target = self._get(move_to)
            if target.id == category.id:
                message = "This is the category that is to be deleted."
                raise Invalid(message, fields={"move_to": [message]})
            self.videos.recategorize(category.slug, target.slug)
        if self.videos.has_category(category.slug):
            raise Conflict("There are videos in this category. Say with move_to where they go.")
        self.categories.remove(category.id)

    def ensure(self, names: Iterable[str], created_by: str) -> None:
        """For seeding: name those that are not there yet."""
        for name in names:
            # Another process may be seeding as well.
            with suppress(Conflict):
                if self._called(name) is None:
                    self._add(name, created_by)

    def count(self) -> None:
        """Note how many public videos each has: one pass over an index, for all of them."""
        known = self.categories.all()
        counts = self.videos.count_by_category() if known else {}
        current = {category.slug: counts.get(category.slug, 0) for category in known}
        before = {category.slug: category.video_count for category in known}
        changed = {slug: n for slug, n in current.items() if before[slug] != n}
        self.categories.note_counts(changed)

    def _add(self, name: str, created_by: str | None) -> Category:
        name_key, slug = _keys_of(name)
        for number in range(1, TRIES):
            made = self._new(
                name, name_key, slug if number == 1 else f"{slug}-{number}", created_by
            )
            try:
                self.categories.add(made)
            except NameTaken as taken:
                if taken.field == "name":
                    raise _conflict() from taken
            else:
                return made
        raise _conflict()

    def _new(self, name: str, name_key: str, slug: str, created_by: str | None) -> Category:
        now = self.now()
        return Category(
            **identity(self.new_id()),
            name=_tidy(name),
            name_key=name_key,
            slug=slug,
            created_by=created_by,
            created_at=now,
            updated_at=now,
        )

    def _called(self, text: str) -> Category | None:
        return self.categories.called(_key(text), _slug(text))

    def _get(self, reference: str) -> Category:
        found = self.resolve(reference)
        if found is None:
            raise _unknown()
        return found


def _tidy(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).split())


def _key(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _slug(name: str) -> str:
    """In Latin letters, whatever the script: addresses and filters are typed with them."""
    return slugify(name, max_length=SLUG_LENGTH)


def _keys_of(name: str) -> tuple[str, str]:
    slug = _slug(name)
    if not slug:
        message = "A name has a letter or a digit at least."
        raise Invalid(message, fields={"name": [message]})
    return _key(name), slug


def _conflict() -> Conflict:
    return Conflict(TAKEN, fields={"name": [TAKEN]})


def _unknown() -> NotFound:
    return NotFound("Category not found")

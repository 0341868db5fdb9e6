"""Lists of videos: which ones, in which order, and the index that answers each.

Two kinds. What everybody may see is read from partial indexes that hold just those videos: one for
each of nothing, a category, a tag, and both, in each order; an author's are narrowed further within
the keys of one index. What only an owner or staff may see, whatever its state, has indexes of its
own. Every query names its index, so that the planner has nothing to guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bson.min_key import MinKey
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.collection import Collection
from pymongo.errors import ExecutionTimeout

from models.documents import After, Document, from_doc
from models.errors import Invalid
from models.video import PUBLIC, ProcessingStatus, Sort, Video, Visibility

# A search orders the first so many videos that it finds.
SEARCHED = 1_000
# How a list of any state may be sorted: what is not published has no place in the other orders.
ANY_STATE_SORTS = (Sort.CREATED, Sort.POPULAR)

_PUBLIC_ONLY = {"partialFilterExpression": PUBLIC}
_TOO_MUCH = "Too many videos had to be looked at. Ask for something rarer, or filter by less."


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Which videos, in which order: of those that everybody may see, or of `any_state`."""

    sort: Sort = Sort.LATEST
    ascending: bool = False
    category: str | None = None
    # Any of them.
    tags: tuple[str, ...] = ()
    author_id: str | None = None
    any_state: bool = False
    # Of any state, only these.
    visibility: Visibility | None = None
    status: ProcessingStatus | None = None
    min_seconds: float | None = None
    # Shorter than this.
    max_seconds: float | None = None
    # All of them in the title or the description.
    words: str = ""

    @property
    def index(self) -> str:
        """The name of the index that answers this."""
        if self.any_state:
            kind = "any_author" if self.author_id else "any"
        elif self.author_id:
            kind = "public_author"
        else:
            keys = {"category": self.category, "tags": self.tags}
            kind = "_".join(("public", *(key for key, value in keys.items() if value)))
        return f"{kind}_{self.sort.name.lower()}"

    @property
    def order(self) -> list[tuple[str, int]]:
        direction = ASCENDING if self.ascending else DESCENDING
        return [(self.sort.value, direction), ("_id", direction)]

    @property
    def is_narrowed_while_read(self) -> bool:
        """Whether more of the index may have to be read than is answered."""
        by_keys_behind = bool(self.category or self.tags or self.visibility or self.status)
        by_length = (self.min_seconds, self.max_seconds) != (None, None)
        if self.author_id is None:
            return by_length or self.any_state
        return by_length or by_keys_behind

    def where(self) -> Document:
        wanted = {
            "author_id": self.author_id,
            "category": self.category,
            "tags": {"$in": list(self.tags)} if self.tags else None,
            "visibility": self.visibility,
            "processing_status": self.status,
            "duration_seconds": self._length(),
            "$text": {"$search": _all_of(self.words)} if self.words else None,
        }
        state = {"deleted_at": None} if self.any_state else PUBLIC
        return state | {name: value for name, value in wanted.items() if value is not None}

    def beyond(self, after: After) -> Document:
        """What of it follows after this."""
        field, where = self.sort.value, self.where()
        rest = after.beyond(field, ascending=self.ascending)
        if len(self.tags) > 1 and self.author_id is None and not self.any_state:
            # Each tag with each range: the planner merges such, and else would sort them.
            del where["tags"]
            return where | {
                "$or": [part | {"tags": tag} for tag in self.tags for part in rest["$or"]]
            }
        # The outer bound says nothing new, and keeps every plan that there is from the start.
        return where | {field: {"$gte" if self.ascending else "$lte": after.value}} | rest

    def _length(self) -> Document | None:
        bounds = {"$gte": self.min_seconds, "$lt": self.max_seconds}
        return {name: value for name, value in bounds.items() if value is not None} or None


# The newest of what everybody may see.
NEWEST = Listing()


def _index(
    kind: str, sort: Sort, before: Iterable[str], behind: Iterable[str], **options: Any
) -> IndexModel:
    """Keys behind the order narrow a list while it is read, without reading a video."""
    order = [(sort.value, DESCENDING), ("_id", DESCENDING)]
    keys = [*((key, ASCENDING) for key in before), *order, *((key, ASCENDING) for key in behind)]
    return IndexModel(keys, name=f"{kind}_{sort.name.lower()}", **options)


def _public(sort: Sort) -> Iterator[IndexModel]:
    length = ("duration_seconds",)
    for before in ((), ("category",), ("tags",), ("category", "tags")):
        yield _index("_".join(("public", *before)), sort, before, length, **_PUBLIC_ONLY)
    behind = (*length, "category", "tags")
    yield _index("public_author", sort, ("author_id",), behind, **_PUBLIC_ONLY)


def _any_state(sort: Sort) -> Iterator[IndexModel]:
    behind = ("deleted_at", "category", "visibility", "processing_status", "tags")
    yield _index("any", sort, (), behind)
    yield _index("any_author", sort, ("author_id",), behind)


class Listings:
    """A part of `Videos`."""

    INDEXES = (
        *(index for sort in Sort for index in _public(sort)),
        *(index for sort in ANY_STATE_SORTS for index in _any_state(sort)),
        IndexModel(
            [("title", "text"), ("description", "text"), ("author_id", ASCENDING)],
            name="words",
            weights={"title": 5, "description": 1},
            # Words as they are written: titles come in every language.
            default_language="none",
            language_override="text_language",
        ),
    )

    collection: Collection[Document]
    # How long may be looked for what no index narrows down to its answer.
    search_milliseconds = 2_000

    def listed(
        self, listing: Listing, *, after: After | None = None, skip: int = 0, limit: int
    ) -> list[Video]:
        """A page: from `after` on, or having skipped `skip`.

        Raises `Invalid` where too much would have to be looked at.
        """
        find = self._searched if listing.words else self._read
        with _bounded():
            return [from_doc(Video, doc) for doc in find(listing, after, skip, limit)]

    def count_listed(self, listing: Listing, *, most: int | None = None) -> int:
        """How many videos are in it, counted up to `most`. Raises `Invalid` as `listed` does."""
        if listing.words:
            most = min(most or SEARCHED, SEARCHED)
        options: Document = {"maxTimeMS": self.search_milliseconds} if most else {}
        options |= {"limit": most} if most else {}
        options |= {} if listing.words else {"hint": listing.index}
        with _bounded():
            return self.collection.count_documents(listing.where(), **options)

    def _read(
        self, listing: Listing, after: After | None, skip: int, limit: int
    ) -> Iterable[Document]:
        where = listing.beyond(after) if after else listing.where()
        if listing.is_narrowed_while_read and not after:
            # Without a bound of the order, keys behind it are not looked at before the video is.
            where |= {listing.sort.value: {"$gt": MinKey()}}
        found = self.collection.find(where).hint(listing.index).sort(listing.order)
        if listing.is_narrowed_while_read:
            found = found.max_time_ms(self.search_milliseconds)
        return found.skip(skip).limit(limit)

    def _searched(
        self, listing: Listing, after: After | None, skip: int, limit: int
    ) -> Iterable[Document]:
        """No index has both words and an order: so many are found, and then put in order."""
        field, ascending = listing.sort.value, listing.ascending
        stages: list[Document] = [
            {"$match": listing.where()},
            {"$limit": SEARCHED},
            {"$match": after.beyond(field, ascending=ascending) if after else {}},
            {"$sort": dict(listing.order)},
            {"$skip": skip},
            {"$limit": limit},
        ]
        return self.collection.aggregate(stages, maxTimeMS=self.search_milliseconds)


def _all_of(words: str) -> str:
    """In quotes each word has to be there; a minus before one means nothing."""
    plain = (word.lstrip("-") for word in words.replace('"', " ").replace("\\", " ").split())
    return " ".join(f'"{word}"' for word in plain if word)


@contextmanager
def _bounded() -> Iterator[None]:
    try:
        yield
    except ExecutionTimeout as slow:
        raise Invalid(_TOO_MUCH) from slow

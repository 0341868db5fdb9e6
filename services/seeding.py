"""Seeding: 001's two videos, local files through the real pipeline, catalogues of any size."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from models.documents import identity
from models.user import Role, User
from models.users import Taken, Users
from models.video import Processing, ProcessingStatus, Video
from models.videos import Videos
from services.accounts.passwords import Passwords
from services.adapters.media.images import title_card
from services.adapters.storage import Storage
from services.policies import Actor
from services.uploads.uploads import Details, Upload, UploadService
from services.videos.catalogue import VideoPage
from services.videos.categories import CategoryService
from services.videos.keys import poster_key
from services.videos.ranking import first_score

BATCH = 1000
SEED_USERNAME = "clutch"
CATEGORIES = ("education", "music", "sports", "technology", "travel")
TAGS = ("featured", "howto", "interview", "live", "review", "short", "story")


@dataclass(frozen=True, slots=True)
class YouTubeVideo:
    youtube_id: str
    title: str
    description: str


# 001's, newest first as its example answer shows them.
SEED_VIDEOS = (
    YouTubeVideo(
        "CBYhVcO4WgI",
        "How to Start a Startup - Sam Altman (Y Combinator)",
        "Learn the fundamentals of building a successful startup...",
    ),
    YouTubeVideo(
        "UF8uR6Z6KLc",
        "Steve Jobs Stanford Commencement Address",
        "Steve Jobs delivers an inspiring commencement speech...",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedingService:
    videos: Videos
    users: Users
    uploads: UploadService
    storage: Storage
    passwords: Passwords
    categories: CategoryService
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def youtube(self) -> list[Video]:
        """001's videos, and some categories. Seeding again changes nothing but texts."""
        author, now = self.author(), self.now()
        self.categories.ensure((name.title() for name in CATEGORIES), author.id)
        return [
            self._youtube_video(seed, author, now - timedelta(minutes=age))
            for age, seed in enumerate(SEED_VIDEOS)
        ]

    def upload(self, path: Path) -> VideoPage:
        """Send a copy of a local file through the pipeline, as an upload of the seed author's."""
        author = self.author()
        with tempfile.NamedTemporaryFile(dir=self.storage.incoming(), delete=False) as copy:
            shutil.copyfile(path, copy.name)
        try:
            return self.uploads.create(
                Actor(id=author.id, role=author.role),
                Upload(path=Path(copy.name), filename=path.name),
                Details(title=path.stem.replace("_", " ")[:100] or path.name),
                counted=False,
            )
        finally:
            Path(copy.name).unlink(missing_ok=True)

    def catalogue(self, users: int, videos: int) -> Iterator[int]:
        """Write a demo catalogue, yielding how many rows each batch added.

        Its videos are playable to every list and look-up, and have no media behind them.
        """
        password_hash = self.passwords.hash(secrets.token_urlsafe(32))
        made = [self._user(f"demo_{self.new_id()[-12:]}", password_hash) for _ in range(users)]
        for batch in _batches(made):
            self.users.add_many(batch)
            yield len(batch)
        authors = [user.id for user in made] or [self.author().id]
        start, views = self.now(), Counter[str]()
        for first in range(0, videos, BATCH):
            numbers = range(first, min(first + BATCH, videos))
            batch = [self._demo_video(n, authors, start) for n in numbers]
            self.videos.add_many(batch)
            for video in batch:
                views[video.author_id] += video.view_count
            yield len(numbers)
        self.users.add_views_of(views)

    def author(self) -> User:
        """The account that owns what is seeded. Its password is known to nobody."""
        if known := self.users.by_login(SEED_USERNAME):
            return known
        user = self._user(
            SEED_USERNAME, self.passwords.hash(secrets.token_urlsafe(32)), name="CLUTCH"
        )
        try:
            self.users.add(user)
        except Taken:
            return self.author()
        return user

    def _user(self, username: str, password_hash: str, *, name: str = "") -> User:
        now = self.now()
        return User(
            **identity(self.new_id()),
            email=f"{username}@clutch.invalid",
            username=username,
            username_key=username,
            display_name=name or username.replace("_", " ").title(),
            password_hash=password_hash,
            role=Role.CREATOR,
            created_at=now,
            updated_at=now,
        )

    def _youtube_video(self, seed: YouTubeVideo, author: User, published: datetime) -> Video:
        kept = self.videos.add_youtube(
            Video(
                **identity(self.new_id()),
                author_id=author.id,
                title=seed.title,
                description=seed.description,
                youtube_id=seed.youtube_id,
                created_at=published,
                updated_at=published,
                published_at=published,
                processing_status=ProcessingStatus.READY,
                processing=Processing(stage="ready", percent=100.0),
                playable=True,
                has_poster=True,
                ranking_score=first_score(published),
            )
        )
        # YouTube's own picture would do, were its URL not made of the id (contract section 3).
        if self.storage.head(poster_key(kept.id)) is None:
            card = self.storage.incoming() / f"card-{self.new_id()}.jpg"
            card.write_bytes(title_card(seed.title))
            self.storage.adopt(card, poster_key(kept.id))
        return kept

    def _demo_video(self, number: int, authors: list[str], start: datetime) -> Video:
        published = start - timedelta(minutes=number)
        return Video(
            **identity(self.new_id()),
            author_id=authors[number % len(authors)],
            title=f"Demo video {number + 1}",
            description="A row of the demo catalogue, without media behind it.",
            category=CATEGORIES[number % len(CATEGORIES)],
            tags=tuple(dict.fromkeys((TAGS[number % len(TAGS)], TAGS[number // 7 % len(TAGS)]))),
            created_at=published,
            updated_at=published,
            published_at=published,
            processing_status=ProcessingStatus.READY,
            processing=Processing(stage="ready", percent=100.0),
            playable=True,
            playback_version="v2",
            duration_seconds=60.0 + number % 600,
            view_count=number * 7919 % 100_000,
            ranking_score=first_score(published),
        )


def _batches(users: list[User]) -> Iterator[list[User]]:
    for first in range(0, len(users), BATCH):
        yield users[first : first + BATCH]

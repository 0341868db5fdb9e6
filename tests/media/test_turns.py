"""Whose work a worker does next, and who holds a video or a piece of one meanwhile."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from models.chunks import Chunk, Chunks
from models.documents import identity
from models.video import Phase, Processing, ProcessingStatus, Video
from models.videos import Videos
from models.waiting import Kind
from services.adapters.media.ffmpeg import fair_threads
from services.adapters.queue import Job
from services.container import Services
from tests.conftest import Person

LATER = dt.timedelta(minutes=1)


@pytest.fixture
def videos(services: Services) -> Videos:
    return services.catalogue.videos


@pytest.fixture
def chunks(services: Services) -> Chunks:
    return services.turns.chunks


@pytest.fixture
def wait_in_line(add_video: Callable[..., Video], services: Services) -> Callable[..., Video]:
    """Have a video wait for a worker, `ago` seconds and more."""

    def add(author: Person, ago: float = 0, phase: Phase = Phase.FIRST) -> Video:
        since = services.turns.now() - dt.timedelta(seconds=ago)
        status = ProcessingStatus.UPLOADED if phase is Phase.FIRST else ProcessingStatus.PROCESSING
        return add_video(
            author,
            processing_status=status,
            playable=False,
            processing=Processing(lease_until=since, phase=phase),
        )

    return add


@pytest.fixture
def plan(services: Services, chunks: Chunks) -> Callable[..., list[Chunk]]:
    def add(video: Video, count: int) -> list[Chunk]:
        made = [
            Chunk(
                **identity(services.turns.pieces.new_id()),
                video_id=video.id,
                author_id=video.author_id,
                number=number,
                first_frame=50 * number,
                frames=50,
                media={},
                lease_until=services.turns.now(),
            )
            for number in range(count)
        ]
        chunks.plan(made)
        return made

    return add


def names(services: Services, *people: Person) -> list[str]:
    """Whose turn it is, one after the other, as long as each video takes no time at all."""
    by_id = {person.user.id: person.user.username for person in people}
    videos, turns, found = services.catalogue.videos, services.turns, []
    while order := turns.order():
        now = turns.now()
        chosen = videos.next_of(order[0].author_id, order[0].kind, now)
        assert chosen
        turns.turns.took(order[0].author_id, now)
        claimed = videos.claim(chosen, "lease", now=now, until=now + LATER)
        assert claimed
        videos.finish(chosen, "lease", progressive="x", now=now)
        found.append(by_id[claimed.author_id])
    return found


def test_who_uploads_much_does_not_keep_others_waiting(services, ann, bob, join, wait_in_line):
    cyd = join("cyd")
    for ago in range(100, 94, -1):
        wait_in_line(ann, ago)
    for author, ago in ((bob, 50), (bob, 40), (cyd, 30)):
        wait_in_line(author, ago)
    assert names(services, ann, bob, cyd) == [
        *("ann", "bob", "cyd"),
        *("ann", "bob"),
        *("ann", "ann", "ann", "ann"),
    ]


def test_who_has_the_least_under_way_comes_first(services, videos, ann, bob, wait_in_line):
    now = services.turns.now()
    running = wait_in_line(ann, 300)
    videos.claim(running.id, "lease", now=now, until=now + LATER)
    wait_in_line(ann, 200)
    wait_in_line(bob, 10)
    assert [work.author_id for work in services.turns.order()] == [bob.user.id, ann.user.id]


def test_a_worker_that_died_counts_for_nothing(services, videos, ann, bob, wait_in_line, clock):
    now = services.turns.now()
    dead = wait_in_line(ann, 300)
    videos.claim(dead.id, "lease", now=now, until=now + LATER)
    assert services.turns.order() == []
    clock.forward(seconds=61)
    wait_in_line(bob)
    order = services.turns.order()
    assert [work.author_id for work in order] == [ann.user.id, bob.user.id]


def test_everybodys_first_rendition_comes_before_anybodys_rest(
    services, ann, bob, wait_in_line, plan
):
    long = wait_in_line(ann, 300, Phase.CHUNKS)
    wait_in_line(ann, 200, Phase.REST)
    plan(long, 3)
    wait_in_line(bob, 10)
    assert [(work.author_id, work.kind) for work in services.turns.order()] == [
        (bob.user.id, Kind.FIRST),
        (ann.user.id, Kind.REST),
        (ann.user.id, Kind.CHUNK),
    ]


def test_nobody_is_there_twice_in_a_turn_however_much_they_have(services, ann, wait_in_line):
    for _ in range(20):
        wait_in_line(ann)
    assert len(services.turns.order()) == 1


def test_what_was_deleted_waits_for_nothing(services, videos, ann, wait_in_line):
    gone = wait_in_line(ann)
    videos.withdraw(gone.id, services.turns.now())
    assert services.turns.order() == []


def test_whose_turn_it_was_is_forgotten_with_the_person(services, ann):
    services.turns.turns.took(ann.user.id, services.turns.now())
    assert services.turns.turns.of([ann.user.id])
    assert services.turns.turns.forget_all_of in services.deletion.forgetting
    assert services.turns.chunks.forget_all_of in services.deletion.forgetting


def test_workers_share_the_processors():
    assert fair_threads(1) >= fair_threads(2) >= fair_threads(1000) == 1


# Phases


def held(videos: Videos, video: Video, now: dt.datetime) -> Video:
    claimed = videos.claim(video.id, "mine", now=now, until=now + LATER)
    assert claimed
    return claimed


def test_what_waits_for_its_pieces_can_be_claimed_by_nobody(services, videos, ann, wait_in_line):
    waiting, now = wait_in_line(ann), services.turns.now()
    video = held(videos, waiting, now)
    assert videos.hand_over(video.id, "mine", Phase.CHUNKS, now=now)
    assert videos.claim(video.id, "other", now=now + LATER, until=now + 2 * LATER) is None
    assert list(videos.stalled(now + LATER)) == []
    assert [v.id for v in videos.in_pieces()] == [video.id]


def test_of_all_who_see_the_last_piece_done_one_lets_the_video_go_on(
    services, videos, ann, wait_in_line
):
    waiting, now = wait_in_line(ann), services.turns.now()
    video = held(videos, waiting, now)
    assert not videos.resume(video.id, now=now), "its first rendition is not there yet"
    videos.hand_over(video.id, "mine", Phase.CHUNKS, now=now)
    with ThreadPoolExecutor(8) as pool:
        resumed = list(pool.map(lambda _: videos.resume(video.id, now=now), range(16)))
    assert resumed.count(True) == 1
    going_on = videos.claim(video.id, "other", now=now, until=now + LATER)
    assert going_on.processing.phase is Phase.REST
    assert going_on.processing.attempts == 1, "each phase has attempts of its own"


def test_what_is_handed_over_is_the_holders_to_hand_over(services, videos, ann, wait_in_line):
    waiting, now = wait_in_line(ann), services.turns.now()
    video = held(videos, waiting, now)
    assert not videos.hand_over(video.id, "another's", Phase.REST, now=now)
    assert videos.get(video.id).processing.lease == "mine"


def test_pieces_report_progress_that_never_goes_back(services, videos, ann, wait_in_line):
    waiting, now = wait_in_line(ann), services.turns.now()
    video = held(videos, waiting, now)
    assert videos.advance(video.id, 30.0) is None, "its holder says how far it is"
    videos.hand_over(video.id, "mine", Phase.CHUNKS, now=now)
    for percent, shown in ((30.0, 30.0), (25.0, 30.0), (40.0, 40.0)):
        assert videos.advance(video.id, percent).processing.percent == shown


# Pieces


def test_a_piece_is_held_by_one_worker_at_a_time(services, chunks, ann, wait_in_line, plan, clock):
    (chunk,) = plan(wait_in_line(ann), 1)
    now = services.turns.now()
    with ThreadPoolExecutor(8) as pool:
        claims = list(
            pool.map(lambda n: chunks.claim(chunk.id, str(n), now=now, until=now + LATER), range(8))
        )
    won = [claim for claim in claims if claim]
    assert len(won) == 1
    lease = won[0].lease
    assert chunks.renew(chunk.id, "another's", until=now, percent=1.0) is None
    assert not chunks.finish(chunk.id, "another's")
    taken = chunks.claim(chunk.id, "next", now=now + LATER, until=now + 2 * LATER)
    assert taken.attempts == 2
    assert not chunks.finish(chunk.id, lease), "it passed to another"
    assert chunks.finish(chunk.id, "next")
    assert chunks.claim(chunk.id, "again", now=now + 9 * LATER, until=now + 10 * LATER) is None


def test_planning_again_changes_nothing(services, chunks, ann, wait_in_line, plan):
    video = wait_in_line(ann)
    first = plan(video, 3)
    now = services.turns.now()
    chunks.claim(first[1].id, "lease", now=now, until=now + LATER)
    plan(video, 3)
    kept = chunks.of_video(video.id)
    assert [chunk.id for chunk in kept] == [chunk.id for chunk in first]
    assert kept[1].lease == "lease"


def test_progress_counts_frames_and_not_pieces(services, chunks, ann, wait_in_line, plan):
    video = wait_in_line(ann)
    first, second = plan(video, 2)
    chunks.collection.update_one({"id": second.id}, {"$set": {"frames": 150}})
    now = services.turns.now()
    chunks.claim(first.id, "lease", now=now, until=now + LATER)
    chunks.finish(first.id, "lease")
    assert chunks.percent(video.id) == 25
    assert not chunks.are_done(video.id)
    assert chunks.percent("unknown") == 0
    assert chunks.are_done("unknown")


def test_the_sweeper_queues_pieces_that_nobody_holds_and_lets_videos_go_on(
    services, videos, chunks, ann, wait_in_line, plan
):
    waiting, now = wait_in_line(ann), services.turns.now()
    video = held(videos, waiting, now)
    (chunk,) = plan(video, 1)
    videos.hand_over(video.id, "mine", Phase.CHUNKS, now=now)
    assert services.turns.pieces.sweep() == 1
    assert services.turns.pieces.sweep() == 0, "it is queued"
    assert services.queue.is_waiting(Job.ENCODE_CHUNK, chunk.id)
    claimed_at = services.turns.now()
    chunks.claim(chunk.id, "lease", now=claimed_at, until=claimed_at + LATER)
    chunks.finish(chunk.id, "lease")
    # Its worker was killed before it could say so.
    services.turns.pieces.sweep()
    assert videos.get(video.id).processing.phase is Phase.REST
    assert services.queue.is_waiting(Job.ENCODE_REST, video.id)


def test_what_is_cancelled_while_others_encode_its_pieces_ends(
    services, videos, chunks, ann, wait_in_line, plan
):
    waiting, now = wait_in_line(ann), services.turns.now()
    video = held(videos, waiting, now)
    plan(video, 3)
    videos.hand_over(video.id, "mine", Phase.CHUNKS, now=now)
    videos.ask_to_cancel(video.id)
    services.turns.pieces.sweep()
    assert chunks.of_video(video.id) == []
    services.turns.take()
    cancelled = videos.get(video.id)
    assert cancelled.processing_status is ProcessingStatus.ERROR
    assert cancelled.processing.error_code == "cancelled"


def test_what_a_killed_worker_did_not_clear_away_is_cleared_by_the_sweeper(
    services, videos, ann, wait_in_line, clock, tmp_path
):
    """Killed between `finish` and the removal of the upload."""
    waiting, now = wait_in_line(ann), services.turns.now()
    video = held(videos, waiting, now)
    storage, kept = services.storage, f"kept/{video.id}/360p.mp4"
    for key in (f"sources/{video.id}", kept, f"progressive/{video.id}.mp4"):
        made = tmp_path / "made"
        made.write_bytes(b"content")
        storage.adopt(made, key)
    videos.finish(video.id, "mine", progressive=f"progressive/{video.id}.mp4", now=now)
    services.transcoding.sweep()
    assert storage.file(kept), "its worker may be about to"
    clock.forward(seconds=31)
    services.transcoding.sweep()
    assert storage.file(kept) is None
    assert storage.file(f"sources/{video.id}") is None
    assert storage.file(f"progressive/{video.id}.mp4")
    assert videos.get(video.id).stored_bytes == 7
    assert list(videos.untidy(services.turns.now() + LATER)) == []

"""`storage check` and `storage move`: all stored media at once."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TypeVar

import click

from blueprints.commands.tool import Tool, connect
from services.container import Services
from services.library.judgement import Finding, Kind
from services.library.moving import Outcome

BACKENDS = ("local", "s3")
UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
STEP = 1024
T = TypeVar("T")


@click.group(cls=Tool)
@click.pass_context
def storage(context: click.Context) -> None:
    """Compare stored media with the database, or move it: where CLUTCH runs, or at MONGO_URL."""
    context.obj = connect()


@storage.command()
@click.option("--repair", is_flag=True, help="Remove what has been orphaned for an hour.")
@click.pass_obj
def check(services: Services, *, repair: bool) -> None:
    """Say what is missing, orphaned, unknown or of the wrong size; exit with 1 if anything is."""
    seen, left = Counter[str](), Counter[str]()
    length = services.library_check.expected_steps()
    for step in _shown(services.library_check.check(repair=repair), "Checking", length):
        seen.update(videos=1, files=step.files, bytes=step.size_bytes)
        for finding in step.findings:
            is_repaired = finding in step.repaired
            click.echo(f"{_described(finding)}{'  removed' if is_repaired else ''}")
            left[finding.kind] += not is_repaired
    click.echo(f"Looked at {seen['files']} files, {size(seen['bytes'])}: {_summary(left)}.")
    sys.exit(1 if left.total() else 0)


@storage.command()
@click.option("--to", "target", type=click.Choice(BACKENDS), required=True, help="Where to.")
@click.option("--delete-source", is_flag=True, help="Remove each file that is in both places.")
@click.pass_obj
def move(services: Services, target: str, *, delete_source: bool) -> None:
    """Copy all media to the other backend; begun again, it goes on where it was.

    Everything goes on playing from where it is. When all is there, set MEDIA_STORAGE_BACKEND, start
    CLUTCH anew, and use --delete-source.
    """
    source = next(name for name in BACKENDS if name != target)
    moved = services.library_move.move(source, target, delete_source=delete_source)
    outcomes, copied_bytes = Counter[Outcome](), 0
    for step in _shown(moved, f"Moving to {target}", services.library_move.expected_steps(source)):
        outcomes[step.outcome] += 1
        copied_bytes += step.entry.size_bytes if step.outcome is Outcome.COPIED else 0
    click.echo(
        f"{outcomes[Outcome.COPIED]} files copied ({size(copied_bytes)}),"
        f" {outcomes[Outcome.THERE]} were there already."
    )


def _shown(steps: Iterable[T], label: str, length: int) -> Iterator[T]:
    """With a bar on a terminal; elsewhere only what is found is printed."""
    with click.progressbar(
        steps, length=max(length, 1), label=label, file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as shown:
        yield from shown


def _described(finding: Finding) -> str:
    many = f", {finding.files} files" if finding.files > 1 else ""
    wanted = finding.expected_bytes
    expected = "" if wanted is None else f", {size(wanted)} expected"
    return f"{finding.kind:<10}  {finding.key}  ({size(finding.size_bytes)}{many}{expected})"


def _summary(left: Counter[str]) -> str:
    found = [f"{left[kind]} {kind}" for kind in Kind if left[kind]]
    return ", ".join(found) or "all is as the database says"


def size(size_bytes: float) -> str:
    """As people read it: `1.5 MiB`."""
    unit = 0
    while size_bytes >= STEP and unit < len(UNITS) - 1:
        size_bytes, unit = size_bytes / STEP, unit + 1
    return f"{size_bytes:.1f} {UNITS[unit]}" if unit else f"{size_bytes} {UNITS[0]}"

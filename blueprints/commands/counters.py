"""`counters check`: every counter beside the rows that it counts."""

from __future__ import annotations

import sys

import click

from blueprints.commands.tool import Tool, connect
from services.container import Services
from services.social.recounting import Difference


@click.group(cls=Tool)
@click.pass_context
def counters(context: click.Context) -> None:
    """Compare counters with what they count: where CLUTCH runs, or at MONGO_URL."""
    context.obj = connect()


@counters.command()
@click.option("--repair", is_flag=True, help="Have the counters say what the rows say.")
@click.pass_obj
def check(services: Services, *, repair: bool) -> None:
    """Count followers, likes, comments and totals again; exit with 1 if anything differs.

    CLUTCH can go on running meanwhile.
    """
    looked_at = different = 0
    length = services.recounting.expected_holders()
    with click.progressbar(
        length=max(length, 1), label="Counting", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as shown:
        for step in services.recounting.check(repair=repair):
            shown.update(step.holders)
            looked_at += step.holders
            different += len(step.differences)
            for difference in step.differences:
                click.echo(f"{_described(difference)}{'  mended' if step.is_mended else ''}")
    click.echo(f"Looked at {looked_at} rows with counters: {_summary(different, repair=repair)}.")
    sys.exit(1 if different and not repair else 0)


def _described(found: Difference) -> str:
    where = f"{found.ledger}/{found.holder_id} {found.counter}"
    return f"{where}: says {found.says}, and there are {found.rows}"


def _summary(different: int, *, repair: bool) -> str:
    if not different:
        return "all are as the rows say"
    return f"{different} {'mended' if repair else 'differ; --repair mends them'}"

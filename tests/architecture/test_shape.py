"""The shape of the code: rules that no linter knows. Each failure says what to do."""

from __future__ import annotations

import ast
import importlib
import inspect
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from blueprints.http.dialect import STATUS, Dialect, status_of
from blueprints.site import FAMILIES
from models import errors
from services.adapters.queue import Job

ROOT = Path(__file__).parents[2]
PACKAGES = ("blueprints", "embedded", "models", "services", "workers")
CODE = sorted(
    [*ROOT.glob("*.py"), *(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))]
)
VIEWS = [
    path
    for path in CODE
    if path.is_relative_to(ROOT / "blueprints")
    and path.parent.name not in {"http", "blueprints", "schemas"}
    and path.stem not in {"__init__", "dialect", "pages"}
]
FUNCTION_LINES, FILE_LINES = 40, 300
# One line for each setting.
LONGER = {"config.py": 400}
VAGUE = {"utils", "util", "helpers", "helper", "common", "base", "misc", "shared", "stuff"}
# Who may read the environment, and what for.
READS_ENVIRONMENT = {
    "config.py": "Settings",
    # prometheus_client takes its folder from nowhere else.
    "app.py": "PROMETHEUS_MULTIPROC_DIR",
    "blueprints/ops.py": "PROMETHEUS_MULTIPROC_DIR",
    # Hands all of it on to the processes that it starts.
    "embedded/handover.py": "**os.environ",
}
ERRORS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.ClutchError)
]

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, Function):
            yield node


def lines(function: Function) -> int:
    """From `def` to its last line: decorators and what stands above do not count."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def test_there_is_code_to_look_at():
    assert len(CODE) > 60
    assert len(VIEWS) >= 6


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_functions_and_files_are_short(path):
    long = {f.name: lines(f) for f in functions(path) if lines(f) > FUNCTION_LINES}
    assert not long, f"split {long}"
    count = len(path.read_text().splitlines())
    most = LONGER.get(name_of(path), FILE_LINES)
    assert count <= most, f"{count} lines: make two files of two nouns"


def test_most_functions_are_read_at_a_glance():
    sizes = [lines(f) for path in CODE for f in functions(path)]
    assert statistics.median(sizes) <= 8
    assert sum(size <= 20 for size in sizes) / len(sizes) >= 0.9


def test_every_module_says_what_lives_in_it():
    silent = [
        name_of(p) for p in CODE if p.read_text().strip() and not ast.get_docstring(tree_of(p))
    ]
    assert not silent, "open them with a sentence on what lives there"


def test_every_module_is_named_after_what_it_holds():
    assert not [name_of(path) for path in CODE if path.stem in VAGUE], "name the thing it is"


@pytest.mark.parametrize("path", VIEWS, ids=name_of)
def test_a_view_calls_one_service_and_decides_nothing(path):
    for view in tree_of(path).body:
        if not isinstance(view, Function) or not any(map(is_route, view.decorator_list)):
            continue
        calls = [n for n in ast.walk(view) if is_call_of(n, "services")]
        branches = [
            n
            for n in ast.walk(view)
            if isinstance(n, ast.If | ast.IfExp | ast.For | ast.While | ast.Try | ast.Match)
        ]
        where = f"{name_of(path)}:{view.lineno} {view.name}"
        assert len(calls) <= 1, f"{where}: make one use-case of what it calls"
        if path.stem != "ops" and path.parent.name != "playback":
            assert not branches, f"{where}: move the decision into services/"


def is_route(decorator: ast.expr) -> bool:
    return (
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and decorator.func.attr == "route"
    )


def is_call_of(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


@pytest.mark.parametrize("job", Job)
def test_every_job_exists_and_takes_only_strings(job):
    module, _, name = job.value.rpartition(".")
    function = getattr(importlib.import_module(module), name)
    hints = inspect.get_annotations(function, eval_str=True)
    assert hints.pop("return") is None
    assert hints
    assert set(hints.values()) == {str}, "give a job ids: it may run after a deploy"


def test_every_function_among_the_jobs_can_be_queued():
    jobs = {f.name for f in functions(ROOT / "workers/jobs.py")}
    assert {job.value for job in Job} == {f"workers.jobs.{name}" for name in jobs}


@pytest.mark.parametrize("dialect", [family.dialect for family in FAMILIES], ids=lambda d: d.name)
@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_dialect_can_say_every_error(dialect: Dialect, kind):
    with Flask("test").test_request_context():
        answer = dialect.failure(kind("what went wrong", fields={"title": ["Too long."]}))
    assert answer.status_code == status_of(kind("x"))
    assert 400 <= answer.status_code <= 599
    body = answer.get_data(as_text=True)
    assert all(word in body for word in ("what went wrong", kind.code, "title", "Too long."))


def test_every_error_has_a_status_of_its_own_or_of_its_kind():
    assert set(STATUS) <= set(ERRORS)
    assert {status_of(kind("x")) for kind in ERRORS} == {
        400, 401, 403, 404, 409, 410, 412, 413, 415, 423, 429, 451, 460, 500, 503,
    }  # fmt: skip


def test_only_the_settings_read_the_environment():
    for path in CODE:
        read = any(
            isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv"}
            for node in ast.walk(tree_of(path))
        )
        if read:
            assert name_of(path) in READS_ENVIRONMENT, f"{path}: make it a setting in config.py"
            assert READS_ENVIRONMENT[name_of(path)] in path.read_text()


def test_nothing_is_swallowed():
    """A handler for everything raises again; the 500 handler of failures.py is no `except`."""
    for path in CODE:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ExceptHandler):
                named = ast.unparse(node.type) if node.type else "BaseException"
                raised = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
                where = f"{name_of(path)}:{node.lineno}"
                assert raised or named not in {"Exception", "BaseException"}, where

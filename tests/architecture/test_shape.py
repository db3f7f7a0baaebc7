"""What can be said of all our code at once."""

import ast
import dataclasses
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from config.composition import build_application
from eventstore.commands import Command
from eventstore.events import Event

PROJECT = Path(__file__).resolve().parent.parent.parent
FOLDERS = ("config", "projections", "ledger", "eventstore")
APPLICATION = build_application()
COMMANDS = [entry.command_class for entry in APPLICATION.commands]
EVENTS = [entry.event_class for entry in APPLICATION.events]


def source_files() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((PROJECT / folder).rglob("*.py"))]


#: What is asked for below; the other nodes are not kept.
ASYNCHRONOUS = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)
KINDS = (ast.FunctionDef, ast.ClassDef, ast.Call, *ASYNCHRONOUS)


@cache
def nodes() -> list[tuple[str, ast.AST]]:
    """Every node of our code of these kinds, with the place it stands in."""
    return [
        (f"{path.relative_to(PROJECT)}:{node.lineno}", node)
        for path in source_files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, KINDS)
    ]


def places(*kinds: type[ast.AST]) -> list[str]:
    return [place for place, node in nodes() if isinstance(node, kinds)]


def test_commands_and_events_share_no_base_but_object() -> None:
    assert len(COMMANDS) >= 6
    assert len(EVENTS) >= 6
    for command in COMMANDS:
        for event in EVENTS:
            assert set(command.__mro__) & set(event.__mro__) == {object}


@pytest.mark.parametrize("message", [Command, *COMMANDS, *EVENTS], ids=lambda cls: cls.__name__)
def test_a_message_is_a_frozen_dataclass_with_slots_and_keywords_only(message: type) -> None:
    assert dataclasses.is_dataclass(message)
    parameters = message.__dataclass_params__
    assert parameters.frozen
    assert "__slots__" in vars(message)
    assert all(field.kw_only for field in dataclasses.fields(message))
    assert message.__dictoffset__ == 0


@pytest.mark.parametrize("message", [*COMMANDS, *EVENTS], ids=lambda cls: cls.__name__)
def test_a_message_derives_from_its_marker_alone(message: type) -> None:
    assert message.__bases__ in ((Command,), (Event,))


def test_nothing_is_asynchronous() -> None:
    assert places(*ASYNCHRONOUS) == []


def test_no_class_registers_or_changes_its_subclasses() -> None:
    hooks = {"__init_subclass__", "__class_getitem__", "__set_name__", "__prepare__"}

    assert [
        place
        for place, node in nodes()
        if isinstance(node, ast.FunctionDef) and node.name in hooks
    ] == []


def test_there_is_no_metaclass() -> None:
    assert [
        place
        for place, node in nodes()
        if isinstance(node, ast.ClassDef)
        and (
            any(keyword.arg == "metaclass" for keyword in node.keywords)
            or any(isinstance(base, ast.Name) and base.id == "type" for base in node.bases)
        )
    ] == []


def test_no_class_is_made_at_run_time() -> None:
    makers = {"make_dataclass", "new_class", "create_model"}

    def makes_a_class(node: ast.AST) -> bool:
        if not isinstance(node, ast.Call):
            return False
        function = node.func
        name = ast.unparse(function).rpartition(".")[2]
        return name in makers or (name == "type" and len(node.args) == 3)

    assert [place for place, node in nodes() if makes_a_class(node)] == []


#: Decorators that change what is decorated, and register it nowhere.
DECORATORS = {
    "abstractmethod", "atexit.register", "cache", "cached_property", "classmethod",
    "contextmanager", "dataclass", "functools.cache", "override", "property",
    "runtime_checkable", "staticmethod", "total_ordering",
}  # fmt: skip
#: Django's own way to register, in the one place where Django looks for it.
IN_THE_ADMIN = {"admin.register", "admin.display", "admin.action", "method_decorator"}


def test_no_decorator_registers_anything() -> None:
    unknown = []
    for place, node in nodes():
        for decorator in getattr(node, "decorator_list", ()):
            name = ast.unparse(decorator).partition("(")[0]
            is_admin = "/admin" in place and name in IN_THE_ADMIN
            if name not in DECORATORS and not is_admin and not name.endswith(".setter"):
                unknown.append(f"{place} @{name}")

    assert unknown == []


def test_the_import_contracts_hold() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    ended = subprocess.run(
        [lint, "--no-cache"], cwd=PROJECT, capture_output=True, text=True, timeout=120
    )

    assert ended.returncode == 0, ended.stdout[-3000:]


def test_no_model_cascades_into_the_events() -> None:
    models = [path for path in source_files() if "eventstore/models/" in path.as_posix()]
    cascading = [path.name for path in models if "CASCADE" in path.read_text()]

    assert len(models) > 4
    assert cascading == ["tenants.py"], "only API keys go with their tenant and user"


def test_the_walk_sees_the_code() -> None:
    """The measures themselves can fail."""
    assert len(source_files()) > 40
    assert len(places(ast.ClassDef)) > 60

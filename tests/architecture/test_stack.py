"""A breakpoint in a handler shows a short stack of named code of our own."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

from eventstore.api.views import CommandView
from eventstore.application import Application
from eventstore.models import Tenant
from eventstore.store import EventStore
from ledger.accounts.handlers import withdraw_money
from tests.http import api_for

PROJECT = Path(__file__).resolve().parent.parent.parent
OURS = tuple(str(PROJECT / folder) for folder in ("config", "projections", "ledger", "eventstore"))
MOST_FRAMES_OF_OURS = 15


@contextmanager
def stacks_inside(target: CodeType, found: list[list[FrameType]]) -> Generator[None]:
    """Add to `found` the stack, outermost frame first, at each call of a function."""

    def look(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code is target:
            found.append(frames_down_to(frame))

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(before)


def frames_down_to(frame: FrameType | None) -> list[FrameType]:
    frames = []
    while frame is not None:
        frames.insert(0, frame)
        frame = frame.f_back
    return frames


def is_ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(OURS)


@pytest.fixture(params=[withdraw_money, EventStore.append], ids=lambda f: f.__qualname__)
def stack(
    request: pytest.FixtureRequest, application: Application, tenant: Tenant
) -> list[FrameType]:
    """The frames from our view down to the handler or the store, while a command is handled."""
    api = api_for(tenant)
    account = api.opened_account(api.registered_person(), deposit="10.00")
    found: list[list[FrameType]] = []
    with stacks_inside(request.param.__code__, found):
        answer = api.send("withdraw-money", {"aggregate_id": account, "amount": "1.00"})
    assert answer.status == 200
    (frames,) = found
    codes = [frame.f_code for frame in frames]
    return frames[codes.index(CommandView.post.__code__) :]


def test_the_stack_has_at_most_fifteen_frames_of_ours(stack: list[FrameType]) -> None:
    ours = [frame.f_code.co_qualname for frame in stack if is_ours(frame)]

    assert 3 < len(ours) <= MOST_FRAMES_OF_OURS, "\n".join(ours)


def test_no_frame_is_generated_or_a_lambda(stack: list[FrameType]) -> None:
    for frame in stack:
        assert not frame.f_code.co_filename.startswith("<"), frame
        assert frame.f_code.co_name != "<lambda>", frame


def test_every_other_frame_is_djangos_transaction_or_the_standard_library(
    stack: list[FrameType],
) -> None:
    others = {frame.f_code.co_filename for frame in stack if not is_ours(frame)}

    assert all("django/db" in name or name.endswith("contextlib.py") for name in others), others


def test_generated_frames_would_be_noticed() -> None:
    """The measure itself can fail."""
    found: list[list[FrameType]] = []
    names: dict[str, Any] = {}
    exec("def generated(call):\n    call()", names)

    def target() -> None:
        """What the generated function calls."""

    with stacks_inside(target.__code__, found):
        names["generated"](lambda: target())

    (frames,) = found
    codes = [frame.f_code for frame in frames[-3:]]
    assert [code.co_name for code in codes] == ["generated", "<lambda>", "target"]
    assert codes[0].co_filename == "<string>"

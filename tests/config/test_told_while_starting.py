"""A qcluster that is told to end while it still starts ends without a word, and leaves nobody."""

from pathlib import Path

import pytest

from tests.config.background.runners import PATIENCE, runner, wait_until

SETTINGS = "tests.config.background.told_at_a_place"
#: Lines of django-q2 (cluster.py), each about to be run: of the first process as it starts, ...
NOTHING_TO_END = "self.stop_event = Event()"
STARTED = "return self.pid"
FIRST = (
    NOTHING_TO_END,
    "if setproctitle:",
    "self.start_event = Event()",
    "self.sentinel = get_mp_context().Process(",
    "self.sentinel.start()",
    "while self.start_event and not self.start_event.is_set():",
    "if not self.sentinel.is_alive():",
    STARTED,
)
# ... and of its child, which has the signals as they were until it sets its own.
BORN = "signal.signal(signal.SIGINT, signal.SIG_IGN)"
CHILD = (
    BORN,
    "signal.signal(signal.SIGTERM, signal.SIG_DFL)",
    "self.broker.ping()",
    "self.monitor = self.spawn_monitor()",
    "self.start_event.set()",
)


def each(places: tuple[str, ...], *quick: tuple[str, str]) -> list[object]:
    """Each place with each signal; all but the quick ones only in the long proof."""
    pairs = [(place, number) for place in places for number in ("SIGTERM", "SIGINT")]
    assert set(quick) <= set(pairs)
    return [pytest.param(*pair, marks=() if pair in quick else pytest.mark.soak) for pair in pairs]


@pytest.mark.long
@pytest.mark.parametrize(("place", "number"), each(FIRST, (NOTHING_TO_END, "SIGTERM")))
def test_a_qcluster_that_is_told_while_it_starts_ends(
    place: str, number: str, database: None, tmp_path: Path
) -> None:
    ends_quietly(tmp_path / "log", {"TOLD_AT": place, "TOLD_WITH": number})


@pytest.mark.long
@pytest.mark.parametrize(
    ("place", "number"), each(FIRST + CHILD, (BORN, "SIGINT"), (STARTED, "SIGTERM"))
)
def test_a_qcluster_whose_processes_are_all_told_while_it_starts_ends(
    place: str, number: str, database: None, tmp_path: Path
) -> None:
    told = {"TOLD_AT": place, "TOLD_WITH": number, "TOLD_WITH_ALL": "1"}
    ends_quietly(tmp_path / "log", told)


def ends_quietly(log: Path, told: dict[str, str]) -> None:
    with runner("qcluster", log, {"DJANGO_SETTINGS_MODULE": SETTINGS} | told) as running:
        assert running.process.wait(PATIENCE) == 0
        wait_until(lambda: not running.members())
    said = log.read_text()
    assert "told to end" in said
    assert "Traceback" not in said

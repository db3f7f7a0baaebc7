"""How far the background is, as Prometheus counts it: gauges, read anew for each scrape."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from eventstore.lag import Backlog, EndedBadly, Holder, Lag, Mark, ProjectionLag, SetAside
from eventstore.models import Subscription

T = TypeVar("T")

NOT_READ = "Settled events not read yet; counted up to 10,000."

#: Events that a projection has not read are counted up to here: more is as bad, and takes longer.
MOST_COUNTED = 10_000
#: Seconds for which an answer serves those who ask while another one is looked for.
FRESH = 1.0


class OneAtATime(Generic[T]):
    """Looks for an answer in one thread at a time, so that many who ask cost as much as one.

    Whoever asks while nobody looks has an answer of his own.
    """

    def __init__(self) -> None:
        self._looking = Lock()
        self._last: tuple[float, T] | None = None

    def answer(self, look: Callable[[], T]) -> T:
        """Meanwhile the last answer if it is fresh; else wait for the one that is looked for."""
        is_alone = self._looking.acquire(blocking=False)
        if not is_alone:
            if (last := self._fresh()) is not None:
                return last[1]
            self._looking.acquire()
        try:
            last = None if is_alone else self._fresh()
            if last is None:
                found = look()
                last = self._last = (time.monotonic(), found)
            return last[1]
        finally:
            self._looking.release()

    def _fresh(self) -> tuple[float, T] | None:
        last = self._last
        return last if last and time.monotonic() - last[0] < FRESH else None


@dataclass(frozen=True, slots=True)
class Background:
    """Everything that is measured, as it was found in one go."""

    mark: Mark
    holder: Holder | None
    projections: list[ProjectionLag]
    commands: Backlog
    reactions: Backlog
    rebuilds: Backlog
    aside: SetAside
    ended_badly: list[EndedBadly]


def measured(lag: Lag) -> Background:
    return Background(
        mark=lag.mark(),
        holder=lag.holder(),
        projections=lag.projections(count_up_to=MOST_COUNTED),
        commands=lag.due_commands(),
        reactions=lag.due_reactions(),
        rebuilds=lag.due_rebuilds(),
        aside=lag.set_aside(),
        ended_badly=lag.ended_badly(),
    )


class BackgroundCollector(Collector):
    def __init__(self, background: Background) -> None:
        self._background = background

    def collect(self) -> Iterator[Metric]:
        yield from self._of_projections()
        yield from self._of_the_rest()

    def _of_projections(self) -> Iterator[Metric]:
        events = _gauge("projection_lag_events", NOT_READ, "projection")
        seconds = _gauge("projection_lag_seconds", "Age of the oldest of them.", "projection")
        position = _gauge("projection_position", "The last event read.", "projection")
        status = _gauge("projection_status", "1 for its status.", "projection", "status")
        for lag in self._background.projections:
            events.add_metric([lag.name], lag.lag_events)
            seconds.add_metric([lag.name], lag.lag_seconds)
            position.add_metric([lag.name], lag.position)
            for each in Subscription.Status.values:
                status.add_metric([lag.name, each], float(lag.status == each))
        yield from (events, seconds, position, status)

    def _of_the_rest(self) -> Iterator[Metric]:
        found = self._background
        holder = found.holder or Holder(pid=0, seconds=0)
        for name, meaning, value in (
            ("head_position", "The last position drawn.", found.mark.head),
            ("settled_position", "No event at or below it comes later.", found.mark.settled),
            ("due_commands", "Commands that are due.", found.commands.size),
            ("due_oldest_seconds", "The oldest's age.", found.commands.oldest_seconds),
            ("due_reactions", "Reactions and effects that are due.", found.reactions.size),
            ("due_reactions_oldest_seconds", "Likewise.", found.reactions.oldest_seconds),
            ("due_rebuilds", "Rebuilds that nobody begins.", found.rebuilds.size),
            ("due_rebuilds_oldest_seconds", "Likewise.", found.rebuilds.oldest_seconds),
            ("mark_holder_pid", "Who holds the mark back; 0: nobody.", holder.pid or 0),
            ("mark_holder_seconds", "The age of its transaction.", holder.seconds or 0),
        ):
            gauge = _gauge(name, meaning)
            gauge.add_metric([], value)
            yield gauge
        aside = _gauge("set_aside", "Given up, and waiting for an operator.", "kind")
        for kind, count in (
            ("reaction", found.aside.reactions),
            ("command", found.aside.commands),
            ("projection", found.aside.projections),
            ("rebuild", len(found.ended_badly)),
        ):
            aside.add_metric([kind], count)
        yield aside


def _gauge(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"daybook_{name}", meaning, labels=labels)

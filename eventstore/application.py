"""The application object: everything that was registered, and the parts that work on it.

`settings.EVENTSTORE["APPLICATION"]` names the function that builds it, as `SESSION_ENGINE` names
a module. Nothing is registered anywhere else, or by importing.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from django.conf import settings
from django.utils.module_loading import import_string

from eventstore.access import Access
from eventstore.active_modes import ActiveModes
from eventstore.aggregate_types import AggregateTypes
from eventstore.box_commands import BOX, UNBOX, BoxAggregate, UnboxAggregate
from eventstore.box_policies import BoxPolicies
from eventstore.box_policy_log import BoxPolicyLog
from eventstore.box_writing import BoxWriter
from eventstore.boxed_events import BoxedEvents
from eventstore.boxing import Boxing
from eventstore.cache import AggregateCache
from eventstore.cold_storage import ColdStorage
from eventstore.command_bus import CommandBus, assemble
from eventstore.command_log import CommandLog
from eventstore.command_types import CommandTypes
from eventstore.copies import Copies
from eventstore.copying import Copying
from eventstore.database import Database
from eventstore.effect_types import EffectTypes
from eventstore.effects import Effects
from eventstore.errors import BoxDamaged, PendingWork
from eventstore.event_types import EventTypes
from eventstore.execution import CommandExecution
from eventstore.high_water_mark import HighWaterMark
from eventstore.history import History
from eventstore.lag import Lag
from eventstore.loading import AggregateLoader
from eventstore.logged_commands import LoggedCommands
from eventstore.orphans import Orphans
from eventstore.overrides import Overrides
from eventstore.pending_commands import PendingCommands
from eventstore.pipeline import Services, Step
from eventstore.process_managers import ProcessManagers
from eventstore.projection_batches import Batches
from eventstore.projections import Projections
from eventstore.reaction_log import ReactionLog
from eventstore.reactions import Reactions
from eventstore.read_models import ReadModels
from eventstore.reading import EventReader
from eventstore.rebuild_log import RebuildLog
from eventstore.rebuilding import Rebuilding
from eventstore.scheduling import KeepForLater, Scheduling
from eventstore.snapshots import Snapshots
from eventstore.steps import Steps
from eventstore.store import EventStore
from eventstore.subscription_log import SubscriptionLog
from eventstore.subscriptions import Subscriptions
from eventstore.tenancy import OPERATORS
from eventstore.throttling import Throttle
from eventstore.unboxing import Unboxing
from eventstore.wakeups import Wakeups


class Application:
    """Make one, register on it, then send commands through `bus`."""

    def __init__(
        self,
        *,
        pipeline: Sequence[type[Step]],
        database: Database | None = None,
        calls_per_minute: int = 0,
        snapshot_every: int = 100,
        cache_size: int = 5000,
        lease_seconds: float = 10,
        retry_after: Sequence[float] = (1, 10, 60, 600),
        effect_seconds: float = 3600,
        cold_storage: Path = Path(".daybook/cold"),
        box_policy_notice: float = 86_400,
    ) -> None:
        """`calls_per_minute` of one API key, or of one user's session; 0: any number.

        A snapshot is taken of an aggregate after every `snapshot_every` events, and up to
        `cache_size` aggregates are kept in this process; 0: none.

        Whoever does a reaction or an effect has it to itself for `lease_seconds`, longer than a
        sender drains; what fails is tried again after so many seconds, four times. An effect that
        takes longer than `effect_seconds` is taken for one that hangs.
        Boxes lie in `cold_storage`; a policy reports `box_policy_notice` seconds before it boxes.
        """
        self._make_tables(database or Database())
        self.high_water_mark = HighWaterMark(self.database)
        self.wakeups = Wakeups(self.database, self.projections)
        self.access = Access(self.database)
        self.throttle = Throttle(self.database, calls_per_minute=calls_per_minute)
        self._make_logs(lease_seconds, retry_after)
        self.cold_storage = ColdStorage(cold_storage)
        self._make_readers(snapshot_every, cache_size)
        self._make_background(pipeline, effect_seconds)
        self._make_read_models()
        self._make_boxes(box_policy_notice)

    def _make_tables(self, database: Database) -> None:
        """The tables that registration fills."""
        self.database = database
        self.events = EventTypes()
        self.aggregates = AggregateTypes()
        self.commands = CommandTypes()
        self.processes = ProcessManagers()
        self.effects = EffectTypes()
        self.overrides = Overrides(self.database, self.commands, self.events, self.effects)
        self.projections = Projections()
        #: Where an aggregate of a category can be read: `/api/persons/{aggregate_id}`.
        self.locations: dict[str, str] = {}

    def _make_logs(self, lease_seconds: float, retry_after: Sequence[float]) -> None:
        """The store of events, and what is to be done, how far it is, and what became of it."""
        self.subscription_log = SubscriptionLog(
            self.database, self.projections, retry_after=retry_after
        )
        self.modes = ActiveModes(self.database, self.projections, self.subscription_log)
        self.command_log = CommandLog(self.database, lease_seconds=lease_seconds)
        self.reaction_log = ReactionLog(
            self.database, lease_seconds=lease_seconds, retry_after=retry_after
        )
        self.pending_commands = PendingCommands(
            self.database, lease_seconds=lease_seconds, retry_after=retry_after
        )
        self.store = EventStore(
            self.database,
            self.events,
            self.processes,
            lease_seconds=lease_seconds,
            modes=self.modes,
        )

    def _make_readers(self, snapshot_every: int, cache_size: int) -> None:
        boxed = BoxedEvents(self.database, self.cold_storage)
        self.reader = EventReader(self.database, self.events, boxed)
        self.history = History(self.store, self.reader, self.aggregates)
        self.snapshots = Snapshots(self.database, every=snapshot_every)
        self.cache = AggregateCache(cache_size)
        self.loader = AggregateLoader(self.store, self.snapshots, self.cache)

    def _make_background(self, pipeline: Sequence[type[Step]], effect_seconds: float) -> None:
        """The way of every command, and those who send commands that stand in the log."""
        services = Services(self.database, self.commands, self.command_log)
        execution = CommandExecution(
            services,
            self.store,
            self.loader,
            self.projections,
            self.modes,
            self.processes,
            self.overrides,
            self.wakeups,
        )
        deliver = assemble(execution, services, pipeline)
        logged = LoggedCommands(
            self.database,
            pending=self.pending_commands,
            command_types=self.commands,
            deliver=deliver,
        )
        self.reactions = self._reactions(logged, effect_seconds)
        self.bus = CommandBus(deliver, self.reactions)
        self.scheduling = Scheduling(
            keep=assemble(KeepForLater(services), services, pipeline),
            pending=self.pending_commands,
            logged=logged,
            reactions=self.reactions,
            access=self.access,
            wakeups=self.wakeups,
        )

    def _make_read_models(self) -> None:
        self.lag = Lag(self.database, self.projections)
        self.batches = Batches(
            self.database,
            projections=self.projections,
            event_types=self.events,
            log=self.subscription_log,
            reader=self.reader,
            mark=self.high_water_mark,
        )
        self.subscriptions = Subscriptions(
            projections=self.projections,
            log=self.subscription_log,
            batches=self.batches,
            wakeups=self.wakeups,
        )
        rebuild_log = RebuildLog(self.database)
        self.rebuilding = Rebuilding(
            self.database,
            projections=self.projections,
            event_types=self.events,
            reader=self.reader,
            mark=self.high_water_mark,
            subscription_log=self.subscription_log,
            log=rebuild_log,
        )
        copying = Copying(
            self.database,
            event_types=self.events,
            reader=self.reader,
            mark=self.high_water_mark,
        )
        self.copies = Copies(self.database, self.projections, copying, rebuild_log)
        self.read_models = ReadModels(
            projections=self.projections,
            log=self.subscription_log,
            subscriptions=self.subscriptions,
            mark=self.high_water_mark,
            wakeups=self.wakeups,
        )

    def _make_boxes(self, notice_seconds: float) -> None:
        writer = BoxWriter(
            self.database,
            event_types=self.events,
            aggregates=self.aggregates,
            snapshots=self.snapshots,
        )
        boxing = Boxing(
            self.database,
            self.cold_storage,
            writer=writer,
            projections=self.projections,
            subscriptions=self.subscriptions,
            cache=self.cache,
        )
        unboxing = Unboxing(self.database, self.cold_storage, projections=self.projections)
        self.orphans = Orphans(self.database, self.cold_storage)
        # The backbone's own commands; a domain's stand in its registration.py.
        self.commands.handle(
            BoxAggregate,
            boxing.box,
            name=BOX,
            roles=OPERATORS,
            refusals=(PendingWork, BoxDamaged),
            prepare=boxing.let_projections_read,
        )
        self.commands.handle(
            UnboxAggregate,
            unboxing.unbox,
            name=UNBOX,
            roles=OPERATORS,
            refusals=(PendingWork, BoxDamaged),
            prepare=boxing.let_projections_read,
        )
        self.box_policies = BoxPolicies(
            BoxPolicyLog(self.database),
            aggregates=self.aggregates,
            bus=self.bus,
            wakeups=self.wakeups,
            notice_seconds=notice_seconds,
        )

    def _reactions(self, logged: LoggedCommands, effect_seconds: float) -> Reactions:
        steps = Steps(
            self.database,
            self.reaction_log,
            processes=self.processes,
            event_types=self.events,
            command_types=self.commands,
            effect_types=self.effects,
            overrides=self.overrides,
            wakeups=self.wakeups,
        )
        effects = Effects(
            self.database,
            self.reaction_log,
            effect_types=self.effects,
            overrides=self.overrides,
            most_seconds=effect_seconds,
        )
        return Reactions(
            self.database,
            log=self.reaction_log,
            steps=steps,
            pending=self.pending_commands,
            effects=effects,
            logged=logged,
            wakeups=self.wakeups,
        )


def pipeline_from_settings() -> list[type[Step]]:
    """The classes that `settings.EVENTSTORE["PIPELINE"]` names, outermost first."""
    return [import_string(path) for path in settings.EVENTSTORE["PIPELINE"]]


@cache
def get_application() -> Application:
    """The one application of this process, built at the first call."""
    build = import_string(settings.EVENTSTORE["APPLICATION"])
    application: Application = build()
    return application

"""How far projections have read, what operators did about them, and who was called to work."""

from django.db import models
from django.db.models.functions import Now


class Subscription(models.Model):
    """How far a projection has read, in which mode, and whether it stands still and why.

    A row is made when a process that has registered the projection first needs it, in the mode
    that is registered there; from then on this one counts. `inline`: only mode and generation
    mean anything.
    """

    class Status(models.TextChoices):
        ACTIVE = "active"
        #: By an operator.
        PAUSED = "paused"
        #: By an event that it could not project, five times.
        STOPPED = "stopped"

    projection = models.CharField(primary_key=True, max_length=100)
    mode = models.CharField(max_length=10)
    #: Rises when the rows are replaced: who works for an older one cannot write any more.
    generation = models.BigIntegerField(default=1)
    #: Of the last event that was read, whether the projection takes it or not.
    position = models.BigIntegerField(default=0)
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    #: Where it could not go on, how often that was tried, and the last traceback.
    failed_position = models.BigIntegerField(null=True)
    attempts = models.IntegerField(default=0)
    error = models.TextField(default="")
    #: After a failed attempt: nobody tries again before.
    lease_until = models.DateTimeField(null=True)
    #: Scheduled: the rows contain all that was settled then; and when they are due again.
    as_of = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "eventstore_subscription"
        verbose_name = "projection"

    def __str__(self) -> str:
        return self.projection


class SubscriptionAction(models.Model):
    """What an operator has done to a projection, and why: on record for ever.

    A `skip` takes the event at `position` out of the projection: rows equal a replay without it.
    """

    class Action(models.TextChoices):
        PAUSE = "pause"
        RESUME = "resume"
        RETRY = "retry"
        SKIP = "skip"
        FORGET = "forget"

    projection = models.CharField(max_length=100)
    action = models.CharField(max_length=10, choices=Action)
    #: Of a skip the event's, else the checkpoint.
    position = models.BigIntegerField()
    error = models.TextField(default="")
    user = models.CharField(max_length=150)
    reason = models.CharField(max_length=200)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "eventstore_subscription_action"
        indexes = (models.Index(fields=["projection", "id"], name="eventstore_subscription_acts"),)

    def __str__(self) -> str:
        return f"{self.action} {self.projection}"


class Wakeup(models.Model):
    """That somebody was called to do a kind of work, and has not begun: nobody else is called."""

    kind = models.CharField(primary_key=True, max_length=20)
    asked_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "eventstore_wakeup"

    def __str__(self) -> str:
        return self.kind

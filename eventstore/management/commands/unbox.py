"""`manage.py unbox STREAM --reason TEXT`: aggregates back from files of cold storage."""

from eventstore.box_commands import UnboxAggregate
from eventstore.management import box_plans
from eventstore.management.box_commands import ColdStorageCommand, Way
from eventstore.models import StoredStream


class Command(ColdStorageCommand):
    help = (
        "Bring an aggregate back from cold storage, as it was. Without STREAM all of a tenant or "
        "a category, one command each; run again it goes on with the rest. Exit 0 done, "
        "1 refused, 2 wrong arguments, 4 a file is not what was written."
    )
    way = Way(UnboxAggregate, StoredStream.Status.BOXED, "unboxed", box_plans.unboxing)

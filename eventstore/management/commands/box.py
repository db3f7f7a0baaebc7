"""`manage.py box STREAM --reason TEXT`: aggregates into files of cold storage."""

from argparse import ArgumentParser

from eventstore.box_commands import BoxAggregate
from eventstore.management import box_plans
from eventstore.management.box_commands import ColdStorageCommand, Way
from eventstore.models import StoredStream


class Command(ColdStorageCommand):
    help = (
        "Take an aggregate offline: its events go into a file of cold storage, and out of the "
        "database, until it is unboxed. Without STREAM all of a tenant or a category, or those "
        "to which nothing has happened since a time, one command each; run again it goes on "
        "with the rest. Exit 0 done, 1 refused, 2 wrong arguments, 4 a file is damaged."
    )
    way = Way(BoxAggregate, StoredStream.Status.ACTIVE, "boxed", box_plans.boxing)

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--idle-since",
            metavar="TIME",
            help="those whose last event is older, as 2027-12-31T12:00Z",
        )

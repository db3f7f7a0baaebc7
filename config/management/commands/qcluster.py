"""`manage.py qcluster`: django-q2's own, once the schedule that it needs is there."""

from typing import Any

from django_q.management.commands.qcluster import Command as DjangoQ2Command

from config.tasks import prepare


class Command(DjangoQ2Command):  # type: ignore[misc]  # django-q2 has no types
    requires_migrations_checks = True
    help = "Do forgotten reactions and effects that are due with django-q2, until Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        prepare()
        super().handle(*args, **options)

"""`manage.py demo [--serve]`: plays the scenarios, each with what it expects and what it got."""

import secrets
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from config.background import running_qcluster
from config.demo import (
    door,
    rebuild,
    scenario_a,
    scenario_b,
    scenario_c,
    scenario_d,
    scenario_e,
    scenario_f,
    scenario_g,
    scenario_h,
)
from config.demo.callers import caller_with_key
from config.demo.people import find_or_make_tenant, fresh_key
from config.demo.stage import Stage
from config.management.commands.serve import (
    add_port,
    check_database,
    open_server,
    serve_until_interrupted,
)
from eventstore.application import get_application
from eventstore.management.quiet import without_command_lines
from eventstore.tenancy import Role

SCENARIOS: dict[str, tuple[str, Callable[[Stage], None]]] = {
    "A": ("create and update a contact", scenario_a.play),
    "B": ("snapshots without asking", scenario_b.play),
    "C": ("take an aggregate offline, and back", scenario_c.play),
    "D": ("a unique login name", scenario_d.play),
    "E": ("a command for later", scenario_e.play),
    "F": ("one command, several aggregates", scenario_f.play),
    "G": ("one tenant's own reaction", scenario_g.play),
    "H": ("one tenant's own command", scenario_h.play),
    "Rebuild": ("rows made anew, mended, and as of an earlier time", rebuild.play),
    "Door": ("who may come in, and what", door.play),
}

ADMIN_NAME = "demo"


class Command(BaseCommand):
    requires_migrations_checks = True
    help = "Play the scenarios; exit 1 if one differs from what it should show."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "scenarios",
            nargs="*",
            metavar="SCENARIO",
            help=f"those to play, of {', '.join(SCENARIOS)}; none: all",
        )
        parser.add_argument(
            "--serve", action="store_true", help="then serve, with qcluster, until Ctrl-C"
        )
        add_port(parser)

    def handle(
        self, *args: Any, scenarios: list[str], serve: bool, port: int, **options: Any
    ) -> None:
        if unknown := set(scenarios) - SCENARIOS.keys():
            known, named = ", ".join(SCENARIOS), ", ".join(sorted(unknown))
            raise CommandError(f"There is no scenario {named}. Known: {known}.", returncode=2)
        check_database(self)
        # First of all: where the port is taken, nothing shall have changed.
        server = open_server(port) if serve else None
        get_application().snapshots.every = scenario_b.SNAPSHOT_EVERY
        tenant = find_or_make_tenant("demo")
        key = fresh_key(tenant, "demo-operator", Role.OPERATOR)
        stage = Stage(self.stdout.write, tenant, caller_with_key(key))
        with without_command_lines(verbosity=options["verbosity"]):
            chosen = [name for name in SCENARIOS if name in scenarios or not scenarios]
            differing = [name for name in chosen if not self._play(stage, name)]
        if differing:
            raise CommandError(f"Scenarios that differ: {', '.join(differing)}", returncode=1)
        if server:
            self._print_access(key)
            with running_qcluster(verbosity=options["verbosity"]):
                serve_until_interrupted(server, self.stdout)

    def _play(self, stage: Stage, name: str) -> bool:
        """Play one scenario; whether all was as expected."""
        title, play = SCENARIOS[name]
        self.stdout.write(f"{name}: {title}")
        before = stage.differences
        play(stage)
        as_expected = stage.differences == before
        self.stdout.write(f"{name} {'ok' if as_expected else 'DIFFERS'}")
        return as_expected

    def _print_access(self, key: str) -> None:
        password = secrets.token_urlsafe(9)
        users = get_user_model()
        user, _ = users.objects.get_or_create(
            username=ADMIN_NAME, defaults={"is_staff": True, "is_superuser": True}
        )
        user.set_password(password)
        user.save()
        self.stdout.write(f"\nAdmin    user {ADMIN_NAME}, password {password}")
        self.stdout.write(f"API key  {key}")

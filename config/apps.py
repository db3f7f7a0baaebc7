"""The app that holds the project's own management commands."""

from django.apps import AppConfig, apps
from django.contrib import admin


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        # All admin modules are imported by now: django.contrib.admin comes first.
        hide_django_q2()


def hide_django_q2() -> None:
    """Take django-q2's tables out of the admin: a schedule there calls any Python function."""
    for model in apps.get_app_config("django_q").get_models():
        if admin.site.is_registered(model):
            admin.site.unregister(model)

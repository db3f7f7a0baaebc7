"""The app that holds the project's own management commands."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"

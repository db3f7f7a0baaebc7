from django.apps import AppConfig


class LibraryConfig(AppConfig):
    name = "tests.contracts.library"
    label = "library"

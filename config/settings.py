"""Django's settings, read from the environment. Importing them starts nothing.

| variable | meaning | default |
| --- | --- | --- |
| DATABASE_URL | PostgreSQL 15 or newer | manage.py starts the project's own |
| DAYBOOK_SECRET_KEY | Django's SECRET_KEY | made once, kept in .daybook/secret_key |
| DAYBOOK_ALLOWED_HOSTS | host names, with commas between | this machine only |
| DAYBOOK_DEBUG | 1: Django's debug pages | 0 |
| DAYBOOK_CALLS_PER_MINUTE | of one API key; 0: any number | 6000 |
| DAYBOOK_SNAPSHOT_EVERY | events of an aggregate; 0: never | 100 |
| DAYBOOK_CACHE_SIZE | aggregates kept in each process; 0: none | 5000 |
"""

import os
from pathlib import Path
from typing import Any

from config.environment import database_from_url, read_or_make_secret

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = BASE_DIR / ".daybook"

DEBUG = os.environ.get("DAYBOOK_DEBUG") == "1"
ALLOWED_HOSTS = os.environ.get("DAYBOOK_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
SECRET_KEY = os.environ.get("DAYBOOK_SECRET_KEY") or read_or_make_secret(DATA_DIR / "secret_key")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    # Swagger UI's files, for /api/docs.
    "drf_spectacular_sidecar",
    "config.apps.ConfigConfig",
    "eventstore.apps.EventstoreConfig",
    "ledger.apps.LedgerConfig",
    "projections.apps.ProjectionsConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

SESSION_ENGINE = "config.sessions"

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES: dict[str, dict[str, Any]] = {
    "default": database_from_url(
        os.environ.get("DATABASE_URL", ""),
        {
            "default_transaction_isolation": "read committed",
            "synchronous_commit": "on",
            "lock_timeout": "5s",
            # An appender that sits idle in its transaction holds every reader back.
            "idle_in_transaction_session_timeout": "60s",
        },
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"

# What a request may send, in bytes; the edge parser's own limit is the same.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

REST_FRAMEWORK = {
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["eventstore.api.rendering.ExactJsonRenderer"],
    "EXCEPTION_HANDLER": "config.api_errors.exception_handler",
}

EVENTSTORE: dict[str, Any] = {
    "APPLICATION": "config.composition.build_application",
    # Of one API key, or of one user's session in one tenant, over all processes.
    "CALLS_PER_MINUTE": int(os.environ.get("DAYBOOK_CALLS_PER_MINUTE", "6000")),
    # A snapshot of an aggregate after so many events, and how many aggregates a process keeps.
    "SNAPSHOT_EVERY": int(os.environ.get("DAYBOOK_SNAPSHOT_EVERY", "100")),
    "CACHE_SIZE": int(os.environ.get("DAYBOOK_CACHE_SIZE", "5000")),
    # Every event's schema at every version ever released; `manage.py event_schemas` keeps it.
    "EVENT_SCHEMAS": BASE_DIR / "ledger" / "event_schemas.json",
    # Outermost first. Add a step of your own anywhere; see eventstore/pipeline.py.
    "PIPELINE": [
        "eventstore.pipeline.LogEachCommand",
        "eventstore.pipeline.Authorise",
        "eventstore.pipeline.Validate",
        "eventstore.pipeline.Retry",
        "eventstore.pipeline.StoreRefusals",
        "eventstore.pipeline.InTransaction",
    ],
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json_lines": {"()": "config.logs.JsonLines"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json_lines"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "daybook": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        # Django's own handlers speak only with DEBUG, or by mail.
        "django": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        # Every 4xx would be a warning here; faults of ours are errors.
        "django.request": {"level": "ERROR"},
    },
}

"""Django's settings, read from the environment. Importing them starts nothing.

| variable | meaning | default |
| --- | --- | --- |
| DATABASE_URL | PostgreSQL 15 or newer | manage.py starts the project's own |
| LISTEN_DATABASE_URL | the same database past a pooler, for `manage.py worker` | DATABASE_URL |
| DAYBOOK_SECRET_KEY | Django's SECRET_KEY | made once, kept in .daybook/secret_key |
| DAYBOOK_ALLOWED_HOSTS | host names, with commas between | this machine only |
| DAYBOOK_DEBUG | 1: Django's debug pages | 0 |
| DAYBOOK_CALLS_PER_MINUTE | of one API key; 0: any number | 6000 |
| DAYBOOK_SNAPSHOT_EVERY | events of an aggregate; 0: never | 100 |
| DAYBOOK_CACHE_SIZE | aggregates kept in each process; 0: none | 5000 |
| DAYBOOK_LEASE_SECONDS | how long whoever does a reaction has it to himself; over 5 | 10 |
| DAYBOOK_RETRY_AFTER | seconds after the first failed attempt, the second, ... | 1,10,60,600 |
| DAYBOOK_EFFECT_SECONDS | an effect that takes longer is taken for one that hangs | 3600 |
| DAYBOOK_EMAIL_HOST | the mail server | none: e-mails become files in .daybook/mail |
| DAYBOOK_EMAIL_PORT | its port | 25 |
| DAYBOOK_EMAIL_USER, DAYBOOK_EMAIL_PASSWORD | a login there | none |
| DAYBOOK_EMAIL_TLS | 1: STARTTLS | 0 |
| DAYBOOK_EMAIL_FROM | who sends them | daybook@localhost |
| DAYBOOK_UMBRELLA_OWNER | who hears of Umbrella's large transfers | owner@umbrella.example |
| DAYBOOK_TOTALS_EVERY | seconds from one run of the daily totals to the next | 60 |
"""

import os
from pathlib import Path
from typing import Any

from config.environment import database_from_url, listen_url, read_or_make_secret

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
    # Before django-q2, whose command `qcluster` it extends.
    "config.apps.ConfigConfig",
    "django_q",
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
    # Of reactions and effects: a crashed process' work goes on when its lease is over, and what
    # failed is tried again after so many seconds, four times; then it is set aside.
    "LEASE_SECONDS": float(os.environ.get("DAYBOOK_LEASE_SECONDS", "10")),
    "RETRY_AFTER": tuple(
        float(seconds)
        for seconds in os.environ.get("DAYBOOK_RETRY_AFTER", "1,10,60,600").split(",")
    ),
    # Where `manage.py worker` listens; "": as all other connections.
    "LISTEN_DATABASE_URL": listen_url(os.environ.get("LISTEN_DATABASE_URL", "")),
    # An effect that takes longer hangs: it is tried again, and qcluster ends the worker.
    "EFFECT_SECONDS": int(os.environ.get("DAYBOOK_EFFECT_SECONDS", "3600")),
    # Where boxes lie: aggregates that were taken offline.
    "COLD_STORAGE_ROOT": Path(os.environ.get("COLD_STORAGE_ROOT") or DATA_DIR / "cold"),
    # A policy boxes nothing before so many seconds have passed since it was reported.
    "BOX_POLICY_NOTICE": float(os.environ.get("DAYBOOK_BOX_POLICY_NOTICE", "86400")),
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

# django-q2; see config/tasks.py. Our own tasks are handed out once. A team's that raises is not
# repeated, and one whose worker died not before any task has had its time.
Q_CLUSTER: dict[str, Any] = {
    "name": "daybook",
    "orm": "default",
    "broker_class": "config.tasks.CoalescingQueue",
    # One for each of projections, commands and reactions; the others may be at effects.
    "workers": 6,
    # How often an idle qcluster looks, in seconds: so late comes what it is called for.
    "poll": 0.2,
    # In seconds. Tasks of ours end their turn by themselves, long before.
    "timeout": 60,
    "retry": EVENTSTORE["EFFECT_SECONDS"] + 60,
    "max_attempts": 1,
    "ack_failures": True,
    # Those that succeeded leave no row. A minute that was missed is not made up for.
    "save_limit": -1,
    "catch_up": False,
}

#: What the sample domain needs to know; `config.composition` passes it on.
LEDGER = {"UMBRELLA_OWNER": os.environ.get("DAYBOOK_UMBRELLA_OWNER") or "owner@umbrella.example"}

#: What the read side needs to know, likewise.
PROJECTIONS = {"TOTALS_EVERY": float(os.environ.get("DAYBOOK_TOTALS_EVERY") or 60)}

EMAIL_HOST = os.environ.get("DAYBOOK_EMAIL_HOST", "")
EMAIL_PORT = int(os.environ.get("DAYBOOK_EMAIL_PORT", "25"))
EMAIL_HOST_USER = os.environ.get("DAYBOOK_EMAIL_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("DAYBOOK_EMAIL_PASSWORD", "")
EMAIL_USE_TLS = os.environ.get("DAYBOOK_EMAIL_TLS") == "1"
EMAIL_TIMEOUT = 10
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'filebased'}.EmailBackend"
EMAIL_FILE_PATH = DATA_DIR / "mail"
DEFAULT_FROM_EMAIL = os.environ.get("DAYBOOK_EMAIL_FROM", "daybook@localhost")

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

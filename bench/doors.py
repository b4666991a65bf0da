"""What the benchmarks let uvicorn serve, by BENCH_DOOR: the product with a switch, or the views of `bench.urls`.

`bare` and `usual` are Django's own handler without middleware and with the seven that every project begins with;
`opening` is the handler that the product's API has.
"""

import os

import django
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler

django.setup()

from chat import checkpoints  # noqa: E402 - models can be loaded only now
from wisqu.api.asgi import ApiHandler  # noqa: E402

USUAL = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
# How often a running turn's text is saved; the product's own rhythm unless the benchmark says otherwise.
checkpoints.INTERVAL = float(os.environ.get("BENCH_SAVE_S", checkpoints.INTERVAL))

door = os.environ.get("BENCH_DOOR", "product")
if door == "product":
    from wisqu.asgi import application
else:
    settings.ROOT_URLCONF = "bench.urls"
    settings.MIDDLEWARE = USUAL if door == "usual" else []
    settings.SECURE_SSL_REDIRECT = False
    application = ApiHandler() if door == "opening" else ASGIHandler()

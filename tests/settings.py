"""Settings for tests: the product's own, with a fast password hasher and addresses from the test run."""

import os

os.environ.setdefault("WISQU_ENV_FILE", os.devnull)  # a developer's own .env changes no test
os.environ.setdefault("DEBUG", "true")
os.environ.setdefault("OPENROUTER_API_KEY", "sk-or-sandbox")
os.environ.setdefault("ALLOWED_HOSTS", "*")

from wisqu.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

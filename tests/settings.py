"""Settings for tests: the product's own, with a fast password hasher and addresses from the test run.

`DATABASE_URL` and `REDIS_URL` come from `tests.servers` when PostgreSQL and Redis take part. The processes a
test starts (`live`) read this file too, and meet the test's database and folder through their environment.
"""

import atexit
import os
import shutil
from pathlib import Path

from tests.folders import new_folder

os.environ.setdefault("WISQU_ENV_FILE", os.devnull)  # a developer's own .env changes no test
os.environ.setdefault("DEBUG", "true")
os.environ.setdefault("OPENROUTER_API_KEY", "sk-or-sandbox")
os.environ.setdefault("OPENROUTER_BASE_URL", "http://127.0.0.1:9/api/v1")  # nobody, until the sandbox runs
os.environ.setdefault("ALLOWED_HOSTS", "*")
os.environ.setdefault("SECRET_KEY", "only-for-tests-" * 5)
os.environ.setdefault("LOG_LEVEL", "WARNING")
if "WISQU_VAR" not in os.environ:
    os.environ["WISQU_VAR"] = str(new_folder(prefix="wisqu-tests-"))
    atexit.register(shutil.rmtree, os.environ["WISQU_VAR"], ignore_errors=True)
os.environ.setdefault("DATABASE_URL", f"sqlite:///{os.environ['WISQU_VAR']}/live.sqlite3")
os.environ.setdefault("FILE_STORAGE_URL", f"file://{os.environ['WISQU_VAR']}/files")

from wisqu.settings import *  # noqa: F403
from wisqu.settings import DATABASES, VAR_DIR

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, so that other processes and threads meet the same rows as the test.
    DATABASES["default"]["TEST"] = {"NAME": str(Path(VAR_DIR) / "test.sqlite3")}

(Path(VAR_DIR) / "static").mkdir(parents=True, exist_ok=True)  # WhiteNoise warns of a missing one

"""The product, which waits for a model half a second where it usually waits half a minute."""

import django

django.setup()

# ruff: noqa: E402 - models can be imported only once Django is set up
from chat import fallback
from wisqu.asgi import application as application
from wisqu.openrouter.deadlines import Deadlines

HURRIED = Deadlines(first_byte=1.5, silence=0.8, total=3.0, tail=0.5, longest_wait=0.1, backoff=0.01)
fallback.PATIENCE = fallback.Patience(usual=HURRIED, hurried=HURRIED, rushed=HURRIED)

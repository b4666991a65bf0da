"""The product, which waits for a model some seconds where it usually waits half a minute."""

import django

django.setup()

# ruff: noqa: E402 - models can be imported only once Django is set up
from chat import fallback
from wisqu.asgi import application as application
from wisqu.openrouter.deadlines import Deadlines

HURRIED = Deadlines(first_byte=6.0, silence=5.0, total=12.0, tail=2.0, longest_wait=0.1, backoff=0.01)
fallback.PATIENCE = fallback.Patience(usual=HURRIED, hurried=HURRIED, rushed=HURRIED)

"""Rows for `bench.searching`: `python -m bench.library` makes one person's messages, prints an access token as JSON."""

import json
import random
from datetime import timedelta
from itertools import accumulate

import django

MESSAGES, EACH = 100_000, 50
WORDS = 60
# In every message, in one of a hundred, in five.
COMMON, SOME, RARE = "kitab", "zakat", "mizan"


def make() -> dict[str, str]:
    """Return the token of somebody with so many messages, all of them findable."""
    from django.db import connection
    from django.utils import timezone

    from bench.crowd import person, token
    from chat import search
    from chat.models import Conversation, Message

    reader = person("reader")
    now, pick = timezone.now(), random.Random(7)
    vocabulary = ["".join(pick.choices("abcdefghilmnorstu", k=pick.randint(3, 9))) for _ in range(20_000)]
    weights = list(accumulate(1 / (rank + 5) for rank in range(len(vocabulary))))
    for begin in range(0, MESSAGES, EACH):
        talk = Conversation.objects.create(owner=reader, title=f"Conversation {begin}")
        rows = []
        for number in range(begin, begin + EACH):
            words = [*pick.choices(vocabulary, cum_weights=weights, k=WORDS), COMMON]
            words += [SOME] * (number % 100 == 0) + [RARE] * (number % (MESSAGES // 5) == 0)
            moment = now - timedelta(minutes=MESSAGES - number)
            rows.append(Message(conversation=talk, role="user", content=" ".join(words), created_at=moment))
        Message.objects.bulk_create(rows)
        search.remember(reader.pk, *rows)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:  # what autovacuum does in its own time
            cursor.execute("VACUUM ANALYZE chat_searchentry")
    return {"token": token(reader)}


if __name__ == "__main__":
    django.setup()
    print(json.dumps(make()))

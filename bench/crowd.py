"""Rows for `bench.growth`: `python -m bench.crowd` makes conversations, prints ids and access tokens as JSON."""

import json

import django

LONG, SHORT = 2_000, 50
MANY, FEW = 100_000, 10


def make() -> dict[str, str]:
    """Return the ids of a short and a long conversation, and tokens of owners of few and many."""
    from chat.models import Conversation

    owner, few, many = (person(name) for name in ("owner", "few", "many"))
    Conversation.objects.bulk_create(
        [Conversation(owner=many, title=f"Conversation {number}") for number in range(MANY)], batch_size=500
    )
    Conversation.objects.bulk_create([Conversation(owner=few, title=f"Conversation {n}") for n in range(FEW)])
    return {
        "short": conversation(owner, SHORT),
        "long": conversation(owner, LONG),
        "token": token(owner),
        "few": token(few),
        "many": token(many),
    }


def person(name: str) -> "User":  # noqa: F821 - models are loaded after django.setup
    from billing import plans
    from billing.models import PlanLimit
    from wisqu.accounts.models import User

    # A context of 4,000 tokens: the same part of either conversation is sent to the model.
    small, _ = PlanLimit.objects.get_or_create(
        slug="bench", defaults={"name": "Bench", "max_context": 4_000, "requests_per_minute": 1_000_000}
    )
    user = User.objects.create(email=f"{name}@example.org")
    plans.put_on(user_id=user.pk, plan=small)
    return user


def token(user: "User") -> str:  # noqa: F821
    from wisqu.accounts.tokens import open_family

    return open_family(user).access


def conversation(owner: "User", length: int) -> str:  # noqa: F821
    """Make a conversation of so many messages of about a hundred tokens; return its id."""
    from chat.models import Conversation, Message

    made = Conversation.objects.create(owner=owner, title=f"{length} messages")
    parent, rows = None, []
    for number in range(length):
        role = Message.Role.ASSISTANT if number % 2 else Message.Role.USER
        row = Message(
            conversation=made,
            parent=parent,
            role=role,
            content="word " * 100,
            depth=number,
            token_estimate=100,
        )
        rows.append(row)
        parent = row
    Message.objects.bulk_create(rows, batch_size=200)
    Conversation.objects.filter(id=made.id).update(head=parent)
    return str(made.id)


if __name__ == "__main__":
    django.setup()
    print(json.dumps(make()))

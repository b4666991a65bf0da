"""People who make images, and a worker that is called by hand."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client

from imagery import renders, wishes
from imagery.models import GeneratedImage
from imagery.wishes import Wish
from tests.people import make_alice, make_charlie, signed_in
from wisqu.accounts.models import User

QUICK = "[[pace:fast]]"


@pytest.fixture
def alice() -> User:
    return make_alice()


@pytest.fixture
def charlie() -> User:
    return make_charlie()


@pytest.fixture
def browser(alice: User) -> Client:
    return signed_in(alice)


def wish(owner: User, prompt: str = "A star", **fields: Any) -> GeneratedImage:
    """Queue one image."""
    return wishes.request(owner_id=owner.pk, wish=Wish(prompt=f"{prompt} {QUICK}", **fields))[0]


def made(owner: User, prompt: str = "A star", **fields: Any) -> GeneratedImage:
    """Queue an image and do the worker's part."""
    image = wish(owner, prompt, **fields)
    renders.render(image.id)
    return again(image.id)


def again(image_id: uuid.UUID) -> GeneratedImage:
    """Return the row as it is now."""
    return GeneratedImage.objects.get(id=image_id)

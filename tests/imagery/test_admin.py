"""The operator's view of images: how jobs end, and nothing of what people wished for."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Reservation
from tests.imagery.conftest import again, made, wish
from tests.people import make_user, signed_in
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Client:
    return signed_in(make_user("staff@example.org", is_staff=True, is_superuser=True))


def test_staff_see_how_jobs_end_and_no_prompt(desk: Client, alice: User) -> None:
    image = made(alice, "My grandmother's garden")
    pages = (
        reverse("admin:imagery_generatedimage_changelist"),
        reverse("admin:imagery_generatedimage_change", args=[image.id]),
    )
    for page in pages:
        answer = desk.get(page)
        assert answer.status_code == 200
        assert "garden" not in answer.content.decode()


def test_staff_can_end_an_image_that_hangs(desk: Client, alice: User) -> None:
    image = wish(alice)
    chosen = {"action": "end", "_selected_action": [str(image.id)]}
    desk.post(reverse("admin:imagery_generatedimage_changelist"), chosen)
    assert again(image.id).status == "failed"
    assert not Reservation.objects.filter(state="held").exists()

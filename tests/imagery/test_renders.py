"""Making images: each model in its way, asked once, charged once, and harmless whatever the model sends."""

from __future__ import annotations

import io
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import OperationalError
from django.utils import timezone
from PIL import Image

from billing.models import LedgerEntry, Reservation
from billing.plans import usage
from imagery import closing, renders, sweeping
from imagery.models import GeneratedImage
from imagery.reasons import INTERRUPTED
from tests.imagery.conftest import again, made, wish
from tests.live import Sandbox
from wisqu.accounts import erasure
from wisqu.accounts.models import User
from wisqu.api import threads
from wisqu.api.vigil import Vigil
from wisqu.files import storage

pytestmark = pytest.mark.django_db

GEMINI, FLUX, GPT = (
    "google/gemini-2.5-flash-image",
    "black-forest-labs/flux.2-pro",
    "openai/gpt-5-image-mini",
)


def counters(owner: User) -> tuple[int, int]:
    """Return how many images are used, and how many are held."""
    held = Reservation.objects.filter(user_id=owner.pk, state="held").count()
    return usage(owner.pk)["images"]["used"], held


@pytest.mark.parametrize(
    ("model", "endpoint", "ratio", "shape"),
    [
        (GEMINI, "chat", "16:9", (512, 288)),
        (FLUX, "images", "9:16", (576, 1024)),
        (GPT, "images", "3:2", (1024, 682)),
    ],
)
def test_each_model_is_asked_in_its_way(alice, sandbox: Sandbox, model, endpoint, ratio, shape):
    image = made(alice, model=model, aspect_ratio=ratio)
    assert (image.status, image.width, image.height) == ("done", *shape)
    assert Image.open(io.BytesIO(storage.read(image.key))).size == shape
    upstream = next(each for each in sandbox.ledger() if each["id"] == image.generation_id)
    assert upstream["endpoint"] == endpoint
    entry = LedgerEntry.objects.get(kind="image")
    assert (entry.images, entry.reference, entry.tokens) == (1, image.id, 0)
    assert entry.cost_usd == image.cost_usd == Decimal(str(upstream["cost"]))
    assert counters(alice) == (1, 0)


def test_a_picture_to_start_from_goes_along(alice, sandbox: Sandbox):
    first = made(alice, "A moon")
    second = made(alice, "The same at night", input_image=str(first.id))
    assert (second.status, second.input_id) == ("done", first.id)
    request = next(each for each in sandbox.ledger() if each["id"] == second.generation_id)["request"]
    assert request["messages"][0]["content"][1]["image_url"]["url"].startswith("data:image/png;base64,")


def test_a_retired_model_stands_for_its_successor(alice):
    assert made(alice, model="google/gemini-2.5-flash-image-preview").model == GEMINI


def test_a_job_that_comes_twice_makes_one_image(alice, sandbox: Sandbox):
    image = wish(alice, "A lone star")
    assert [renders.render(image.id), renders.render(image.id)] == [True, False]
    assert counters(alice) == (1, 0)
    assert LedgerEntry.objects.filter(kind="image").count() == 1


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("[[fault:403]]", "content_refused"),
        ("[[fault:content-filter]] [[image:none]]", "content_refused"),
        ("[[fault:401]]", "upstream_misconfigured"),
        ("[[fault:404]]", "model_unavailable"),
        ("[[fault:200-html]]", "malformed_reply"),
        ("[[fault:cut]]", "malformed_reply"),
        ("[[image:none]]", "no_image"),
        ("[[image:svg]]", "bad_image"),
        ("[[image:html]]", "bad_image"),
        ("[[image:broken]]", "bad_image"),
        ("[[image:bomb]]", "bad_image"),
    ],
)
def test_what_fails_says_why_and_costs_nothing(alice, word, code):
    image = made(alice, f"A star {word}", model=GEMINI)
    assert (image.status, image.error_code, image.key) == ("failed", code, "")
    assert image.error_detail
    assert counters(alice) == (0, 0)
    assert not LedgerEntry.objects.exclude(images=0).exists()


def test_a_failure_that_was_billed_stands_in_the_ledger_and_charges_nobody(alice):
    image = made(alice, "A star [[image:svg]]")
    entry = LedgerEntry.objects.get(kind="image")
    assert (entry.images, entry.cost_usd) == (0, image.cost_usd)
    assert entry.cost_usd > 0


def test_a_refusal_by_status_is_tried_again(alice):
    assert made(alice, "A star [[fault:503 times=1 key=images]]").status == "done"


def test_what_a_broken_generation_cost_is_asked_for_later(alice):
    image = made(alice, "A star [[fault:cut]]", model=GEMINI)
    assert image.owed_until
    assert sweeping.pay_owed() == 1
    entry = LedgerEntry.objects.get(kind="image")
    assert (entry.cost_source, entry.images) == ("lookup", 0)
    assert again(image.id).owed_until is None
    assert sweeping.pay_owed() == 0


def test_a_database_that_is_away_for_a_moment_loses_no_generation(alice, monkeypatch):
    monkeypatch.setattr(renders, "_mine", away_at(renders._mine, 2))
    image = made(alice, "A star [[fault:cut]]", model=GEMINI)
    assert image.owed_until
    assert sweeping.pay_owed() == 1


def test_a_picture_waits_for_its_database_and_an_end_that_nobody_heard_of_holds(alice, monkeypatch):
    close = closing.close

    def unheard(image, outcome):
        if close(image, outcome):
            raise OperationalError
        return False

    monkeypatch.setattr(threads, "AGAIN_AFTER_S", (0.01, 0.01))
    monkeypatch.setattr(closing, "close", away_at(unheard, 1))
    image = made(alice)
    assert image.status == "done"
    assert storage.read(image.key)
    assert counters(alice) == (1, 0)


def away_at(function, call: int):
    """Return the function with a database that is away at one of its calls."""
    calls = []

    def called(*facts):
        calls.append(1)
        if len(calls) == call:
            raise OperationalError
        return function(*facts)

    return called


def died(image: GeneratedImage, *, asked: bool) -> None:
    """Leave the row as a worker does that dies while it makes the image."""
    assert renders._claim(image.id)
    long_ago = timezone.now() - sweeping.DEAD_AFTER - timedelta(seconds=1)
    GeneratedImage.objects.filter(id=image.id).update(
        heartbeat_at=long_ago, asked_at=long_ago if asked else None
    )


def test_a_worker_that_died_before_it_asked_is_replaced(alice):
    image = wish(alice)
    died(image, asked=False)
    assert sweeping.sweep(Vigil(for_s=0)) == 0
    assert renders.render(image.id)
    assert counters(alice) == (1, 0)


def test_a_worker_that_died_after_it_asked_is_not(alice, sandbox: Sandbox):
    image = wish(alice)
    died(image, asked=True)
    assert sweeping.sweep(Vigil(for_s=0)) == 1
    ended = again(image.id)
    assert (ended.status, ended.error_code) == ("failed", INTERRUPTED.code)
    assert not renders.render(image.id)
    assert counters(alice) == (0, 0)


def test_a_worker_that_keeps_dying_ends_the_image(alice):
    image = wish(alice)
    for _ in range(sweeping.MOST_TRIES):
        died(image, asked=False)
        sweeping.sweep(Vigil(for_s=0))
    assert again(image.id).error_code == INTERRUPTED.code


def test_whoever_was_taken_for_dead_leaves_no_file_and_charges_nobody(alice, monkeypatch):
    image = wish(alice)
    ask, keys = renders._ask, []
    save = storage.save
    monkeypatch.setattr(storage, "save", lambda **options: keys.append(save(**options)) or keys[-1])

    async def ask_slowly(image, client, request):
        reply = await ask(image, client, request)
        await GeneratedImage.objects.filter(id=image.id).aupdate(
            status="failed", error_code="interrupted", ended_at=timezone.now()
        )
        return reply

    monkeypatch.setattr(renders, "_ask", ask_slowly)
    assert not renders.render(image.id)
    assert len(keys) == 2
    for key in keys:
        with pytest.raises(FileNotFoundError):
            storage.read(key)
    assert counters(alice) == (0, 0)
    assert LedgerEntry.objects.get(kind="image").images == 0


def test_an_image_of_an_erased_account_is_booked_and_kept_nowhere(alice, monkeypatch):
    image = wish(alice)
    ask = renders._ask

    async def ask_slowly(image, client, request):
        reply = await ask(image, client, request)
        await User.objects.filter(id=alice.pk).adelete()
        return reply

    monkeypatch.setattr(renders, "_ask", ask_slowly)
    assert not renders.render(image.id)
    assert LedgerEntry.objects.get(kind="image").images == 0
    assert sweeping.sweep_files() == 0


def test_a_storage_that_is_away_fails_the_image_and_charges_nobody(alice, monkeypatch):
    image = wish(alice)
    monkeypatch.setattr(storage, "save", lambda **options: 1 / 0)
    assert not renders.render(image.id)
    assert again(image.id).error_code == "not_kept"
    assert counters(alice) == (0, 0)


def test_nobody_waits_for_ever_where_there_is_no_worker(alice):
    image = wish(alice)
    GeneratedImage.objects.update(updated_at=timezone.now() - sweeping.NOBODY_AFTER - timedelta(seconds=1))
    assert sweeping.sweep(Vigil(for_s=0)) == 1
    assert again(image.id).error_code == "no_worker"
    assert counters(alice) == (0, 0)


def test_a_long_queue_that_moves_ends_nobody(alice):
    image = wish(alice)
    GeneratedImage.objects.update(updated_at=timezone.now() - sweeping.NOBODY_AFTER - timedelta(seconds=1))
    made(alice)
    assert sweeping.sweep(Vigil(for_s=0)) == 0
    assert again(image.id).status == "queued"


def test_a_job_goes_on_with_what_waits_and_lets_nobody_wait_behind_one_person(alice, charlie):
    first, second = wish(alice, "one"), wish(alice, "two")
    other = wish(charlie, "three")
    GeneratedImage.objects.filter(id=first.id).update(status="running")
    assert renders.waiting().values_list("id", flat=True).first() == other.id
    GeneratedImage.objects.filter(id=first.id).update(status="queued")
    assert renders.work(second.id) == 3


def test_a_worker_that_is_to_end_begins_nothing(alice, monkeypatch):
    image = wish(alice)
    renders.ending.set()
    try:
        assert renders.work(image.id) == 0
    finally:
        renders.ending.clear()
    assert again(image.id).status == "queued"


def test_no_more_are_made_at_once_than_there_are_places(alice, monkeypatch):
    image = wish(alice)
    for _ in range(renders.AT_ONCE):
        renders._places.acquire()
    try:
        assert renders.work(image.id) == 0
    finally:
        for _ in range(renders.AT_ONCE):
            renders._places.release()
    assert renders.work(image.id) == 1


def test_files_without_a_row_are_swept_and_those_of_images_stay(alice, monkeypatch):
    image = made(alice, input_image=str(made(alice).id))
    orphan = storage.save(folder="images", ending="png", data=b"x")
    monkeypatch.setattr(storage, "UNCLAIMED_AFTER", timedelta(0))
    assert sweeping.sweep_files() >= 1
    assert sweeping.sweep_files() == 0
    assert storage.read(image.key)
    assert storage.read(image.thumbnail_key)
    assert storage.read(image.input_key)
    with pytest.raises(FileNotFoundError):
        storage.read(orphan)


def test_an_account_takes_its_files_along(alice, django_capture_on_commit_callbacks):
    image = made(alice, input_image=str(made(alice).id))
    with django_capture_on_commit_callbacks(execute=True):
        erasure.erase(alice)
    assert not GeneratedImage.objects.exists()
    for key in (image.key, image.thumbnail_key, image.input_key):
        with pytest.raises(FileNotFoundError):
            storage.read(key)
    assert LedgerEntry.objects.filter(kind="image").count() == 2  # numbers without a person


def test_an_ended_image_is_not_ended_again(alice):
    image = wish(alice)
    running = renders._claim(image.id)
    assert closing.give_up(running)
    assert not closing.give_up(running)

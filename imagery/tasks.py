"""The jobs of images."""

from __future__ import annotations

import uuid
from typing import Any

from celery import shared_task, signals

from imagery import renders, sweeping


@signals.worker_shutting_down.connect
def begin_no_more(**_: Any) -> None:
    """Leave what waits to whoever comes after this worker."""
    renders.ending.set()


@shared_task(ignore_result=True)
def make_image(image_id: str) -> int:
    """Make an image, then those that wait; return how many were made."""
    return renders.work(uuid.UUID(image_id))


@shared_task(ignore_result=True)
def sweep_images() -> int:
    """End or send again the images that nobody makes; return how many were ended."""
    return sweeping.sweep()


@shared_task(ignore_result=True)
def pay_owed_images() -> int:
    """Book what broken generations cost; return how many."""
    return sweeping.pay_owed()


@shared_task(ignore_result=True)
def clear_out_images() -> int:
    """Delete for good what was thrown away; return how many."""
    return sweeping.clear_out()


@shared_task(ignore_result=True)
def sweep_image_files() -> int:
    """Delete files that no row knows; return how many."""
    return sweeping.sweep_files()

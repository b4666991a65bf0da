"""The worker's part of images, done by a thread of the test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from imagery import renders


@contextmanager
def worker() -> Iterator[None]:
    """Do the jobs of this test as the worker does: beside the web server, knowing nothing but the rows."""
    is_over = threading.Event()

    def work() -> None:
        while not is_over.wait(0.05):
            for image_id in list(renders.waiting().values_list("id", flat=True)):
                renders.render(image_id)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()

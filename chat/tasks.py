"""What the chat does in the background."""

from __future__ import annotations

import time
import uuid
from datetime import timedelta

from celery import shared_task

from chat import attaching, habits, importchecks, keeping, reviews, search, sweeping, titlejobs

# The next run goes on where this one stopped.
CATCH_UP_FOR_S = 300.0
# A job that reads a PDF is done by then, or lost.
UNREAD_FOR = timedelta(minutes=2)


@shared_task
def close_abandoned_turns() -> int:
    """Close the turns that a dead process left behind; return how many."""
    return sweeping.close_abandoned_turns()


@shared_task
def learn_habits() -> int:
    """Count anew how conversations go on; return how many turns were seen."""
    return habits.learn()


@shared_task(ignore_result=True)
def make_title(job_id: str) -> bool:
    """Ask a model for a conversation's title; True when there is one now."""
    return titlejobs.run(uuid.UUID(job_id))


@shared_task
def send_due_titles() -> int:
    """Send the titles that are due again; return how many."""
    return titlejobs.send_due()


@shared_task
def tell_corrections() -> int:
    """Mail the corrections of scholars that nobody has been told of; return how many."""
    return reviews.tell_due()


@shared_task
def clear_out() -> int:
    """Delete for good what was thrown away or was only temporary; return how many conversations."""
    gone = keeping.clear_out()
    attaching.clear_out()  # after it: files of what has just gone go with it
    return gone


@shared_task
def let_go_of_old_conversations() -> int:
    """Delete what is older than the site keeps; return how many conversations."""
    return keeping.let_go_of_old()


@shared_task(ignore_result=True)
def check_imported(conversation_ids: list[str]) -> int:
    """Find what imported answers quote; return in how many something was found."""
    return importchecks.check_imported([uuid.UUID(each) for each in conversation_ids])


@shared_task(ignore_result=True)
def read_attachment(attachment_id: str) -> None:
    """Read the text of a long PDF to its end, as many pages at a time as a worker may take."""
    while attaching.read_on(uuid.UUID(attachment_id)):
        pass


@shared_task
def read_attachments_on() -> int:
    """Go on reading where a worker died; return how many files were looked at."""
    found = attaching.unread(before=UNREAD_FOR)
    for attachment_id in found:
        read_attachment(str(attachment_id))
    return len(found)


@shared_task
def sweep_attachments() -> int:
    """Delete files that no row knows; return how many."""
    return attaching.sweep()


@shared_task
def catch_up_search() -> int:
    """Make findable what is not yet; return how many messages and titles."""
    done, until = 0, time.monotonic() + CATCH_UP_FOR_S
    while time.monotonic() < until and (more := search.catch_up()):
        done += more
    return done

"""What the chat does in the background."""

from __future__ import annotations

import uuid

from celery import shared_task

from chat import habits, sweeping, titlejobs


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

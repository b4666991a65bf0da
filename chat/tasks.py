"""What the chat does in the background."""

from __future__ import annotations

from celery import shared_task

from chat import habits, sweeping


@shared_task
def close_abandoned_turns() -> int:
    """Close the turns that a dead process left behind; return how many."""
    return sweeping.close_abandoned_turns()


@shared_task
def learn_habits() -> int:
    """Count anew how conversations go on; return how many turns were seen."""
    return habits.learn()

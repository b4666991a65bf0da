"""Conversations, their messages (a tree of rows) and turns (one question being answered)."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.attempts import TurnAttempt as TurnAttempt
from chat.filemodels import Attachment as Attachment
from chat.filemodels import MessageAttachment as MessageAttachment
from chat.filemodels import ParsedFile as ParsedFile
from chat.querysets import ConversationQuerySet, MessageQuerySet, TurnQuerySet
from chat.trust import Guidance as Guidance
from chat.trust import Review as Review
from wisqu.api.ids import uuid7


class Folder(models.Model):
    """A name under which one person keeps conversations together."""

    MOST: ClassVar = 100  # of one person

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="folders")
    name = models.CharField(max_length=80)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "name"], name="folder_one_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class Conversation(models.Model):
    """A thread of one person."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="conversations"
    )
    title = models.CharField(max_length=200, blank=True)
    own_title_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When its owner wrote the title; empty: nobody did."
    )
    model = models.CharField(
        max_length=200, blank=True, help_text="The model asked by default; empty: the product's."
    )
    preset = models.ForeignKey(
        "presets.ModelPreset", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    pinned_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    folder = models.ForeignKey(
        Folder, null=True, blank=True, on_delete=models.SET_NULL, related_name="conversations"
    )
    # Thrown away, and gone from everything but the undo; the clock deletes it for good (`chat.keeping`).
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    # In no list, no search and no export, without a title of a model's making; gone when its page closes.
    is_temporary = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    last_message_at = models.DateTimeField(default=timezone.now, editable=False)
    # The last message of the branch that is shown; the branch is its chain of parents.
    head = models.ForeignKey("Message", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    objects = ConversationQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["owner", "-last_message_at", "-id"], name="conversation_recent"),
        ]

    def __str__(self) -> str:
        return self.title or str(self.id)


class Message(models.Model):
    """A question or an answer. An answer carries the facts of how it was made and what it cost."""

    class Role(models.TextChoices):
        """Who speaks."""

        USER = "user"
        ASSISTANT = "assistant"

    class Status(models.TextChoices):
        """How far an answer is; a question is always done."""

        STREAMING = "streaming"
        DONE = "done"
        STOPPED = "stopped"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="replies"
    )
    role = models.CharField(max_length=9, choices=Role.choices)
    content = models.TextField(blank=True)
    # What is shown of a question's files: written with it by `chat.enclosing`, so that reading asks for nothing more.
    attached = models.JSONField(default=list, blank=True)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.DONE)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    depth = models.PositiveIntegerField(
        default=0, editable=False
    )  # how many messages stand before it in its branch
    # Estimated once, so that fitting a history into a context never counts old text again.
    token_estimate = models.PositiveIntegerField(default=0)

    # Facts of an answer.
    reasoning = models.TextField(blank=True)
    citations = models.JSONField(default=list, blank=True)
    model = models.CharField(max_length=200, blank=True)
    final_model_used = models.CharField(max_length=200, blank=True)
    models_attempted = models.JSONField(default=list, blank=True)
    fallback_used = models.BooleanField(default=False)
    routing_strategy = models.CharField(max_length=10, blank=True)
    # Why another model answered than the one that was asked for; empty where none did.
    routing_reason = models.CharField(max_length=500, blank=True)
    provider = models.CharField(max_length=100, blank=True)
    generation_id = models.CharField(max_length=100, blank=True)
    finish_reason = models.CharField(max_length=50, blank=True)
    error_code = models.CharField(max_length=50, blank=True)
    error_detail = models.CharField(max_length=500, blank=True)
    history_messages_cut = models.PositiveIntegerField(default=0)
    # Estimated before asking; beside what was counted afterwards it shows how far estimates are off.
    prompt_tokens_estimated = models.PositiveIntegerField(null=True, blank=True)
    prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    completion_tokens = models.PositiveIntegerField(null=True, blank=True)
    reasoning_tokens = models.PositiveIntegerField(null=True, blank=True)
    total_tokens = models.PositiveIntegerField(null=True, blank=True)
    cost_usd = models.DecimalField(max_digits=20, decimal_places=12, null=True, blank=True)
    # What tools of the server took of `cost_usd`, and how often the web was searched.
    fees_usd = models.DecimalField(max_digits=20, decimal_places=12, null=True, blank=True)
    web_searches = models.PositiveIntegerField(null=True, blank=True)
    first_token_ms = models.PositiveIntegerField(null=True, blank=True)
    total_ms = models.PositiveIntegerField(null=True, blank=True)
    enable_caching = models.BooleanField(default=True)
    cache_breakpoints = models.JSONField(default=list, blank=True)
    cached_tokens_read = models.PositiveIntegerField(null=True, blank=True)
    cached_tokens_written = models.PositiveIntegerField(null=True, blank=True)
    cache_discount_usd = models.DecimalField(max_digits=20, decimal_places=12, null=True, blank=True)

    # The JSON Schema that the answer had to obey, and its value where it did.
    response_schema = models.JSONField(null=True, blank=True)
    structured_data = models.JSONField(null=True, blank=True)

    # What `chat.checking` found in an answer at its end, in the form of the API.
    quotations = models.JSONField(default=list, blank=True)
    references = models.JSONField(default=list, blank=True)
    # What came of asking the model to mend a false quotation (`chat.mending`); null where nobody was asked.
    repair = models.JSONField(null=True, blank=True)
    # Of a question: what scholars have laid down for questions like it, as the model was told beside it.
    guidance = models.TextField(blank=True)

    # What the question was sent with, as it was then: `chat.wishes` writes both.
    preset = models.JSONField(null=True, blank=True)
    applied = models.JSONField(null=True, blank=True)

    # For each event of the stream, the length of `content` (code points) after it: unsigned 32-bit, native order.
    # With it a reader resumes exactly, even long after the events themselves are gone.
    stream_ends = models.BinaryField(null=True, blank=True, editable=False)

    objects = MessageQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["conversation", "-id"], name="message_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.id}"


class Turn(models.Model):
    """One question on its way to an answer, from the moment it is paid for to the moment it is settled."""

    class Status(models.TextChoices):
        """Running, or ended in one of three ways; never in between."""

        RUNNING = "running"
        DONE = "done"
        STOPPED = "stopped"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)  # also the reservation's key
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="turns")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="turns")
    question = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="+")
    answer = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="turn")
    status = models.CharField(max_length=7, choices=Status.choices, default=Status.RUNNING)
    started_at = models.DateTimeField(default=timezone.now, editable=False)
    heartbeat_at = models.DateTimeField(default=timezone.now)
    stop_requested_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = TurnQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["heartbeat_at"], name="turn_running", condition=models.Q(status="running")),
            models.Index(fields=["owner", "-id"], name="turn_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.id}"


class TitleJob(models.Model):
    """One title to be made by a model: the row knows what is to be done, the job in the queue only its id."""

    class Status(models.TextChoices):
        """Waiting for a worker, at work, or ended in one of two ways."""

        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="title_jobs")
    status = models.CharField(max_length=7, choices=Status.choices, default=Status.QUEUED)
    asked_at = models.DateTimeField(
        null=True, blank=True, help_text="When its owner asked for it; empty: nobody did, it is automatic."
    )
    tries = models.PositiveSmallIntegerField(default=0)
    # Queued: not to be done before. Running: whoever does it is dead after.
    due_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["conversation"],
                condition=models.Q(status__in=("queued", "running")),
                name="title_job_one_open",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"], name="title_job_due", condition=models.Q(status__in=("queued", "running"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.id}"


class Feedback(models.Model):
    """What a person thinks of an answer. Staff read the answer itself only where the person allowed it."""

    class Rating(models.TextChoices):
        """Thumbs up or down."""

        UP = "up"
        DOWN = "down"

    class Reason(models.TextChoices):
        """What was wrong, or right."""

        INCORRECT = "incorrect", _("It is not correct")
        SOURCES = "sources", _("Sources are missing or wrong")
        NOT_ASKED = "not_asked", _("It does not answer the question")
        ONE_SIDED = "one_sided", _("It leaves out what others hold")
        DISRESPECTFUL = "disrespectful", _("It is disrespectful or harmful")
        STYLE = "style", _("Too long, too short, or badly put")
        OTHER = "other", _("Something else")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    message = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="feedback")
    rating = models.CharField(max_length=4, choices=Rating.choices)
    reason = models.CharField(max_length=15, choices=Reason.choices, blank=True)
    note = models.TextField(max_length=2000, blank=True)
    may_be_read = models.BooleanField(
        default=False, help_text="The person lets staff read this answer and its question."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    handled_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name_plural = "feedback"
        indexes: ClassVar = [
            models.Index(fields=["-updated_at"], name="feedback_open", condition=models.Q(handled_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.rating} {self.message_id}"


class Share(models.Model):
    """A public, read-only view of one conversation, for whoever has the link."""

    conversation = models.OneToOneField(Conversation, on_delete=models.CASCADE, related_name="share")
    token = models.CharField(max_length=43, unique=True, editable=False)
    title = models.CharField(max_length=200, blank=True)
    # Frozen: the message that it ends with, and with which it goes. None: live, it follows the conversation.
    head = models.ForeignKey(Message, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"share of {self.conversation_id}"


class SearchEntry(models.Model):
    """One message, or one conversation's title (`message` is None), as it is searched: folded by `chat.folding`.

    The id tells the moment (`chat.search`), so that the newest come first without sorting. Beside it the database
    keeps an index of words: a column and a GIN index on PostgreSQL, an FTS5 table that triggers keep true on SQLite.
    """

    id = models.BigAutoField(primary_key=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="search_entries")
    message = models.OneToOneField(
        Message, null=True, blank=True, on_delete=models.CASCADE, related_name="search_entry"
    )
    text = models.TextField(blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["owner", "-id"], name="search_entry_newest")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["conversation"], condition=models.Q(message=None), name="search_entry_one_title"
            ),
        ]

    def __str__(self) -> str:
        return str(self.message_id or self.conversation_id)


class OwedGeneration(models.Model):
    """A generation that OpenRouter has still to tell the cost of: `chat.owed` asks, books it and deletes the row.

    No foreign keys: what it cost stays true when conversation and account are gone.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    generation_id = models.CharField(max_length=100, unique=True)
    kind = models.CharField(
        max_length=20, default="chat", db_default="chat", help_text="The ledger's kind of entry."
    )
    owner_id = models.UUIDField()
    message_id = models.UUIDField(
        help_text="What it was for: an answer, or the conversation that got a title."
    )
    turn_id = models.UUIDField(
        null=True,
        blank=True,
        help_text="The turn to settle with it; empty for a broken attempt, which is free.",
    )
    model = models.CharField(max_length=200, blank=True)
    provider = models.CharField(max_length=100, blank=True)
    tokens = models.PositiveIntegerField(default=0, help_text="Charged where nobody ever tells better.")
    is_charged = models.BooleanField(default=False)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    due_at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return self.generation_id


class ConversationHabit(models.Model):
    """How often turns of one class were the last of their conversation, or were followed after which pause.

    Counted anew every day (`chat.habits`); the classes are those of `chat.outlook`.
    """

    preset = models.CharField(max_length=100, blank=True)
    length_class = models.PositiveSmallIntegerField()
    turn_class = models.PositiveSmallIntegerField()
    ended = models.PositiveIntegerField(default=0)
    short = models.PositiveIntegerField(default=0, help_text="Followed within five minutes.")
    long = models.PositiveIntegerField(default=0, help_text="Followed within an hour.")
    longer = models.PositiveIntegerField(default=0, help_text="Followed later.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["preset", "length_class", "turn_class"], name="habit_one_a_class"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.preset or 'any'} length {self.length_class} turn {self.turn_class}"

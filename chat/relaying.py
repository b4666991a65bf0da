"""A turn that goes from process to process: given away by one that ends, gone on with by the one that takes it up."""

from __future__ import annotations

import asyncio
import logging
import time

import msgspec
from django.db import DatabaseError

from chat import checkpoints, fallback, handing, owed
from chat.closing import Outcome
from chat.handing import Handed
from chat.models import Turn
from chat.producing import RunningTurn
from chat.turns import OpenTurn

log = logging.getLogger(__name__)

# What earlier attempts cost is noted by then, or by the process's last seconds.
_NOTED_WITHIN_S = 1.0


class RelayedTurn(RunningTurn):
    """One turn that another process can go on with: `handed` is what this one was given."""

    def __init__(self, opened: OpenTurn, handed: Handed | None = None) -> None:
        super().__init__(opened)
        self._as_opened = opened  # without the bytes of its files
        self._is_leaving = False
        if handed is not None:
            self._go_on_from(handed)

    def _go_on_from(self, handed: Handed) -> None:
        passed_s = handed.elapsed_ms / 1000
        self.turn_log.restore(handed.bodies, handed.stream_ends)
        self.parts = [handed.text] if handed.text else []
        self.reasoning = [handed.reasoning] if handed.reasoning else []
        self.citations = list(handed.citations)
        self.course = fallback.Course(
            self.opened.candidates,
            patience=msgspec.structs.replace(
                fallback.PATIENCE, turn=max(1.0, fallback.PATIENCE.turn - passed_s)
            ),
            attempted=list(handed.attempted),
            notes=list(handed.notes),
            begins_with=handed.writer[0],
        )
        self._began = time.monotonic() - passed_s
        self._first_token_ms = handed.first_token_ms
        self._writer = handed.writer
        self._has_owed = handed.has_owed
        self._parsed = list(handed.parsed)

    def hand_on(self, *, otherwise: tuple[str, str]) -> None:
        """End here and let another process go on; the turn fails with this code and detail where that can't be."""
        self._is_leaving = handing.is_possible()
        self.stop(failure=otherwise)

    async def _close(self, outcome: Outcome) -> None:
        was_cut = (outcome.error_code, outcome.error_detail) == self._stop_reason
        if self._is_leaving and was_cut:
            if self.stream is not None and self.stream.finish_reason:  # only its cost was waited for
                outcome.status, outcome.finish_reason = Turn.Status.DONE, self.stream.finish_reason
                outcome.error_code = outcome.error_detail = ""
            elif await self._give():
                self.is_handed_on = True
                return
        await super()._close(outcome)

    async def _give(self) -> bool:
        if self._owing:
            await asyncio.wait(self._owing, timeout=_NOTED_WITHIN_S)
        try:
            await checkpoints.save([self])  # the text that is kept if nobody goes on with it
        except DatabaseError:
            log.warning("the last words of an answer that is handed on are not saved")
        return await handing.give(self._handed())

    def _handed(self) -> Handed:
        stream = self.stream
        broken_off = owed.attempt_of(stream, asked=self.opened.request.model)
        return Handed(
            opened=self._as_opened,
            bodies=[body for _, body in self.turn_log.since(0)],
            stream_ends=self.turn_log.stream_ends,
            text=self.text(),
            reasoning="".join(self.reasoning),
            citations=self.citations,
            attempted=self.course.attempted,
            notes=self.course.notes,
            writer=self._writer,
            first_token_ms=self._first_token_ms,
            elapsed_ms=self._elapsed_ms(),
            has_owed=self._has_owed or bool(self._owing) or broken_off is not None,
            broken_off=broken_off,
            parsed=[*self._parsed, *(stream.files if stream else [])],
        )

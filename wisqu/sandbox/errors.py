"""Refusals on the way to an answer."""

from wisqu.sandbox.controls import FaultWord
from wisqu.sandbox.faults import HttpFault


class Refusal(Exception):
    """The request ends with this failure."""

    def __init__(self, fault: HttpFault, word: FaultWord | None = None) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.word = word


def bad_request(message: str) -> HttpFault:
    return HttpFault(400, message, "invalid_request")

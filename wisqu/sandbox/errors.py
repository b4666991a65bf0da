"""Refusals on the way to an answer."""

from wisqu.sandbox.faults import HttpFault


class Refusal(Exception):
    """The request ends with this failure."""

    def __init__(self, fault: HttpFault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def bad_request(message: str) -> HttpFault:
    return HttpFault(400, message, "invalid_request")

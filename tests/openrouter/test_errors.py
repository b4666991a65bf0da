from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from wisqu.openrouter import errors
from wisqu.openrouter.errors import from_body, seconds


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (400, {"message": "temperature: too big"}, errors.InvalidRequest),
        (400, {"message": "This endpoint's maximum context length is 8192 tokens"}, errors.ContextTooLong),
        (400, {"code": 400, "type": "exceed_context_size_error"}, errors.ContextTooLong),
        (400, {"code": "context_length_exceeded", "type": "invalid_request_error"}, errors.ContextTooLong),
        (400, {"metadata": {"error_type": "content_policy_violation"}}, errors.ContentRefused),
        (400, {"message": "x/y is not a valid model ID"}, errors.ModelUnavailable),
        (400, {"availability": {"code": "model_not_found"}}, errors.ModelUnavailable),
        (401, {"message": "No auth credentials found"}, errors.OperatorError),
        (402, {"metadata": {"limit_source": "openrouter_credits"}}, errors.OperatorError),
        (402, {"metadata": {"limit_source": "openrouter_key_limit"}}, errors.OperatorError),
        (402, {"metadata": {"limit_source": "openrouter_in_flight_budget"}}, errors.RateLimited),
        (403, {"metadata": {"reasons": ["violence"]}}, errors.ContentRefused),
        (403, {"message": "Key limit exceeded"}, errors.OperatorError),
        (403, {"availability": {"code": "region_restricted"}}, errors.ModelUnavailable),
        (404, {"message": "No endpoints found"}, errors.ModelUnavailable),
        (404, None, errors.OperatorError),
        (307, None, errors.OperatorError),
        (408, None, errors.UpstreamTimeout),
        (413, None, errors.ContextTooLong),
        (422, "unprocessable", errors.InvalidRequest),
        (429, None, errors.RateLimited),
        (500, None, errors.UpstreamUnavailable),
        (502, "<html>", errors.UpstreamUnavailable),
        (524, None, errors.UpstreamTimeout),
        (529, {"metadata": {"error_type": "provider_overloaded"}}, errors.UpstreamUnavailable),
        (None, {"code": "429"}, errors.RateLimited),
        (None, {"code": 502, "metadata": {"error_type": "provider_unavailable"}}, errors.UpstreamUnavailable),
        (None, "anything", errors.UpstreamUnavailable),
        (None, None, errors.UpstreamUnavailable),
    ],
)
def test_every_failure_has_its_type(status: int | None, error: Any, expected: type[Exception]) -> None:
    assert type(from_body(status=status, error=error)) is expected


@pytest.mark.parametrize(
    ("status", "times"),
    [(400, 0), (401, 0), (402, 0), (404, 0), (429, 2), (500, 1), (502, 2), (503, 2), (529, 2)],
)
def test_only_passing_trouble_is_tried_again(status: int, times: int) -> None:
    assert from_body(status=status, error=None).automatic_retries == times


def test_only_operators_trouble_is_marked_so() -> None:
    assert from_body(status=402, error=None).operator
    assert not from_body(status=429, error=None).operator


def test_no_key_and_no_upstream_words_reach_a_person() -> None:
    error = from_body(status=401, error={"message": "Invalid key sk-or-v1-0123456789abcdef given"})
    assert "sk-or" not in error.reason
    assert "Invalid" not in error.detail


def test_codes_are_stable_and_distinct() -> None:
    kinds = errors.OpenRouterError.__subclasses__()
    codes = {kind.code for kind in kinds if kind.__module__ == errors.__name__}
    assert codes == {
        "upstream_misconfigured",
        "invalid_request",
        "context_too_long",
        "content_refused",
        "model_unavailable",
        "upstream_rate_limited",
        "upstream_unavailable",
        "upstream_timeout",
        "interrupted",
        "malformed_reply",
    }


@pytest.mark.parametrize(
    ("value", "expected"), [("7", 7), (1.5, 1.5), ("-1", None), ("nan", None), ("1e9", None), (None, None)]
)
def test_retry_after_must_be_sane(value: object, expected: float | None) -> None:
    assert seconds(value) == expected


def test_retry_after_may_be_a_date() -> None:
    wait = seconds(format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True))
    assert wait is not None
    assert 25 < wait <= 30


def test_the_wait_may_stand_in_the_body() -> None:
    error = {"availability": {"code": "capacity_exhausted", "retry_after": 4}}
    assert from_body(status=429, error=error).retry_after == 4

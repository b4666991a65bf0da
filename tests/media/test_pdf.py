"""What is read out of PDF files."""

import time

import pytest

from tests.media.files import arabic_pdf, pdf
from wisqu.media import pdf as reader
from wisqu.media.reading import in_reading_order


@pytest.fixture(autouse=True)
def _time_to_read(monkeypatch):
    """The limit is of a process that does nothing else; this one has run many tests."""
    monkeypatch.setattr(reader, "_TEXT_UNTIL_S", time.process_time() + 10)


def test_text_is_read_page_by_page():
    found = reader.inspect(pdf("One", "Two"), max_pages=5, most_characters=1000)
    assert found == {"pages": 2, "text": "One\n\nTwo", "next_page": None}


def test_a_long_text_is_cut():
    found = reader.inspect(pdf("x" * 50, "y"), max_pages=5, most_characters=10)
    assert (found["text"], found["next_page"]) == ("x" * 10, None)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_reading_stops_in_time_and_goes_on_where_it_stopped(monkeypatch):
    monkeypatch.setattr(reader, "_TEXT_UNTIL_S", -1.0)
    data, pages, first = pdf(*["word " * 400] * 60), [], 0
    while first is not None:
        found = reader.read(data, first_page=first, most_characters=10**6)
        pages.append(found["text"])
        assert found["next_page"] is None or found["next_page"] > first
        first = found["next_page"]
    assert len(pages) > 1


def test_arabic_is_read_from_right_to_left_in_letters():
    found = reader.inspect(arabic_pdf(), max_pages=5, most_characters=1000)
    assert found["text"].splitlines()[0] == "رسالة في الزكاة"
    assert "تجب الزكاة في المال إذا بلغ النصاب" in found["text"]


def test_lines_are_turned_and_numbers_and_latin_words_are_not():
    first, verse, of, peace = (word[::-1] for word in ("الأول", "الآية", "من", "سلام"))
    seen = f"(2:255 {verse}) WisQu {of} 12.5% {first}"
    assert in_reading_order(seen) == "الأول 12.5% من WisQu (الآية 2:255)"
    assert in_reading_order(f"The word {peace} means   peace") == "The word سلام means peace"
    assert in_reading_order("plain   text") == "plain text"

"""Markdown of answers: what is shown, what never passes, and which way each block runs."""

import re
import time

import pytest

from chat.rendering import render


def test_it_renders_the_usual_marks() -> None:
    html = render("**bold** and `code`\nnext\n\n- one\n- two\n\n~~gone~~")

    assert "<strong>bold</strong> and <code>code</code><br>" in html
    assert html.count("<li") == 2
    assert "<s>gone</s>" in html


def test_markup_of_the_author_is_shown_as_text() -> None:
    html = render('<script>alert(1)</script><img src=x onerror="alert(1)">')

    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;img" in html


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "/accounts/logout/"]
)
def test_a_link_to_anything_but_the_web_stays_text(address: str) -> None:
    assert "<a" not in render(f"[press]({address})")


def test_a_link_opens_beside_and_tells_nothing_of_us() -> None:
    html = render("[there](https://example.org/a)")

    assert 'href="https://example.org/a"' in html
    assert 'rel="noopener nofollow noreferrer"' in html
    assert 'target="_blank"' in html


def test_only_addresses_with_a_scheme_become_links() -> None:
    html = render("see https://example.org/a and settings.py or example.org")

    assert html.count("<a ") == 1


def test_a_picture_becomes_its_description() -> None:
    html = render("![a minaret](https://elsewhere.example/track.png)")

    assert "elsewhere.example" not in html
    assert "a minaret" in html


def test_no_element_carries_an_inline_style() -> None:
    html = render("| a | b |\n|:-:|--:|\n| 1 | 2 |")

    assert "style=" not in html
    assert 'class="to-center"' in html
    assert 'class="to-end"' in html


def test_every_block_takes_its_own_direction() -> None:
    html = render("English\n\nعربي\n\n## عنوان\n\n| a | ب |\n|---|---|\n| 1 | 2 |")

    for tag in ("p", "h3", "th", "td"):
        assert f'<{tag} dir="auto"' in html


@pytest.mark.parametrize(
    ("text", "direction"), [("- سلام\n- hello", "rtl"), ("- hello\n- سلام", "ltr"), ("- 1", "auto")]
)
def test_a_list_runs_like_its_first_letter(text: str, direction: str) -> None:
    assert render(text).startswith(f'<ul dir="{direction}">')


def test_code_runs_left_to_right_and_names_its_language() -> None:
    html = render("```Python\nprint('سلام')\n```")

    assert '<pre dir="ltr"><code class="language-python">' in html
    assert '<span class="code-language">python</span>' in html


def test_a_language_with_markup_in_it_is_left_out() -> None:
    assert "<b>" not in render('```"><b>x\ntext\n```')


def test_a_quoted_verse_is_set_as_one() -> None:
    html = render("> قُلْ هُوَ ٱللَّهُ أَحَدٌ\n>\n> — الإخلاص")

    assert html.count('class="verse"') == 1


@pytest.mark.parametrize(
    ("written", "shown"),
    [((1, 2, 5), "345"), ((2, 3, 2), "343"), ((3, 2, 4), "334"), ((4, 1), "33"), ((1, 2, 3, 4, 5), "34566")],
)
def test_headings_begin_below_the_page_and_skip_no_level(written: tuple[int, ...], shown: str) -> None:
    html = render("\n\n".join("#" * level + " words" for level in written))

    assert "".join(re.findall(r"<h(\d)", html)) == shown


def test_deep_nesting_comes_back_in_no_time() -> None:
    assert render(">" * 20_000 + "x")
    assert render("[" * 20_000)


@pytest.mark.parametrize(
    "text", ["$5 and $6", "US$5, CA$6", "$5 to 10$.", "$HOME/$USER", "`$x$`", "$ x $", "\\$x$"]
)
def test_what_is_no_formula_stays_text(text: str) -> None:
    assert "math" not in render(text)


@pytest.mark.parametrize("text", ["$x^2$", r"\(x^2\)", "$$x^2$$", "\\[\nx^2\n\\]", "see:\n$$\nx^2\n$$"])
def test_a_formula_keeps_its_latex_from_left_to_right(text: str) -> None:
    html = render(text)

    assert 'class="math' in html
    assert 'dir="ltr">x^2<' in html


def test_markup_in_a_formula_is_text() -> None:
    assert "<img" not in render("$<img src=x onerror=alert(1)>$\n\n$$\n<img src=x>\n$$")


def test_a_formula_that_never_ends_comes_back_in_no_time() -> None:
    assert render("\\(" * 5_000)
    assert render("$a " * 5_000)
    assert render("$$\n" * 2_000)


@pytest.mark.parametrize("piece", ["https://a.", "mailto:a@", "ftp://[", "a:// ", "https://[ "])
def test_a_text_of_nothing_but_addresses_does_not_keep_its_readers_waiting(piece: str) -> None:
    began = time.process_time()
    render(piece * (60_000 // len(piece)))
    assert time.process_time() - began < 6


def test_a_long_answer_with_many_addresses_keeps_them() -> None:
    html = render("See https://example.org/a:b//c?d=e:f and more words.\n\n" * 300)
    assert html.count('href="https://example.org/a:b//c?d=e:f"') == 300

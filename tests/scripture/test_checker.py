"""What the checker says of quotations, marked or not, in any language."""

from __future__ import annotations

import random

import pytest

from tests.scripture import texts
from wisqu.scripture.checker import check
from wisqu.scripture.letters import fold
from wisqu.scripture.verdicts import Quotation


def only(text: str) -> Quotation:
    (quotation,) = check(text).quotations
    return quotation


def places(quotation: Quotation) -> list[tuple[int, int, int]]:
    return [(place.surah, place.first, place.last) for place in quotation.places]


@pytest.mark.parametrize("spelling", texts.SPELLINGS)
def test_verses_are_genuine_however_they_are_spelled(spelling: str) -> None:
    for place, words in texts.SPELLINGS[spelling](41):
        quotation = only(texts.marked(words))
        assert quotation.verdict == "genuine", words
        assert place in texts.verses_in(quotation)


@pytest.mark.parametrize("spelling", texts.SPELLINGS)
def test_extracts_are_the_quran_whether_or_not_the_cut_matters(spelling: str) -> None:
    chance = random.Random(1)
    for place, words in texts.SPELLINGS[spelling](41):
        quotation = only(texts.marked(texts.extract(words, chance)))
        assert quotation.verdict in ("genuine", "cut"), words
        assert place in texts.verses_in(quotation)


@pytest.mark.parametrize("change", texts.CHANGES)
def test_changed_verses_are_not_genuine_and_the_verse_is_named(change: str) -> None:
    chance = random.Random(2)
    named = seen = 0
    for place, words in texts.modern(11):
        changed = texts.CHANGES[change](words, chance)
        if changed is None:
            continue
        quotations = check(texts.marked(changed)).quotations
        if {each.verdict for each in quotations} & {"genuine", "cut"}:
            assert texts.is_text(changed), changed
            continue
        seen += 1
        named += any(each.verdict == "altered" and place in texts.verses_in(each) for each in quotations)
    assert named >= 0.98 * seen


def test_ordinary_prose_is_no_quotation() -> None:
    for sentence in texts.prose(600, seed=3):
        assert check(sentence).quotations == (), sentence


def test_a_verse_that_recurs_has_all_its_places() -> None:
    quotation = only("﴿فبأي آلاء ربكما تكذبان﴾")
    assert len(quotation.places) == 31
    assert all(place.surah == 55 for place in quotation.places)


def test_the_changed_word_is_shown_beside_the_right_one() -> None:
    text = "الله لا إله إلا هو الحي القدير لا تأخذه سنة ولا نوم"
    (difference,) = only(text).differences
    assert (text[difference.start : difference.end], difference.found) == ("القدير", "القدير")
    assert fold(difference.expected) == "القيوم"


def test_a_missing_word_has_a_place_and_no_length() -> None:
    text = "لا يكلف الله نفسا وسعها لها ما كسبت وعليها ما اكتسبت"
    (difference,) = only(text).differences
    assert (difference.found, fold(difference.expected)) == ("", "الا")
    assert difference.start == difference.end == text.index("نفسا") + len("نفسا")


def test_a_vowel_that_turns_the_meaning_is_a_change() -> None:
    right = "﴿أَنَّ اللَّهَ بَرِيءٌ مِنَ الْمُشْرِكِينَ وَرَسُولُهُ﴾"
    assert only(right).verdict == "genuine"
    assert only(right.replace("وَرَسُولُهُ", "وَرَسُولِهِ")).verdict == "altered"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("﴿يلد ولم يولد﴾", "cut"),
        ("﴿تقربوا الصلاة وأنتم سكارى﴾", "cut"),
        ("﴿لا تقربوا الصلاة﴾", "genuine"),
        ("﴿فويل للمصلين﴾", "genuine"),
    ],
)
def test_a_cut_that_drops_a_negation_or_an_exception_is_told(text: str, verdict: str) -> None:
    assert only(text).verdict == verdict


def test_what_is_presented_as_a_verse_and_is_none_is_unknown() -> None:
    assert only('قال الله تعالى: "إن الله يحب من عباده الذي يأكل كثيرا"').verdict == "unknown"
    assert only("Allah says: «أكرموا ضيوفكم في كل يوم وليلة»").verdict == "unknown"


def test_quotations_are_found_in_markdown_with_the_numbers_of_the_verses() -> None:
    text = (
        "Surah Al-Ikhlas:\n> بِسْمِ اللَّهِ الرَّحْمَٰنِ الرَّحِيمِ\n> **قُلْ هُوَ اللَّهُ أَحَدٌ** ﴿١﴾ اللَّهُ الصَّمَدُ ﴿٢﴾\n"
        "> لَمْ يَلِدْ وَلَمْ يُولَدْ ﴿٣﴾ وَلَمْ يَكُن لَّهُ كُفُوًا أَحَدٌ ﴿٤﴾"
    )
    assert places(only(text)) == [(112, 1, 4)]


def test_quotations_are_found_in_the_cells_of_a_table() -> None:
    text = "| 113:1 | قُلْ أَعُوذُ بِرَبِّ الْفَلَقِ |\n| 113:2 | مِن شَرِّ مَا خَلَقَ |"
    assert places(only(text)) == [(113, 1, 2)]


def test_a_line_that_names_the_source_and_a_table_behind_it_are_no_part_of_the_verse() -> None:
    report = check("> قُلْ هُوَ ٱللَّهُ أَحَدٌ\n>\n> — الإخلاص 112:1\n\n| السورة | رقمها |\n|:--|--:|\n| البقرة | 2 |")

    assert [each.verdict for each in report.quotations] == ["genuine"]
    assert report.quotations[0].text == "قُلْ هُوَ ٱللَّهُ أَحَدٌ"
    assert report.quotations[0].reference.state == "real"


def test_letters_of_persian_and_urdu_are_the_same_letters() -> None:
    assert places(only("خداوند در قرآن می‌فرماید: «ان مع العسر یسرا»")) == [(94, 6, 6)]
    assert only("ارشاد باری تعالیٰ ہے: ﴿اِنَّ مَعَ الۡعُسۡرِ یُسۡرًا﴾ (الشرح: 6)").verdict == "genuine"


def test_a_word_that_can_be_read_in_two_ways_is() -> None:
    assert only("﴿لقد أرسلنا نوحا إلى قومه فقال يقوم اعبدوا الله﴾").verdict == "genuine"
    assert only("﴿فقال يملك اعبدوا الله ما لكم من إله غيره﴾").verdict == "altered"


def test_bold_type_inside_a_word_takes_no_word_apart() -> None:
    text = "﴿الْ**حَمْدُ** لله *ر***ب** العالمين﴾"
    assert (only(text).verdict, places(only(text))[0]) == ("genuine", (1, 2, 2))
    assert only("﴿**قل**هو الله أحد﴾").verdict == "genuine"
    assert only("﴿إن الله مع ال**كافر**ين﴾").verdict == "altered"


def test_an_ellipsis_may_leave_out_the_middle() -> None:
    assert only("{يا أيها الذين آمنوا ... كتب عليكم الصيام}").verdict == "genuine"


@pytest.mark.parametrize(
    "text",
    [
        "قال رسول الله ﷺ: «إنما الأعمال بالنيات وإنما لكل امرئ ما نوى»",
        "بسم الله الرحمن الرحيم\n\nالحمد لله رب العالمين، والصلاة والسلام على رسول الله. أما بعد، فقد سألت عن الصيام.",
        "السلام عليكم ورحمة الله وبركاته، لا إله إلا الله محمد رسول الله",
        "ذهبت إلى السوق ثم رجعت إلى البيت وقرأت كتابا عن تاريخ الأندلس في المساء.",
        "نماز یکی از مهم‌ترین عبادت‌ها در اسلام است و مسلمانان روزی پنج بار نماز می‌خوانند.",
        "روزہ اسلام کے پانچ ارکان میں سے ایک ہے اور ہر بالغ مسلمان پر فرض ہے۔",
        "إن شاء الله سأزورك غدا، والحمد لله على كل حال.",
        "Fasting is one of the five pillars.",
        "",
    ],
)
def test_prose_hadith_and_everyday_phrases_are_no_quotation(text: str) -> None:
    assert check(text).quotations == ()


def test_a_reference_beside_other_words_is_a_mismatch_and_is_not_corrected() -> None:
    quotation = only("﴿إن الله مع الصابرين﴾ [البقرة: 154]")
    assert quotation.reference is not None
    assert (quotation.verdict, quotation.reference.state) == ("genuine", "mismatch")
    assert places(quotation) == [(2, 153, 153), (8, 46, 46)]


def test_a_reference_says_which_of_several_places_is_meant() -> None:
    quotation = only("﴿فبأي آلاء ربكما تكذبان﴾ (Ar-Rahman 77)")
    assert quotation.reference is not None
    assert places(quotation)[0] == (55, 77, 77)
    assert quotation.reference.state == "real"


def test_offsets_count_code_points_of_the_text() -> None:
    text = "😀 He said: ﴿قل هو الله أحد﴾."
    quotation = only(text)
    assert text[quotation.start : quotation.end] == quotation.text == "قل هو الله أحد"


def test_hostile_texts_are_checked_as_well() -> None:
    for text in (
        "﴿" * 5000,
        "﴿من﴾" * 300,
        "ان الله علي كل " * 500,
        "سورة " * 5000,
        "2:255 " * 3000,
        "\u0651" * 9000,
    ):
        check(text)

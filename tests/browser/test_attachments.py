"""Files on the chat page: attached by button, drop and paste, shown, removed, sent, found again."""

from __future__ import annotations

import base64
import re
import zipfile
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, Route, expect

from billing.models import MonthlyUsageQuota, PlanLimit
from chat.models import Attachment, Message
from tests.browser.chatting import Chat
from tests.browser.flaws import flaws
from tests.chat.test_conversations import Rest
from tests.chat.test_unpacking import talk_about_files
from tests.live import Web
from tests.media import files
from tests.people import make_alice, make_charlie
from wisqu.accounts import exports
from wisqu.files import storage

DROP = """([name, type, base64]) => {
  const bytes = Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name, { type }));
  const room = document.querySelector("[data-room]");
  for (const kind of ["dragenter", "dragover", "drop"]) {
    room.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
}"""
PASTE = """(base64) => {
  const bytes = Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], "image.png", { type: "image/png" }));
  document.querySelector("#question").dispatchEvent(
    new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
}"""


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def attach(chat: Chat, *these: tuple[str, str, bytes]) -> None:
    chat.page.locator("[data-attach-file]").set_input_files(
        [{"name": name, "mimeType": kind, "buffer": data} for name, kind, data in these]
    )


def test_files_are_attached_shown_and_sent(browser_page: Page, live: Web, errors) -> None:
    chat = Chat(browser_page, live, make_alice())
    page, chips = chat.page, chat.page.locator("[data-chip]")
    attach(
        chat,
        ("letter.pdf", "application/pdf", files.pdf("Zakat is due once a year.", "The second page")),
        ("رسالة في الزكاة.pdf", "application/pdf", files.arabic_pdf()),
    )
    page.evaluate(DROP, ["notes.md", "text/markdown", base64_of("# ملاحظات\n".encode())])
    page.evaluate(PASTE, base64_of(files.png(320, 200)))
    done = page.locator('[data-chip="done"]')
    expect(done).to_have_count(4)
    expect(chips.first).to_contain_text("PDF · 2 pages")
    expect(done.locator("img:visible")).to_have_count(1)

    # A file that is not what it is called is refused in words, and the others stay.
    errors.expect("422")
    attach(chat, ("photo.png", "image/png", b"only words"))
    expect(page.locator("[data-refusal]")).to_contain_text("photo.png: The file is not what its name says.")
    expect(chips).to_have_count(4)

    # By keyboard: the notes go, and the next button has the focus.
    notes = chips.filter(has_text="notes.md").get_by_role("button", name="Remove notes.md")
    notes.focus()
    notes.press("Enter")
    expect(chips).to_have_count(3)
    expect(page.get_by_role("button", name="Remove letter.pdf")).to_be_focused()

    chat.ask("What does the letter say? [[words:5]] [[pace:fast]]")
    chat.wait_until("done")
    expect(chips).to_have_count(0)
    shown = chat.questions.last.locator("[data-files] .file")
    expect(shown).to_have_count(3)
    assert flaws(page) == []

    # After a reload the server shows the same.
    before = shown.all_inner_texts()
    page.reload()
    expect(shown).to_have_count(3)
    assert shown.all_inner_texts() == before
    expect(shown.locator("img")).to_have_js_property("naturalWidth", 320)
    with page.expect_download() as download:
        shown.first.click()
    assert download.value.suggested_filename == "letter.pdf"

    question = Message.objects.get(role="user")
    assert [each["name"] for each in question.attached] == ["letter.pdf", "رسالة في الزكاة.pdf", "image.png"]
    assert "رسالة في الزكاة" in Attachment.objects.get(name__startswith="رسالة").text
    assert MonthlyUsageQuota.objects.get().used_documents == 2


def test_a_draft_another_wording_and_a_refused_question_keep_their_files(
    browser_page: Page, live: Web, errors
) -> None:
    chat = Chat(browser_page, live, make_alice())
    lost: list[Route] = []
    chat.page.route("**/api/v1/attachments", lambda route: lost.append(route) or route.abort(), times=1)
    errors.expect("ERR_FAILED")
    attach(chat, ("shot.png", "image/png", files.png()))
    expect(chat.page.locator('[data-chip="done"]')).to_have_count(1)
    assert len(lost) == 1  # the line broke once, and it was sent again
    chat.composer.fill("What is")
    chat.page.reload()
    expect(chat.page.locator('[data-chip="done"]')).to_have_count(1)
    expect(chat.composer).to_have_value("What is")
    chat.ask("What is it? [[words:3]] [[pace:fast]]")
    chat.wait_until("done")
    chat.questions.last.hover()
    chat.questions.last.locator("[data-edit]").click()
    chat.page.locator("form.edit textarea").fill("What else? [[words:3]] [[pace:fast]]")
    chat.page.locator("form.edit textarea").press("Enter")
    expect(chat.questions.last).to_contain_text("What else?")
    chat.wait_until("done")
    expect(chat.questions.last.locator("[data-files] .file")).to_have_count(1)

    attach(chat, ("other.txt", "text/plain", b"words"))
    expect(chat.page.locator('[data-chip="done"]')).to_have_count(1)
    Attachment.objects.filter(name="other.txt").delete()
    chat.ask("And this?")
    expect(chat.page.locator("[data-refusal]")).to_be_visible()
    expect(chat.page.locator('[data-chip="done"]')).to_have_count(1)
    expect(chat.composer).to_have_value("And this?")


def test_files_on_a_phone_from_right_to_left(new_context: Callable[..., BrowserContext], live: Web) -> None:
    context = new_context(
        viewport={"width": 390, "height": 844}, color_scheme="dark", locale="ar", has_touch=True
    )
    chat = Chat(context.new_page(), live, make_alice(language="ar"))
    attach(
        chat,
        ("رسالة في الزكاة.pdf", "application/pdf", files.arabic_pdf()),
        ("a rather long name of a picture that was taken.png", "image/png", files.png(300, 200)),
    )
    expect(chat.page.locator('[data-chip="done"]')).to_have_count(2)
    chat.ask("ما مقدار الزكاة؟ [[words:3]] [[pace:fast]]")
    chat.wait_until("done")
    expect(chat.questions.last.locator("[data-files] .file")).to_have_count(2)
    wide = chat.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0
    box = chat.page.locator("[data-attach]").bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 44
    assert re.search(r"/c/[0-9a-f-]{36}$", chat.page.url)


def test_an_export_is_brought_in_on_the_page_with_its_files(browser_page: Page, live: Web) -> None:
    alice = Rest(make_alice())
    talk_about_files(alice)
    PlanLimit.objects.update(documents=0)
    export = exports.archive(alice.user)
    with zipfile.ZipFile(export, "a") as archive:
        archive.writestr("__MACOSX/._export.json", b"\0\5")
    export.seek(0)
    chat = Chat(browser_page, live, make_charlie())
    page = chat.page
    page.locator("[data-show-import]").dispatch_event("click")
    page.locator("[data-import-file]").set_input_files(
        {
            "name": "wisqu-export.zip",
            "mimeType": "application/zip",
            "buffer": export.read(),
        }
    )
    expect(page.locator("[data-import-said] bdi")).to_have_text("thesis.pdf")
    expect(page.locator("[data-import-said]")).to_have_text(
        "1 conversation was taken over. 2 files came along. 1 file was left out: "
        "thesis.pdf: Your plan has no more of these this month."
    )
    page.locator("[data-import-dialog]").get_by_role("button", name="Close").click()
    chat.entries.first.click()
    asked = chat.questions.first
    expect(asked).to_contain_text("notes.md")
    expect(asked).not_to_contain_text("thesis.pdf")
    expect(asked.locator("img")).to_have_js_property("naturalWidth", 90)
    photo = Attachment.objects.filter(name="photo.jpg")
    first, other = (storage.read(row.key) for row in photo)
    assert first == other

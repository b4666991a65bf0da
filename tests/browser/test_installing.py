"""The page without a network, and formulas under the strict policy, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from chat.models import Conversation, Message
from tests.browser.chatting import Chat
from tests.browser.conftest import Errors
from tests.live import Web
from tests.people import make_alice

MATHS = r"""It is $5 and $6. Here $\vec{v} = \sqrt{\frac{a}{b}}$ and \(\overbrace{x}^{2}\).

$$
\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix} \pmb{x} \cancel{y} \fcolorbox{red}{white}{z}
$$

مجموع $\undefined{x}$ الآن.

```python
print("$x$")
```
"""


def test_formulas_are_set_live_and_in_history(browser_page: Page, live: Web) -> None:
    chat = Chat(browser_page, live, make_alice())
    chat.ask(f"{MATHS} [[echo]] [[pace:5ms]]")
    chat.wait_until("done")
    for _ in range(2):
        expect(chat.prose.locator(".katex")).to_have_count(3)
        expect(chat.prose.locator(".is-raw")).to_have_text(r"\undefined{x}")
        expect(chat.prose).to_contain_text("It is $5 and $6.")
        expect(chat.prose.locator("pre .hljs-string")).to_have_text('"$x$"')
        fonts = (
            "[...document.fonts].filter(f => f.family.startsWith('KaTeX') && f.status === 'loaded').length"
        )
        browser_page.wait_for_function(fonts)
        browser_page.reload()


def test_a_formula_is_copied_as_it_was_written(browser_page: Page, live: Web) -> None:
    alice = make_alice()
    conversation = Conversation.objects.create(owner=alice, title="Maths")
    question = Message.objects.create(conversation=conversation, role="user", content="?")
    conversation.head = Message.objects.create(
        conversation=conversation, parent=question, role="assistant", content=MATHS, depth=1
    )
    conversation.save()
    chat = Chat(browser_page, live, alice)
    chat.open(f"/c/{conversation.id}")
    expect(chat.prose.locator(".katex")).to_have_count(3)
    told = browser_page.evaluate(
        """async () => (await import("/static/js/math.js")).plainText(document.querySelector("[data-prose]"))"""
    )

    assert r"Here \vec{v} = \sqrt{\frac{a}{b}} and \overbrace{x}^{2}." in told
    assert chat.prose.locator(".katex").count() == 3


def test_without_a_network_a_page_of_ours_says_so(
    new_context: Callable[..., BrowserContext], live: Web, errors: Errors
) -> None:
    errors.expect("ERR_INTERNET_DISCONNECTED|ERR_FAILED|Failed to fetch|net::")
    context = new_context(service_workers="allow", locale="ar")
    page = context.new_page()
    page.goto(f"{live.url}/accounts/login/")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    kept = page.evaluate(
        """async () => (await Promise.all((await caches.keys()).map(async name =>
          (await (await caches.open(name)).keys()).map(each => new URL(each.url).pathname)))).flat()"""
    )
    context.set_offline(True)
    page.goto(f"{live.url}/c/0")

    assert all(path == "/offline" or path.startswith("/static/") for path in kept)
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.locator("main a.button")).to_have_attribute("href", "")
    assert page.evaluate("document.styleSheets[1].cssRules.length") > 0
    assert page.evaluate("fetch('/api/v1/health').then(() => 'told', () => 'refused')") == "refused"

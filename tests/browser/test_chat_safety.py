"""Hostile answers are inert, and the browser's Markdown is the server's Markdown."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Request

from chat.models import Conversation, Message
from chat.rendering import render
from tests.browser.chatting import Chat
from tests.browser.test_chat_access import SAMPLE
from tests.live import Web
from tests.people import make_alice

HOSTILE = """<img src=x onerror="alert(1)"> <script>alert(2)</script> <svg onload=alert(3)>

![pixel](https://tracker.example/p.png) ![data](data:image/svg+xml,<svg/onload=alert(4)>)

[press](javascript:alert(5)) [data](data:text/html,<script>alert(6)</script>) <javascript:alert(7)>

<a href="javascript:alert(8)">x</a> <iframe src="https://tracker.example/"></iframe> <style>*{display:none}</style>

| <img src=https://tracker.example/t onerror=alert(9)> |
|---|
| `</code><img src=x onerror=alert(10)>` |

```"><img/src=x/onerror=alert(11)>
</code></pre><script>alert(12)</script>
```

<form action=https://tracker.example><input autofocus onfocus=alert(13)></form>
"""
TEXTS = [
    SAMPLE,
    HOSTILE,
    "a\nb  \nc\\\nd",
    "1. one\n\n   more\n2. two\n   - deep\n\n     para",
    "3) three\n4) four",
    "> سلام\n> hello\n\n> > inner\n\n> الحمد لله",
    "see https://example.org/a?b=c&d=1#e, file.py, mailto:a@b.example and <https://x.example>",
    "[ref][1] and ![pic][1]\n\n[1]: https://example.org 'title'",
    "- [ ] task\n- [x] done\n\n***\n\nfinal ~~gone~~ *em* __strong__ `` a`b ``",
    "| ا | b |\n|:--|:-:|\n| سلام | `x|y` |\n| only |",
    "    indented\n\n~~~\nplain\n~~~\n\n```c++ title\nx\n```",
    "# ١\n\n## a\n\n###### f\n\nsetext\n---",
    "١. عربي\n\n1986\\. A great year & <b>no</b> &amp; &copy;",
    "[rel](/accounts/logout/) [frag](#x) [up](HTTPS://EXAMPLE.ORG) [sp](<https://e.example/a b>)",
    "**غير مغلق and *half",
    r"It is $5 and $6, US$7, $5 or 6$, $HOME/$USER; but $x_1<2$, \(a\_b\), $$\frac12$$ and $5\text{ kg}$.",
    "Then\n$$\nx & y\n\\\\\n$$\n\\[ a = b \\]\n- \\[\n  c\n  \\]\n\n$$open\n\n$$ $$ \\[1\\] \\( \\) `$x$`",
]
NORMAL = """html => {
  const body = new DOMParser().parseFromString(html, "text/html").body;
  const value = each => each.name === "rel" ? each.value.split(" ").sort().join(" ") : each.value;
  const attributes = node => [...node.attributes].map(each => ` ${each.name}="${value(each)}"`).sort().join("");
  const walk = node => {
    if (node.nodeType === Node.TEXT_NODE) return node.data.trim() ? node.data : "";
    const inner = [...node.childNodes].map(walk).join("");
    return `<${node.localName}${attributes(node)}>${inner}</${node.localName}>`;
  };
  return [...body.childNodes].map(walk).join("");
}"""


@pytest.fixture
def chat(browser_page: Page, live: Web) -> Chat:
    return Chat(browser_page, live, make_alice())


class Watch:
    """What a page must never do: open a dialog, or ask anybody else for anything."""

    def __init__(self, page: Page, live: Web) -> None:
        self.seen: list[str] = []
        self.own = (live.url, live.ws_url, "data:", "blob:")
        page.on("request", self._note)
        page.on("dialog", lambda dialog: (self.seen.append(f"dialog {dialog.message}"), dialog.dismiss()))

    def _note(self, request: Request) -> None:
        if not request.url.startswith(self.own):
            self.seen.append(request.url)


def test_a_hostile_history_is_inert(chat: Chat, live: Web) -> None:
    watch = Watch(chat.page, live)
    conversation = Conversation.objects.create(owner=chat.user, title=HOSTILE[:200])
    question = Message.objects.create(conversation=conversation, role="user", content=HOSTILE)
    conversation.head = Message.objects.create(
        conversation=conversation, parent=question, role="assistant", content=HOSTILE, depth=1
    )
    conversation.save()
    chat.open(f"/c/{conversation.id}")
    chat.page.wait_for_timeout(500)

    assert watch.seen == []
    assert (
        chat.page.locator("[data-messages] :is(img, script, iframe, style, form, svg:not(.icon))").count()
        == 0
    )


def test_a_hostile_stream_is_inert(chat: Chat, live: Web) -> None:
    watch = Watch(chat.page, live)
    chat.ask(f"{HOSTILE} [[echo]] [[pace:5ms]]")
    chat.wait_until("done")

    assert "tracker.example" in chat.read()
    assert watch.seen == []
    assert (
        chat.page.locator("[data-prose] :is(img, script, iframe, style, form, svg:not(.icon))").count() == 0
    )
    assert chat.page.locator("[data-prose] a[href^='javascript'], [data-prose] a[href^='data']").count() == 0


@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_the_browser_renders_as_the_server_does(chat_page: Page, number: int) -> None:
    text = TEXTS[number]
    client = chat_page.evaluate(
        """async text => {
          const { render } = await import("/static/js/markdown.js");
          const box = document.createElement("div");
          box.append(render(text));
          return box.innerHTML;
        }""",
        text,
    )

    assert chat_page.evaluate(NORMAL, client) == chat_page.evaluate(NORMAL, str(render(text)))


@pytest.fixture
def chat_page(chat: Chat) -> Page:
    return chat.page


def test_however_it_is_cut_the_streamed_text_ends_the_same(chat: Chat) -> None:
    ends = chat.page.evaluate(
        """async text => {
          const { Prose } = await import("/static/js/prose.js");
          const { render } = await import("/static/js/markdown.js");
          const whole = document.createElement("div");
          whole.append(render(text));
          const tags = (root) => [...root.querySelectorAll("*")].map(each => each.localName).join();
          const frame = () => new Promise(requestAnimationFrame);
          const found = [];
          for (const step of [1, 3, 17, 90]) {
            const root = document.createElement("div");
            document.body.append(root);
            const prose = new Prose(root);
            for (let at = 0; at < text.length; at += step) {
              prose.append(text.slice(at, at + step));
              if (at % (step * 4) === 0) await frame();
            }
            await prose.finish(text);
            root.querySelectorAll(".code-copy").forEach(each => each.remove());
            root.querySelectorAll("[tabindex]").forEach(each => each.removeAttribute("tabindex"));
            root.querySelectorAll("code span").forEach(each => each.replaceWith(each.textContent));
            found.push(root.textContent.replace(/\\s/g, "") === whole.textContent.replace(/\\s/g, "")
              && tags(root) === tags(whole));
            root.remove();
          }
          return found;
        }""",
        SAMPLE + "\n" + HOSTILE,
    )

    assert ends == [True, True, True, True]


def test_marks_that_are_still_open_do_not_show(chat: Chat) -> None:
    shown = chat.page.evaluate(
        """async texts => {
          const { preview } = await import("/static/js/preview.js");
          return texts.map(preview);
        }""",
        [
            "a **bo",
            "a **",
            "a `co",
            "see [the li](https://exa",
            "text\n-",
            "text\n| a | b |",
            "x\n\n| a | b |\n|--",
            "```py\nx = `",
            "~~go",
        ],
    )

    assert shown == [
        "a **bo**",
        "a ",
        "a `co`",
        "see the li",
        "text",
        "text\n| a | b |",
        "x\n",
        "```py\nx = `",
        "~~go~~",
    ]

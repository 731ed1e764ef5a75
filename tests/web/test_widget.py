"""The widget on somebody else's page: another origin, with styles, shortcuts and policies of its own."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, FrameLocator, Locator, Page, expect

from tests.web.conftest import PHONE, Site
from tests.web.steps import choose

Axe = Callable[[Page], list[str]]
HOST = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>学校门户</title>{head}
<script type="module" src="{site}/widget.js"></script></head>
<body><main><h1>学校门户</h1><p>正文</p></main>{widgets}</body></html>"""
QUESTION = "我今年还差多少学时？"


def portal(site: Site, path: str, widgets: str = "<xueshi-assistant></xueshi-assistant>", head: str = "") -> str:
    """Put a portal's page with widgets on the other origin; its address."""
    return site.put(path, HOST.format(site=site.url, head=head, widgets=widgets))


def give(page: Page, token: str, nth: int = 0) -> None:
    """Have the host supply a token, as its own script does."""
    page.evaluate(
        """([token, nth]) => {
          const widget = document.querySelectorAll("xueshi-assistant")[nth];
          widget.getToken = async () => { window.asked = (window.asked || 0) + 1; return token; };
        }""",
        [token, nth],
    )


def launch(page: Page, nth: int = 0) -> Locator:
    """Open the widget; its panel."""
    widget = page.locator("xueshi-assistant").nth(nth)
    widget.get_by_role("button", name="打开学时通").click()
    return widget.get_by_role("dialog")


def ask(chat: Locator | FrameLocator, question: str = QUESTION) -> Locator:
    """Ask in an open chat; the whole answer."""
    chat.get_by_label("您的问题").fill(question)
    chat.get_by_label("您的问题").press("Enter")
    turn = chat.locator("article").last
    expect(turn.locator(".actions")).to_be_visible()
    return turn


def opened(page: Page, site: Site, path: str, account: str = "t0001") -> Locator:
    """A portal's page with an open widget of somebody's; its panel."""
    page.goto(portal(site, path))
    give(page, site.token(account))
    panel = launch(page)
    expect(panel.locator(".suggestions")).to_be_visible()
    return panel


def test_a_plain_page_of_another_origin_gets_the_proven_answer(page: Page, site: Site, axe: Axe) -> None:
    panel = opened(page, site, "/plain.html")
    turn = ask(panel)
    expect(turn.locator(".prose")).to_contain_text("还差 12 学时")
    turn.locator(".prose .cite").first.click()
    expect(turn.locator(".sources .marked blockquote")).to_contain_text("不少于90学时")
    assert axe(page) == []
    assert page.evaluate("() => [localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]


def test_a_clause_and_a_receipt_open_without_signing_in_again(page: Page, site: Site) -> None:
    panel = opened(page, site, "/leads.html")
    turn = ask(panel)
    turn.locator(".prose .cite").first.click()
    for link, there in (("查看条款", ".clause.marked mark"), ("查看凭据", "h1")):
        with page.context.expect_page() as opening:
            turn.get_by_role("link", name=link).first.click()
        expect(opening.value.locator(there).first).to_be_visible()
        expect(opening.value.locator("#sign-in")).to_be_empty()
        opening.value.close()


def test_two_teachers_on_two_pages_get_their_own(context: BrowserContext, site: Site) -> None:
    told = {}
    for account in ("t0001", "t0002"):
        panel = opened(context.new_page(), site, "/own.html", account)
        told[account] = panel.locator(".remaining").inner_text()
    assert told["t0001"] == "还差 12 学时"
    assert told["t0002"] != told["t0001"]


def test_little_is_loaded_and_nobody_is_asked_before_it_is_opened(page: Page, site: Site) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(site.url)))
    page.goto(portal(site, "/lazy.html"))
    give(page, site.token())
    expect(page.get_by_role("button", name="打开学时通")).to_be_visible()
    assert [url for url in asked if not url.startswith(site.host)] == ["/widget.js", "/static/widget.css"]
    assert page.evaluate("() => window.asked") is None
    launch(page)
    expect(page.locator(".suggestions")).to_be_visible()
    assert page.evaluate("() => window.asked") == 1


def test_it_is_opened_and_closed_by_keyboard(page: Page, site: Site) -> None:
    page.goto(portal(site, "/keys.html"))
    give(page, site.token())
    button = page.get_by_role("button", name="打开学时通")
    expect(button).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Tab")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    box = page.get_by_label("您的问题")
    expect(box).to_be_focused()
    page.keyboard.type("草稿")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(box).to_have_value("草稿")
    expect(box).to_be_focused()


def test_a_token_may_be_supplied_before_the_script_has_come(page: Page, site: Site) -> None:
    token = site.token()
    site.put(
        "/early.js", f"document.querySelector('xueshi-assistant').getToken = async () => '{token}';", "text/javascript"
    )
    page.goto(
        portal(site, "/early.html", '<xueshi-assistant open></xueshi-assistant><script src="/early.js"></script>')
    )
    expect(page.locator(".remaining")).to_contain_text("12")
    expect(page.get_by_label("您的问题")).not_to_be_focused()


def test_without_a_token_the_draft_waits_for_one(page: Page, site: Site) -> None:
    page.goto(portal(site, "/nobody.html"))
    panel = launch(page)
    expect(panel.locator(".notice")).to_contain_text("请重新登录")
    give(page, site.token())
    expect(panel.locator(".remaining")).to_contain_text("12")


def test_everything_of_the_account_before_is_wiped(page: Page, site: Site) -> None:
    panel = opened(page, site, "/switch.html")
    ask(panel, "我去年够了吗？")
    panel.get_by_label("您的问题").fill("第一个人的草稿")
    give(page, site.token("t0001"))  # the same person, as a framework's render sets it again
    expect(panel.locator(".prose")).to_be_visible()
    expect(panel.get_by_label("您的问题")).to_have_value("第一个人的草稿")
    give(page, site.token("t0002"))
    expect(panel.locator(".suggestions")).to_be_visible()
    expect(panel.locator("article")).to_have_count(0)
    expect(panel.get_by_label("您的问题")).to_have_value("")
    assert panel.locator(".remaining").inner_text() != "还差 12 学时"
    panel.get_by_role("button", name="历史").click()
    expect(panel.locator(".history .waiting")).to_have_count(0)
    expect(panel.locator(".history")).not_to_contain_text("我去年够了吗？")


def test_what_is_open_is_not_seen_until_it_is_known_whose_it_is(page: Page, site: Site) -> None:
    panel = opened(page, site, "/pending.html")
    ask(panel)
    page.evaluate("() => { document.querySelector('xueshi-assistant').getToken = () => new Promise(() => {}); }")
    expect(panel.locator(".prose")).to_be_hidden()
    expect(panel.locator(".remaining")).to_be_hidden()


def test_signing_out_leaves_nothing(page: Page, site: Site) -> None:
    panel = opened(page, site, "/out.html")
    ask(panel)
    page.evaluate("() => document.querySelector('xueshi-assistant').signOut()")
    expect(panel).to_be_hidden()
    assert page.locator("xueshi-assistant").get_by_text("还差").count() == 0


# In a frame.


def test_in_a_frame_the_page_cannot_read_what_is_said(page: Page, site: Site) -> None:
    page.goto(portal(site, "/frame.html", '<xueshi-assistant mode="iframe"></xueshi-assistant>'))
    give(page, site.token())
    launch(page)
    frame = page.frame_locator("iframe")
    turn = ask(frame)
    expect(turn.locator(".prose")).to_contain_text("还差 12 学时")
    assert (
        page.evaluate(
            "() => document.querySelector('xueshi-assistant').shadowRoot.querySelector('iframe').contentDocument"
        )
        is None
    )
    give(page, site.token("t0002"))
    expect(frame.locator("article")).to_have_count(0)
    frame.get_by_role("button", name="关闭").click()
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_a_frame_hears_its_own_page_alone(page: Page, site: Site, faults: list[str]) -> None:
    """The page says that it is another origin: it is never given a word, and none of its own is heard."""
    frame = f"<iframe src='{site.url}/embed?origin=https%3A%2F%2Fportal.example.cn'></iframe>"
    page.goto(portal(site, "/liar.html", frame))
    page.evaluate("() => { window.heard = []; window.onmessage = ({ data }) => window.heard.push(data); }")
    token = site.token()
    page.evaluate(
        "([token, to]) => document.querySelector('iframe').contentWindow.postMessage({ xueshi: 'token', token }, to)",
        [token, site.url],
    )
    page.wait_for_timeout(500)
    expect(page.frame_locator("iframe").locator(".suggestions")).to_have_count(0)
    assert page.evaluate("() => window.heard") == []
    assert all("does not match the recipient" in fault for fault in faults)
    faults.clear()


def test_a_foreign_page_may_not_frame_the_others(page: Page, site: Site, faults: list[str]) -> None:
    page.goto(portal(site, "/framed.html", f"<iframe src='{site.url}/chat'></iframe>"))
    expect(page.frame_locator("iframe").locator("#view")).to_have_count(0)
    assert len(faults) == 1
    assert "frame-ancestors" in faults.pop()


def test_the_page_asks_for_a_token_of_the_frame_alone(page: Page, site: Site) -> None:
    page.goto(portal(site, "/asker.html"))
    give(page, site.token())
    panel = launch(page)
    expect(panel.locator(".suggestions")).to_be_visible()
    heard = page.evaluate(
        """() => new Promise((done) => {
          window.addEventListener("message", ({ data }) => data.token && done(data.token));
          window.postMessage({ xueshi: "token?" }, "*");
          setTimeout(done, 500, null);
        })"""
    )
    assert heard is None


# Hostile surroundings.


STYLES = """<style>
html { font-size: 5px !important; }
* { display: none !important; color: red !important; font-size: 3px !important; pointer-events: none !important;
    position: static !important; opacity: 0 !important; transform: scale(0) !important; }
html, head ~ body, body { display: block !important; opacity: 1 !important; transform: none !important; }
button, textarea { width: 1px !important; visibility: hidden !important; }
</style><script>
for (const type of ["keydown", "keypress", "keyup"])
  for (const target of [window, document]) target.addEventListener(type, (event) => event.preventDefault());
</script>"""


def test_a_hostile_page_changes_neither_looks_nor_keys(page: Page, site: Site) -> None:
    page.goto(portal(site, "/hostile.html", head=STYLES))
    give(page, site.token())
    panel = launch(page)
    expect(panel.locator(".suggestions")).to_be_visible()
    panel.get_by_label("您的问题").click()
    page.keyboard.type("/s 我今年还差多少学时？")
    expect(panel.get_by_label("您的问题")).to_have_value("/s 我今年还差多少学时？")
    styles = "e => { const s = getComputedStyle(e); return [s.fontSize, s.color, s.visibility, s.pointerEvents]; }"
    assert panel.get_by_label("您的问题").evaluate(styles) == ["16px", "rgb(29, 39, 41)", "visible", "auto"]


def test_the_chat_looks_as_on_its_own_page(page: Page, context: BrowserContext, site: Site) -> None:
    looks = """all => all.map((one) => {
      const { height, padding, borderRadius, boxShadow, fontWeight, backgroundColor } = getComputedStyle(one);
      return [one.textContent, height, padding, borderRadius, boxShadow, fontWeight, backgroundColor];
    })"""
    buttons = ".bar button:not(.close), .composer .primary"
    panel = opened(page, site, "/looks.html")
    own = context.new_page()
    choose(own, site.url)
    found = panel.locator(buttons).evaluate_all(looks)
    assert len(found) == 3
    assert found == own.locator(buttons).evaluate_all(looks)


def test_it_covers_nothing_of_the_page_but_itself(page: Page, site: Site) -> None:
    page.goto(portal(site, "/under.html"))
    expect(page.get_by_role("button", name="打开学时通")).to_be_visible()
    page.locator("p").click(trial=True)
    hit = "() => document.elementFromPoint(innerWidth - 200, innerHeight - 200).tagName"
    assert page.evaluate(hit) != "XUESHI-ASSISTANT"


STRICT = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src {site}; style-src 'self'; "
    "connect-src {site}; require-trusted-types-for 'script'; trusted-types 'none'\">"
)


def test_it_keeps_to_a_strict_policy_of_the_page(page: Page, site: Site) -> None:
    page.goto(portal(site, "/strict.html", head=STRICT.format(site=site.url)))
    give(page, site.token())
    panel = launch(page)
    assert panel.bounding_box() == {"x": 780, "y": 72, "width": 400, "height": 640}
    expect(ask(panel).locator(".prose")).to_contain_text("还差 12 学时")


def test_without_adopted_style_sheets_they_are_linked(page: Page, site: Site) -> None:
    page.add_init_script("delete window.CSSStyleSheet.prototype.replaceSync;")
    panel = opened(page, site, "/old.html")
    place = panel.bounding_box()
    assert place
    assert (place["width"], place["height"]) == (400, 640)
    assert panel.locator(".bar").evaluate("element => getComputedStyle(element).display") == "flex"


def test_two_widgets_have_nothing_of_each_other(page: Page, site: Site) -> None:
    two = '<xueshi-assistant></xueshi-assistant><xueshi-assistant position="left"></xueshi-assistant>'
    page.goto(portal(site, "/two.html", two))
    for nth, account in enumerate(("t0001", "t0002")):
        give(page, site.token(account), nth)
    first = launch(page)
    expect(first.locator(".suggestions")).to_be_visible()
    ask(first)
    second = launch(page, 1)
    expect(second.locator(".suggestions")).to_be_visible()
    expect(second.locator("article")).to_have_count(0)
    assert first.locator(".remaining").inner_text() != second.locator(".remaining").inner_text()
    left, right = second.bounding_box(), first.bounding_box()
    assert left
    assert right
    assert left["x"] < right["x"]


_MOUNTS = """async ([count, token]) => {
  for (let at = 0; at < count; at += 1) {
    const widget = document.createElement("xueshi-assistant");
    widget.getToken = async () => token;
    widget.open = true;
    document.body.append(widget);
    while (!widget.shadowRoot.querySelector(".suggestions")) await new Promise((done) => setTimeout(done, 10));
    widget.remove();
  }
}"""


def test_mounting_it_fifty_times_leaves_nothing_behind(page: Page, site: Site) -> None:
    page.goto(portal(site, "/mounts.html", ""))
    page.wait_for_function("() => customElements.get('xueshi-assistant')")
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def held() -> dict[str, float]:
        for _ in range(3):
            session.send("HeapProfiler.collectGarbage")
        metrics = session.send("Performance.getMetrics")["metrics"]
        return {one["name"]: one["value"] for one in metrics if one["name"] in ("Nodes", "JSEventListeners")}

    page.evaluate(_MOUNTS, [5, site.token()])
    before = held()
    page.evaluate(_MOUNTS, [50, site.token()])
    after = held()
    # One widget has about 100 nodes and 20 listeners.
    assert after["Nodes"] - before["Nodes"] < 100
    assert after["JSEventListeners"] - before["JSEventListeners"] < 20


def test_moving_it_in_the_page_keeps_the_conversation(page: Page, site: Site) -> None:
    panel = opened(page, site, "/moved.html")
    ask(panel)
    page.evaluate("() => document.querySelector('main').append(document.querySelector('xueshi-assistant'))")
    page.wait_for_timeout(100)
    expect(panel.locator(".prose")).to_contain_text("还差 12 学时")


# Settings.


def test_it_speaks_english(page: Page, site: Site, axe: Axe) -> None:
    page.goto(portal(site, "/english.html", '<xueshi-assistant lang="en"></xueshi-assistant>'))
    give(page, site.token())
    page.get_by_role("button", name="Open Xueshi").click()
    page.get_by_label("Your question").fill(QUESTION)
    page.get_by_role("button", name="Send").click()
    turn = page.locator("article")
    expect(turn.get_by_role("button", name="Copy")).to_be_visible()
    expect(turn.locator(".bars")).to_contain_text("4 missing")
    assert axe(page) == []


@pytest.mark.parametrize(
    ("theme", "scheme", "dark"), [("dark", "light", True), ("light", "dark", False), ("auto", "dark", True)]
)
def test_its_theme_is_the_hosts_choice(page: Page, site: Site, axe: Axe, theme: str, scheme: Any, dark: bool) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(portal(site, f"/{theme}.html", f'<xueshi-assistant theme="{theme}"></xueshi-assistant>'))
    give(page, site.token())
    panel = launch(page)
    expect(panel.locator(".suggestions")).to_be_visible()
    colour = panel.locator(".xueshi").evaluate("element => getComputedStyle(element).backgroundColor")
    assert colour == ("rgb(18, 23, 24)" if dark else "rgb(245, 246, 243)")
    assert axe(page) == []


def test_its_colours_are_the_hosts_choice(page: Page, site: Site) -> None:
    style = "<style>xueshi-assistant { --xueshi-accent: #123456; }</style>"
    page.goto(portal(site, "/colour.html", head=style))
    give(page, site.token())
    panel = launch(page)
    send = panel.get_by_role("button", name="发送")
    expect(send).to_be_visible()
    assert send.evaluate("element => getComputedStyle(element).backgroundColor") == "rgb(18, 52, 86)"


def test_on_a_phone_it_fills_the_screen(page: Page, site: Site, axe: Axe) -> None:
    page.set_viewport_size(PHONE)
    panel = opened(page, site, "/phone.html")
    assert panel.bounding_box() == {"x": 0, "y": 0, **PHONE}
    panel.get_by_role("button", name="发送").click(trial=True)
    assert axe(page) == []
    panel.get_by_role("button", name="关闭", exact=True).click()
    expect(panel).to_be_hidden()

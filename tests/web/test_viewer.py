"""The policy viewer: the clause and the passage that an address names, and everything that is known of the text."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from api.demo import demo_app
from assistant.retrieval.index import open_stores
from assistant.settings import SHIPPED_CORPUS, Settings
from ingest.policies import ingest_originals, ingest_policies
from tests.conftest import TODAY
from tests.web.conftest import PHONE, SECRET, Site, served
from tests.web.pages import SCRIPT, Axe, api, check_that_it_fits, go_back, in_view, look
from tests.web.test_sizes import loaded, size

DIGEST, MENDED, SUCCESSOR = "dongguan-2023", "lan-2021", "lan-2023"
CAPS = "附件1/四/(二)"
# A place that doesn't exist. What is read of the first policy's original is damaged, and it lacks a clause.
FOLDERS = {
    MENDED: (
        "title: 澜川市教师培训意见\nnumber: 澜教发〔2021〕7号\nissuer: 澜川市教育局\nissued_on: 2021-03-20\n"
        "unit: 云江省/澜川市\neffective_from: 2021-03-20\neffective_to: null\ntext: digest\nsource: 依原文改写\n",
        "## 一、学时\n\n教师每年的培训不少于90学时。\n\n## 二、督导检查\n\n每年检查一次。\n",
    ),
    SUCCESSOR: (
        f"title: {SCRIPT}澜川市教师培训新意见\nnumber: null\nissuer: '<b>澜川市教育局</b>'\nissued_on: null\n"
        f"unit: 云江省/澜川市\neffective_from: 2023-01-01\neffective_to: 2023-06-30\ntext: digest\n"
        f"source: '{SCRIPT}'\nsupersedes: [{MENDED}]\n",
        f"## 一、<script>alert(1)</script>\n\n第一段{SCRIPT}。\n\n第二段。\n\n## 二、只有标题\n",
    ),
}
ORIGINAL = """澜教发〔2021〕7号
澜川市教育局
关于加强教师培训的意见
各县区教育局：
现就我市教师培训提出如下意见。
一、学时要求
教师每年参加培训累计不少于９０学时，由县区教育局审核登记。
澜川市教育局
2021年3月20日
扫一扫在手机打开当前页
"""


@pytest.fixture(scope="module")
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An installation with an original in the place of a digest, and with a successor that took its place."""
    folder = tmp_path_factory.mktemp("library")
    home = shutil.copytree(request.getfixturevalue("made_home"), folder / "home")
    for name, (meta, clauses) in FOLDERS.items():
        (folder / "corpus" / name).mkdir(parents=True)
        (folder / "corpus" / name / "policy.md").write_text(f"---\nid: {name}\n{meta}---\n\n{clauses}", "utf-8")
    (folder / f"{MENDED}.txt").write_text(ORIGINAL, "utf-8")
    settings = Settings(_env_file=None, home=home, today=TODAY, auth_secret=SECRET)
    database, index = open_stores(settings)
    corpora = [SHIPPED_CORPUS, folder / "corpus"]
    ingest_policies(database, index, corpora)
    _, problems = ingest_originals(database, index, corpora, [Path(folder / f"{MENDED}.txt")])
    assert problems == []
    index.close()
    database.close()
    app = demo_app(settings)
    with served(app) as url:
        yield Site(url, "", app)


def address(policy: str, locator: str = "", passage: str = "") -> str:
    """The path of a policy at a clause, with a passage to mark, as a citation's link gives it."""
    query = f"?quote={quote(passage)}" if passage else ""
    return f"/policies/{policy}{query}" + (f"#{quote(locator)}" if locator else "")


# The clause and the passage


def test_the_passage_is_marked_in_its_clause_which_has_the_focus(page: Page, site: Site) -> None:
    passage = "一年最多登记12学时"
    look(page, site, address(DIGEST, CAPS, passage))
    clause = page.locator(".clause.marked")
    expect(clause).to_be_focused()
    expect(clause.locator(".place")).to_have_text(CAPS)
    expect(page.locator("mark")).to_have_text(passage)
    assert in_view(page, "mark")
    expect(page.locator("#missing")).to_be_empty()


@pytest.mark.parametrize("spelling", [CAPS, quote(CAPS), quote(CAPS, safe="")])
def test_a_locator_is_found_however_it_is_escaped(page: Page, site: Site, spelling: str) -> None:
    look(page, site, f"/policies/{DIGEST}#{spelling}")
    expect(page.locator(".clause.marked .place")).to_have_text(CAPS)


def test_a_passage_over_two_paragraphs_is_marked_in_both(page: Page, library: Site) -> None:
    text = api(library, f"/v1/policies/{SUCCESSOR}")["clauses"][0]["text"]
    look(page, library, address(SUCCESSOR, "一", text[text.index("段") : text.index("第二") + 2]))
    assert page.locator("mark").all_inner_texts() == [f"段{SCRIPT}。", "第二"]


def test_a_clause_without_text_is_quoted_by_its_heading(page: Page, library: Site) -> None:
    look(page, library, address(SUCCESSOR, "二", "只有标题"))
    expect(page.locator(".marked mark")).to_have_text("只有标题")


def test_a_quote_that_the_clause_does_not_hold_is_told_and_never_shown(page: Page, site: Site) -> None:
    forged = "教师不需要培训"
    look(page, site, address(DIGEST, CAPS, forged))
    expect(page.locator(".marked .error")).to_contain_text("不符")
    expect(page.locator("mark")).to_have_count(0)
    assert forged not in page.locator("body").inner_text()


@pytest.mark.parametrize("locator", ["附件9/九", "%", "main", "view", "<img src=x onerror=alert(1)>"])
def test_an_unknown_locator_is_told(page: Page, site: Site, locator: str) -> None:
    look(page, site, f"/policies/{DIGEST}#{quote(locator) if len(locator) > 1 else locator}")
    expect(page.locator("#missing")).to_contain_text(f"没有编号为“{locator}”的条款")
    expect(page.locator(".clause.marked")).to_have_count(0)
    expect(page.locator("#view img")).to_have_count(0)


def test_the_contents_lead_to_the_clauses_and_back(page: Page, site: Site) -> None:
    look(page, site, address(DIGEST, CAPS))
    contents = page.get_by_role("navigation", name="目录")
    assert contents.get_by_role("link").count() == len(api(site, f"/v1/policies/{DIGEST}")["clauses"])
    contents.get_by_role("link", name="二　培训费用", exact=True).click()
    expect(page.locator(".clause.marked .place")).to_have_text("二")
    expect(page.locator(".clause.marked")).to_be_focused()
    assert in_view(page, ".clause.marked h2")
    page.go_back()
    expect(page.locator(".clause.marked .place")).to_have_text(CAPS)


def test_by_keyboard_alone(page: Page, site: Site) -> None:
    """Sign in by Enter; from the marked clause back to the contents, and on to another clause."""
    page.goto(site.url + address(DIGEST, CAPS))
    expect(page.get_by_label("选择示例账号")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".clause.marked")).to_be_focused()
    for _ in range(60):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.textContent") == "二　培训费用":
            break
    page.keyboard.press("Enter")
    expect(page.locator(".clause.marked .place")).to_have_text("二")
    expect(page.locator(".clause.marked")).to_be_focused()


# What is known of the text


def test_a_digest_says_that_it_is_one_and_what_is_known_of_it(page: Page, site: Site) -> None:
    look(page, site, address(DIGEST))
    expect(page.locator(".notice")).to_contain_text("摘要，不是原文")
    facts = page.locator("dl").inner_text()
    known = api(site, f"/v1/policies/{DIGEST}")
    for fact in (known["issuer"], known["source"], "2023-01-01 至 2023-12-31（2023-11-15：有效）", "文号", "未知"):
        assert fact in facts
    expect(page.get_by_role("heading", level=1)).to_have_text(known["title"])
    shown = page.locator(".clause").all()
    assert len(shown) == len(known["clauses"])
    for node, clause in zip(shown, known["clauses"], strict=True):
        assert [line for line in clause["text"].split("\n") if line] == node.locator(":scope > p").all_inner_texts()


def test_an_original_says_so_and_shows_its_repairs_on_demand(page: Page, library: Site) -> None:
    look(page, library, address(MENDED, "一"))
    notes = api(library, f"/v1/policies/{MENDED}/notes")
    expect(page.locator(".notice")).to_contain_text(f"修补了 {len(notes['repairs'])} 处")
    expect(page.locator(".notice")).to_contain_text("原文缺少的 1 条仍为本库摘要")
    expect(page.locator(".clause", has_text="督导检查")).to_contain_text("摘要，原文没有这一条")
    clause = page.locator(".clause.marked")
    expect(clause).to_contain_text("不少于90学时")
    before = clause.get_by_text("９", exact=True)
    expect(before).to_be_hidden()
    clause.get_by_text("这一条的修补").click()
    expect(before).to_be_visible()
    assert clause.locator("ins").all_inner_texts() == ["9", "0"]
    page.get_by_text("条款以外的修补").click()
    expect(page.get_by_text("扫一扫在手机打开当前页")).to_be_visible()


def test_one_whose_place_was_taken_says_from_when_and_by_what_state(page: Page, library: Site) -> None:
    look(page, library, address(MENDED))
    expect(page.locator("dl")).to_contain_text("2023-01-01 起由新的规定取代（2023-11-15：已不再有效）")
    look(page, library, address(SUCCESSOR))
    expect(page.locator("dl")).to_contain_text("2023-01-01 至 2023-06-30（2023-11-15：已不再有效）")


def test_notes_are_for_whoever_is_signed_in_and_of_policies_that_are_there(library: Site) -> None:
    path = f"{library.url}/v1/policies/{MENDED}/notes"
    assert httpx.get(path, trust_env=False).status_code == 401
    headers = {"Authorization": f"Bearer {library.token()}"}
    for unknown in ("keine-2020", "%00", "%ed%a0%80"):
        told = httpx.get(path.replace(MENDED, unknown), headers=headers, trust_env=False)
        assert (told.status_code, told.json()["detail"]) == (404, "政策库中没有这份政策。")


def test_no_text_of_a_policy_becomes_markup(page: Page, library: Site) -> None:
    look(page, library, address(SUCCESSOR, "一"))
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{SCRIPT}澜川市教师培训新意见")
    expect(page.locator("dl")).to_contain_text("<b>澜川市教育局</b>")
    expect(page.locator(".clause.marked h2")).to_contain_text("<script>alert(1)</script>")
    expect(page.locator("main :is(img, script, b)")).to_have_count(0)


def test_a_policy_that_is_not_there(page: Page, site: Site) -> None:
    look(page, site, address("keine-2020"))
    expect(page.locator("#view .error")).to_have_text("政策库中没有这份政策。")
    expect(page.get_by_role("heading", level=1)).to_have_text("没有找到")


# Signing in


def test_a_page_that_ours_opened_borrows_its_token_and_leads_back(page: Page, site: Site) -> None:
    """By mouse and by keyboard."""
    look(page, site, "/policies/weinan-2019")
    page.evaluate(
        "href => document.querySelector('main').append(Object.assign(document.createElement('a'),"
        " {href, target: '_blank', rel: 'opener', textContent: '依据'}))",
        address(DIGEST, CAPS),
    )
    for key in ("", "Enter"):
        with page.expect_popup() as opened:
            page.get_by_role("link", name="依据").click()
        viewer = opened.value
        expect(viewer.locator(".clause.marked .place")).to_have_text(CAPS)
        expect(viewer.locator("#sign-in")).to_be_empty()
        go_back(viewer, key)


def test_no_other_site_s_page_can_sign_one_in(page: Page, site: Site) -> None:
    """Neither one that opened it, nor one that sends what ours would."""
    page.context.route("**/embedding.json", lambda route: route.fulfill(json={"origins": []}))
    token = site.token()
    opener = site.put("/portal", "<!doctype html><title>portal</title><button>open</button>")
    page.goto(opener)
    page.evaluate(
        """([address, token]) => document.querySelector("button").addEventListener("click", () => {
          const viewer = window.open(address);
          setInterval(() => viewer.postMessage({ xueshi: "token", token }, "*"), 50);
          window.asked = [];
          addEventListener("message", ({ data }) => window.asked.push(data));
        })""",
        [site.url + address(DIGEST, CAPS), token],
    )
    with page.expect_popup() as opened:
        page.get_by_role("button", name="open").click()
    viewer = opened.value
    expect(viewer.get_by_role("heading", name="请先登录")).to_be_visible()
    viewer.wait_for_timeout(300)  # some more of them
    expect(viewer.locator(".clause")).to_have_count(0)
    assert page.evaluate("window.asked") == []


def test_outside_the_demo_a_token_is_asked_for_and_a_wrong_one_told(page: Page, site: Site) -> None:
    page.route("**/v1/demo/**", lambda route: route.fulfill(status=404, json={"detail": "没有这个地址。"}))
    page.goto(site.url + address(DIGEST))
    for wrong in ("什么", f"{site.token()}x"):
        page.get_by_label("登录凭证").fill(wrong)
        page.get_by_role("button", name="登录").click()
        expect(page.get_by_role("alert")).to_contain_text("重新登录")
        expect(page.get_by_label("登录凭证")).to_be_empty()
    page.get_by_label("登录凭证").fill(f" Bearer {site.token()} ")
    page.keyboard.press("Enter")
    expect(page.locator(".clause").first).to_be_visible()
    assert site.token()[:20] not in page.content()
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]


def test_a_refusal_that_comes_late_asks_for_no_other_token(page: Page, site: Site) -> None:
    held = list[Route]()
    page.route("**/notes", lambda route: route.continue_() if held else held.append(route))
    page.route("**/v1/demo/**", lambda route: route.fulfill(status=404, json={"detail": "没有这个地址。"}))
    page.goto(site.url + address(DIGEST))
    page.get_by_label("登录凭证").fill(f"{site.token()}x")
    page.keyboard.press("Enter")
    expect(page.get_by_label("登录凭证")).to_be_empty()
    page.get_by_label("登录凭证").fill(site.token())
    with page.expect_response(lambda response: response.ok and response.url.endswith(f"/v1/policies/{DIGEST}")):
        page.keyboard.press("Enter")
    held[0].continue_()
    expect(page.locator(".clause").first).to_be_visible()
    expect(page.locator("#sign-in")).to_be_empty()


# Everybody can use it


def test_it_is_small() -> None:
    files = loaded("policy.html", "page.css", "viewer.js")
    assert "session.js" in files
    assert size(files) <= 15_000, sorted(files)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_state(page: Page, library: Site, axe: Axe, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    found = {}
    for path in (
        address(DIGEST, CAPS, "一年最多登记12学时"),
        address(DIGEST, CAPS, "并非如此"),
        address(DIGEST, "附件9"),
        address(MENDED, "一"),
        "/policies/keine-2020",
    ):
        look(page, library, path)
        page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        found[path] = axe(page)
    page.route("**/v1/demo/**", lambda route: route.fulfill(status=404, json={}))
    page.goto(library.url + address(MENDED))
    page.get_by_label("登录凭证").wait_for()
    found["signed out"] = axe(page)
    assert {state: faults for state, faults in found.items() if faults} == {}


def test_a_narrow_screen_large_text_and_print(page: Page, site: Site) -> None:
    page.set_viewport_size(PHONE)
    look(page, site, address(DIGEST, CAPS, "一年最多登记12学时"))
    assert in_view(page, "mark")
    check_that_it_fits(page)
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation", name="目录")).to_be_hidden()
    expect(page.locator("mark")).to_be_visible()

"""The receipt: how an answer was made, whole, for its owner alone."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Site
from tests.web.pages import SCRIPT, Axe, api, ask, cells, check_that_it_fits, go_back, in_view, look, sign_in

QUESTION = "我今年还差多少学时？"


def test_everything_that_an_answer_was_made_of_is_there(page: Page, site: Site) -> None:
    answer = ask(site, QUESTION)
    receipt = api(site, f"/v1/answers/{answer['id']}")
    look(page, site, f"/answers/{answer['id']}")
    expect(page.locator(".asked")).to_have_text(QUESTION)
    made = answer["calculation"]
    text = page.locator("article").inner_text()
    for step in made["steps"]:
        assert step["text"] in text
        assert all(name in text for name in step["record_ids"])
    assert [row[0] for row in cells(page, "条记录")] == [one["record_id"] for one in receipt["records"]]
    assert [row[4] for row in cells(page, "条记录")] == [one["hours"] for one in receipt["records"]]
    [rules] = receipt["rule_sets"]
    [row] = cells(page, "规则及其版本")
    assert rules["title"] in row[0]
    assert row[1:] == [f"{rules['from']} 至 {rules['to']}", "有效", rules["sha256"]]
    assert [(row[0], *row[2:]) for row in cells(page, "条款及其版本")] == [
        (one["citation"], one["sha256"], one["policy_sha256"]) for one in receipt["clauses"]
    ]
    for citation in answer["citations"]:
        shown = page.locator(".sources blockquote", has_text=citation["quote"].split("\n")[0]).first
        expect(shown).to_be_visible()


def test_a_citation_leads_to_the_clause_with_the_quote_marked_and_back(page: Page, site: Site) -> None:
    answer = ask(site, QUESTION)
    look(page, site, f"/answers/{answer['id']}")
    cited = answer["citations"][0]
    with page.expect_popup() as opened:
        page.locator(".sources").get_by_role("link").first.click()
    viewer = opened.value
    expect(viewer.locator(".clause.marked")).to_be_focused()
    assert "".join(viewer.locator("mark").all_inner_texts()) == cited["quote"].replace("\n", "")
    assert in_view(viewer, "mark")
    go_back(viewer)
    expect(page.locator(".asked")).to_be_visible()


def test_another_s_receipt_is_not_there_in_the_words_of_none_at_all(page: Page, site: Site) -> None:
    answer = ask(site, QUESTION, "t0002")
    words = []
    for name in (answer["id"], "a-none"):
        look(page, site, f"/answers/{name}")
        expect(page.get_by_role("heading", level=1)).to_have_text("没有找到")
        words.append(page.locator("#view").inner_text())
        assert answer["text"][:12] not in page.content()
    assert words[0] == words[1]
    look(page, site, f"/answers/{answer['id']}", "t0002")
    expect(page.locator(".asked")).to_have_text(QUESTION)


def test_whoever_signed_in_as_the_wrong_one_may_be_another(page: Page, site: Site) -> None:
    answer = ask(site, QUESTION, "t0002")
    look(page, site, f"/answers/{answer['id']}", "t0001")
    page.get_by_role("button", name="换账号").click()
    sign_in(page, "t0002")
    expect(page.locator(".asked")).to_have_text(QUESTION)


def test_the_way_back_to_the_text_is_there_once_one_has_come_from_it(page: Page, site: Site) -> None:
    answer = ask(site, QUESTION)
    look(page, site, f"/answers/{answer['id']}")
    back = page.get_by_role("button", name="回到正文")
    expect(back).to_have_count(0)
    cite = page.locator(".prose .cite").first
    cite.click()
    back.click()
    expect(cite).to_be_focused()


def test_no_question_becomes_markup(page: Page, site: Site) -> None:
    answer = ask(site, f"{SCRIPT}镇级培训最多能计多少学时？")
    look(page, site, f"/answers/{answer['id']}")
    expect(page.locator(".asked")).to_contain_text(SCRIPT)
    expect(page.locator("main img")).to_have_count(0)


def test_no_part_of_a_receipt_becomes_markup_or_an_address_elsewhere(page: Page, site: Site) -> None:
    """Titles of records, reasons, titles of policies, locators, quotes, ids and addresses, each with a script."""
    real = api(site, f"/v1/answers/{ask(site, QUESTION)['id']}")
    forged = {**spoilt(real), "asked_at": real["asked_at"], "id": SCRIPT}
    for citation in forged["answer"]["citations"]:
        citation["url"] = "javascript:alert(1)"
    page.route("**/v1/answers/*", lambda route: route.fulfill(json=forged))
    look(page, site, "/answers/a-forged")
    assert page.locator("main").inner_text().count(SCRIPT) > 20
    expect(page.locator("main :is(img, script, b)")).to_have_count(0)
    links = page.locator("main a").evaluate_all("all => all.map((one) => new URL(one.href).origin)")
    assert set(links) == {site.url}


def spoilt(value: Any) -> Any:
    """The same with a script behind every text but the ids that hold an answer together and words of a closed list."""
    keep = {"outcome", "text", "id", "citation", "hours", "required", "counted", "remaining", "why", "from", "to"}
    match value:
        case dict():
            return {name: one if name in keep and isinstance(one, str) else spoilt(one) for name, one in value.items()}
        case list():
            return [spoilt(one) for one in value]
        case str():
            return value + SCRIPT
    return value


def test_an_answer_without_records_or_rules_says_so(page: Page, site: Site) -> None:
    answer = ask(site, "今天天气怎么样？")
    look(page, site, f"/answers/{answer['id']}")
    expect(page.get_by_text("没有用到学时记录")).to_be_visible()
    expect(page.get_by_text("没有用到学时规则")).to_be_visible()
    expect(page.get_by_text("没有引用条款")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(page: Page, site: Site, axe: Axe, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    found = {}
    for question in (QUESTION, "如果我再修4学时专业科目呢？", "今天天气怎么样？"):
        look(page, site, f"/answers/{ask(site, question)['id']}")
        found[question] = axe(page)
    look(page, site, "/answers/a-none")
    found["none"] = axe(page)
    assert {state: faults for state, faults in found.items() if faults} == {}


def test_a_narrow_screen_large_text_and_print(page: Page, site: Site) -> None:
    answer = ask(site, QUESTION)
    look(page, site, f"/answers/{answer['id']}")
    check_that_it_fits(page)
    page.emulate_media(media="print")
    expect(page.locator(".asked")).to_be_visible()
    expect(page.locator(".answer details:not([open])")).to_have_count(0)
    expect(page.get_by_role("link", name="返回提问")).to_be_hidden()

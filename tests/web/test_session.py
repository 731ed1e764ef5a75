"""Pages for whoever signed in by WeCom: the cookie serves in the token's place, and nobody sees what was another's."""

import json
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from assistant.store import sessions
from tests.web.conftest import Site
from tests.web.pages import Axe
from tests.web.scripted import ScriptedSite
from tests.web.steps import answered, box

COOKIE = "xueshi-of-a-test"
ADMIN = "admin-gczx"
NOBODY = {"account": None, "csrf_token": None, "sign_in": "/wecom/login"}


@pytest.fixture(autouse=True)
def _without_https(monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser keeps the cookie by its own name over https alone."""
    monkeypatch.setattr("api.sessions.COOKIE", COOKIE)


def enter(context: BrowserContext, site: Site, account: str = "t0001") -> None:
    """Have the browser be signed in by cookie, as after `/wecom/login`."""
    with site.app.state.installation.database.write() as connection:
        session = sessions.open_session(connection, account)
    context.add_cookies([{"name": COOKIE, "value": session, "url": site.url, "httpOnly": True, "sameSite": "Lax"}])


def told(body: Any) -> Any:
    """Has a request answered with JSON in the server's place."""
    return lambda route: route.fulfill(body=json.dumps(body), content_type="application/json")


@pytest.mark.parametrize("account", ["t0001", "t0003"])
def test_the_chat_opens_and_answers_without_asking_who_one_is(
    context: BrowserContext, page: Page, site: Site, account: str
) -> None:
    enter(context, site, account)
    page.goto(f"{site.url}/chat")
    expect(page.locator("#who")).to_contain_text(account)
    turn = answered(page)  # a write, so with the CSRF token
    turn.locator(".prose .cite").first.click()
    with page.expect_popup() as opened:
        turn.locator(".sources li.marked").get_by_role("link", name="查看条款").click()
    expect(opened.value.locator("mark").first).to_be_visible()


def test_who_leaves_is_signed_out(context: BrowserContext, page: Page, site: Site) -> None:
    enter(context, site)
    page.goto(f"{site.url}/chat")
    page.get_by_role("button", name="换账号").click()
    expect(page.get_by_label("选择示例账号")).to_be_visible()
    page.goto(f"{site.url}/policies/dongguan-2023")
    expect(page.get_by_label("选择示例账号")).to_be_visible()


def test_a_page_turns_to_whoever_has_signed_in_since(context: BrowserContext, page: Page, site: Site) -> None:
    enter(context, site)
    page.goto(f"{site.url}/chat")
    answered(page)
    enter(context, site, "t0003")  # in another tab
    box(page).fill("我今年还差多少学时？")
    box(page).press("Enter")
    expect(page.locator("#who")).to_contain_text("t0003")
    expect(page.locator("article")).to_have_count(0)


def test_an_administrator_previews_an_import(context: BrowserContext, page: Page, site: Site) -> None:
    enter(context, site, ADMIN)
    page.goto(f"{site.url}/admin#view=imports")
    row = "unit,level\n广东省/东莞市/莞城街道/莞城中心小学,school\n"
    file = {"name": "units.csv", "mimeType": "text/csv", "buffer": row.encode()}
    page.get_by_label("选择记录文件").set_input_files(file)  # type: ignore[arg-type]
    with page.expect_response(lambda response: "/v1/imports?dry_run" in response.url) as sent:
        page.get_by_role("button", name="预览").click()
    assert sent.value.status in (200, 422)  # understood, whatever it says of the rows; not 401


def test_the_way_to_wecom_leads_back_to_this_place(page: Page, scripted: ScriptedSite) -> None:
    page.route("**/v1/session", told(NOBODY))
    page.goto(f"{scripted.url}/chat?a=b#%E9%99%84/0")
    link = page.get_by_role("link", name="用企业微信登录")
    here = "%2Fchat%3Fa%3Db%23%25E9%2599%2584%2F0"
    expect(link).to_have_attribute("href", f"/wecom/login?next={here}")


def test_without_wecom_no_way_to_it_is_shown(page: Page, scripted: ScriptedSite) -> None:
    page.goto(f"{scripted.url}/chat")
    expect(page.get_by_label("登录凭证")).to_be_visible()
    expect(page.get_by_role("link", name="用企业微信登录")).to_have_count(0)


# Reminders.


def test_a_teacher_turns_reminders_off_and_on(context: BrowserContext, page: Page, site: Site, axe: Axe) -> None:
    enter(context, site)
    page.goto(f"{site.url}/reminders")
    page.get_by_role("button", name="不再接收提醒").click()
    expect(page.locator("#view").get_by_text("您不会收到提醒。", exact=True)).to_be_visible()
    page.reload()
    expect(page.locator("#view").get_by_text("您不会收到提醒。", exact=True)).to_be_visible()
    assert axe(page) == []
    page.get_by_role("button", name="重新接收提醒").click()
    expect(page.locator("#view").get_by_text("您会收到提醒。", exact=True)).to_be_visible()


REPORT = {
    "unit": "x", "dry_run": True, "as_of": "2023-11-15", "short": 5, "due": 3, "sent": 0, "recent": 1, "opted_out": 0,
    "unregistered": [{"teacher_id": "T0009", "name": "某某", "unit": "省/市/某校"}], "unsure": [], "failed": [],
    "next": None, "stopped": None,
}  # fmt: skip


def test_an_administrator_reminds_after_a_look(context: BrowserContext, page: Page, site: Site, axe: Axe) -> None:
    orders = list[dict[str, Any]]()

    def reminded(route: Route) -> None:
        order = route.request.post_data_json
        orders.append(order)
        part = {"sent": 2, "next": "T0005"} if not order.get("after") else {"sent": 1, "next": None}
        told(REPORT if order["dry_run"] else {**REPORT, "dry_run": False, **part})(route)

    enter(context, site, ADMIN)
    csrf = page.request.get(f"{site.url}/v1/session").json()
    page.route("**/v1/session", told({**csrf, "sign_in": "/wecom/login"}))
    page.route("**/v1/reminders", reminded)
    page.goto(f"{site.url}/admin")
    page.get_by_role("button", name="发送补学提醒").click()
    expect(page.locator("#view").get_by_text("还差学时的教师 5 人，这次会提醒 3 人")).to_be_visible()
    expect(page.get_by_role("table", name="没有登记企业微信账号，不能提醒，1 人")).to_contain_text("某某")
    assert axe(page) == []
    assert [order["dry_run"] for order in orders] == [True]
    page.get_by_role("button", name="确定发送").click()
    expect(page.locator("#view").get_by_text("已发送 3 人。", exact=True)).to_be_visible()
    assert [(order["dry_run"], order.get("after")) for order in orders[1:]] == [(False, ""), (False, "T0005")]
    assert {order["unit"] for order in orders} == {"广东省/东莞市/莞城街道/莞城中心小学"}

"""The administrator's page: figures are the API's, nobody sees another's, files are seen before they are written."""

import re
from decimal import Decimal
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.conftest import Site
from tests.web.pages import SCRIPT, Axe, api, ask, cells, check_that_it_fits, go_back, look, sign_in

CITY = "广东省/东莞市"
TOWN = f"{CITY}/莞城街道"
SCHOOL = f"{TOWN}/莞城中心小学"
HEADER = "record_id,teacher_id,title,category,organiser,hours,completed_on,status,reason"


def open_admin(page: Page, site: Site, account: str, fragment: str = "") -> None:
    """The page as an administrator."""
    look(page, site, f"/admin{fragment}", account)
    expect(page.get_by_role("button", name="退出")).to_be_visible()


def percent(share: str) -> str:
    """A share in percent, by exact arithmetic."""
    return f"{(Decimal(share) * 100).normalize():f}%"


def credit(number: str, title: str = "课", teacher: str = "T0001", hours: str = "2") -> str:
    return f"{number},{teacher},{title},个人选修科目,校级,{hours},2023-03-06,已审核,"


def choose(page: Page, name: str, *lines: str) -> None:
    """Choose a file of records to import."""
    content = "\n".join([HEADER, *lines]).encode()
    page.get_by_label("选择记录文件").set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})


# Units, from the city down to the teacher


def test_the_figures_are_the_api_s_at_every_level(page: Page, site: Site) -> None:
    open_admin(page, site, "admin-dongguan")
    expect(page.get_by_role("table", name="镇街达标情况")).to_be_visible()
    check_units(page, api(site, "/v1/compliance", "admin-dongguan", unit=CITY, level="town"), "镇街达标情况")
    page.get_by_role("link", name="莞城街道").click()
    expect(page.get_by_role("table", name="学校达标情况")).to_be_visible()
    check_units(page, api(site, "/v1/compliance", "admin-dongguan", unit=TOWN, level="school"), "学校达标情况")
    page.get_by_role("link", name="莞城中心小学").click()
    caption = "莞城中心小学教师名单"
    expect(page.get_by_role("table", name=caption)).to_be_visible()
    teachers = api(site, "/v1/compliance", "admin-dongguan", unit=SCHOOL, level="teacher")["teachers"]
    assert len(teachers) > 20
    shown = {row[1]: row for row in cells(page, caption)}
    assert shown.keys() == {one["teacher_id"] for one in teachers}
    for one in teachers:
        row = shown[one["teacher_id"]]
        known = one["records"] > 0
        assert row[0] == one["name"]
        assert row[3] == ("达标" if one["met"] else "未达标") + ("" if known else "，没有记录")
        assert row[4:7] == [one["counted"] if known else "—", one["remaining"], one["pending"] if known else "—"]
        assert row[7:] == list(one["shortfall"].values())
    trail = page.get_by_role("navigation", name="位置")
    trail.get_by_role("link", name="东莞市").click()
    expect(page.get_by_role("table", name="镇街达标情况")).to_be_visible()


def check_units(page: Page, report: Any, caption: str) -> None:
    shown = cells(page, caption)
    assert len(shown) == len(report["rows"])
    for read, row in zip(shown, report["rows"], strict=True):
        assert read[0] == row["unit"].split("/")[-1]
        assert read[1] == percent(row["rate"])
        figures = [row["teachers"], row["met"], row["short"], row["no_records"], row["remaining"]]
        assert read[2:] == [str(figure) for figure in (*figures, *row["shortfall"].values())]
    totals = report["totals"]
    figures = page.locator(".figures").inner_text().split()
    for figure in (f"{totals['teachers']}", percent(totals["rate"]), f"{totals['met']}", totals["remaining"]):
        assert figure in figures
    for category, hours in totals["shortfall"].items():
        expect(page.locator(".chart li", has_text=category)).to_contain_text(f"还差 {hours} 学时")
    checks = [(row["unit"], check) for row in (totals, *report["rows"]) for check in row["checks"]]
    assert checks
    words = {"met": "达到", "short": "未达到", "no_data": "没有数据"}
    expected = [
        [unit.split("/")[-1], check["name"], value(check), percent(check["minimum"]), words[check["status"]]]
        for unit, check in checks
    ]
    assert [row[:5] for row in cells(page, "经费与覆盖")] == expected
    expect(page.locator(".basis")).to_contain_text(report["as_of"])
    expect(page.locator(".basis")).to_contain_text(str(report["rules"][0]["version"]))


def value(check: Any) -> str:
    return "没有数据" if check["value"] is None else percent(check["value"])


def test_missing_data_is_never_nought(page: Page, site: Site) -> None:
    """A school without its budget; a place without hour rules; a teacher without records."""
    open_admin(page, site, "admin-hmsz")
    report = api(site, "/v1/compliance", "admin-hmsz", level="teacher")
    assert "no_data" in {check["status"] for check in report["totals"]["checks"]}
    assert [row[2] for row in cells(page, "经费与覆盖") if row[4] == "没有数据"] == ["没有数据"]
    page.get_by_role("button", name="退出").click()
    sign_in(page, "admin-jyxx")
    expect(page.locator(".figures")).to_contain_text("没有学时规定")
    assert api(site, "/v1/compliance", "admin-jyxx")["totals"]["rate"] is None
    assert {row[3] for row in cells(page, "稷园小学教师名单")} <= {"没有学时规定", "没有学时规定，没有记录"}
    assert {row[4] for row in cells(page, "稷园小学教师名单")} == {"—"}
    assert "%" not in page.locator(".figures").inner_text()


def test_the_roster_is_narrowed_down_by_outcome_and_name(page: Page, site: Site) -> None:
    open_admin(page, site, "admin-dongguan", f"#unit={SCHOOL}&level=teacher")
    teachers = api(site, "/v1/compliance", "admin-dongguan", unit=SCHOOL, level="teacher")["teachers"]
    caption = "莞城中心小学教师名单"
    short = {one["teacher_id"] for one in teachers if one["met"] is False}
    none = {one["teacher_id"] for one in teachers if one["records"] == 0}
    assert short
    assert len(short) < len(teachers)
    for label, expected in (
        ("未达标", short),
        ("没有记录", none),
        ("达标", {o["teacher_id"] for o in teachers} - short),
    ):
        page.get_by_role("radio", name=label, exact=True).check()
        found = {row[1] for row in cells(page, caption)} if expected else set()
        assert found == expected
    page.get_by_role("radio", name="全部").check()
    page.get_by_label("按姓名或编号查找").fill(teachers[3]["name"])
    assert [row[0] for row in cells(page, caption)] == [teachers[3]["name"]]
    page.get_by_label("按姓名或编号查找").fill("没有这个人")
    expect(page.get_by_text("没有符合筛选的")).to_be_visible()


def test_year_and_level_are_chosen_and_come_back_with_the_browser_s_back(page: Page, site: Site) -> None:
    open_admin(page, site, "admin-dongguan")
    page.get_by_label("年度").fill("2022")
    page.get_by_label("列出").select_option("school")
    page.get_by_role("button", name="查看").click()
    expect(page.get_by_role("table", name="学校达标情况")).to_be_visible()
    report = api(site, "/v1/compliance", "admin-dongguan", year=2022, level="school")
    assert [row[0] for row in cells(page, "学校达标情况")] == [one["unit"].split("/")[-1] for one in report["rows"]]
    expect(page.get_by_label("年度")).to_have_value("2022")
    expect(page.get_by_role("button", name="查看")).to_be_focused()
    page.go_back()
    expect(page.get_by_role("table", name="镇街达标情况")).to_be_visible()
    expect(page.get_by_label("年度")).to_have_value("2023")


def test_the_report_is_saved_as_a_file_with_the_token(page: Page, site: Site) -> None:
    open_admin(page, site, "admin-guancheng")
    for kind, begins in (("csv", "\ufeff".encode()), ("xlsx", b"PK")):
        with page.expect_download() as saved:
            page.get_by_role("button", name=f"导出 {kind}").click()
        assert saved.value.suggested_filename == f"达标情况-莞城街道-2023-school.{kind}"
        assert saved.value.path().read_bytes().startswith(begins)


def test_a_rule_leads_to_its_clause_without_another_sign_in(page: Page, site: Site) -> None:
    open_admin(page, site, "admin-guancheng")
    with page.expect_popup() as opened:
        page.get_by_role("table", name="经费与覆盖").get_by_role("link").first.click()
    viewer = opened.value
    expect(viewer.locator(".clause.marked")).to_be_visible()
    expect(viewer.locator("#sign-in")).to_be_empty()
    go_back(viewer)


# Whose page it is


def test_a_town_sees_nothing_of_another(page: Page, site: Site) -> None:
    """By the page, by its address, and in all that came over the line."""
    received: list[str] = []
    page.on("response", lambda one: received.append(one.text()) if "/v1/compliance" in one.url else None)
    open_admin(page, site, "admin-guancheng")
    expect(page.get_by_role("table", name="学校达标情况")).to_be_visible()
    names = {one["name"] for one in api(site, "/v1/compliance", "admin-humen", level="teacher")["teachers"]}
    own = {one["name"] for one in api(site, "/v1/compliance", "admin-guancheng", level="teacher")["teachers"]}
    refusals = []
    for unit in (f"{CITY}/虎门镇", f"{CITY}/虎门镇/虎门中心小学", CITY, f"{CITY}/没有的镇"):
        for level in ("teacher", "school"):
            page.goto(f"{site.url}/admin#unit={unit}&level={level}")
            expect(page.locator("#view .error")).not_to_be_empty()
            expect(page.get_by_role("table")).to_have_count(0)
            refusals.append(page.locator("#view .error").inner_text())
    assert len(set(refusals)) == 1
    everything = "".join([*received, page.content()])
    assert "莞城中心小学" in everything
    assert not [name for name in names - own if name in everything]
    page.get_by_role("link", name="回到本单位").click()
    expect(page.get_by_role("table", name="学校达标情况")).to_be_visible()


def test_a_teacher_is_told_whom_it_is_for(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/admin")
    page.get_by_label("选择示例账号").wait_for()
    assert "教师 ·" not in page.get_by_label("选择示例账号").inner_text()
    page.route("**/v1/demo/token", lambda route: route.fulfill(json={"token": site.token("t0001")}))
    page.get_by_role("button", name="登录").click()
    expect(page.locator("#view .error")).to_contain_text("供教育行政部门和学校的管理员使用")
    expect(page.get_by_role("heading", level=1)).to_have_text("没有权限")


def test_a_token_no_longer_accepted_is_asked_for_again_and_the_view_comes_back(page: Page, site: Site) -> None:
    open_admin(page, site, "admin-guancheng")
    expired = {"type": "about:blank", "title": "Unauthorized", "status": 401, "detail": "登录已过期。"}
    page.route("**/v1/imports", lambda route: route.fulfill(status=401, json=expired))
    page.get_by_role("link", name="导入记录").click()
    expect(page.get_by_role("heading", name="请先登录")).to_be_visible()
    expect(page.locator("#view")).to_be_hidden()
    page.unroute("**/v1/imports")
    sign_in(page, "admin-guancheng")
    expect(page.get_by_label("选择记录文件")).to_be_visible()


def test_what_comes_late_is_not_put_over_what_was_asked_for_since(page: Page, site: Site) -> None:
    open_admin(page, site, "admin-guancheng")
    held: list[Route] = []
    page.route("**/v1/imports", lambda route: held.append(route))
    with page.expect_request("**/v1/imports"):
        page.get_by_role("link", name="导入记录").click()
    page.get_by_role("link", name="待改进的问答").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("待改进的问答")
    with page.expect_response("**/v1/imports"):
        held[0].continue_()
    page.evaluate("() => new Promise((done) => setTimeout(done))")
    expect(page.get_by_role("heading", level=1)).to_have_text("待改进的问答")
    expect(page.get_by_label("选择记录文件")).to_have_count(0)


def test_whoever_signs_in_instead_finds_nothing_of_the_one_before(page: Page, site: Site) -> None:
    open_admin(page, site, "admin-guancheng")
    expect(page.get_by_role("table", name="学校达标情况")).to_be_visible()
    page.route("**/v1/imports", lambda route: route.fulfill(status=401, json={"detail": "登录已过期。"}))
    page.get_by_role("link", name="导入记录").click()
    page.get_by_label("选择示例账号").select_option("admin-humen")
    page.unroute("**/v1/imports")
    page.get_by_role("button", name="登录").click()
    expect(page.locator(".who")).to_contain_text("admin-humen")
    expect(page.get_by_label("选择记录文件")).to_be_visible()
    assert "莞城" not in page.content()


def test_of_another_account_nothing_stays(page: Page, site: Site) -> None:
    open_admin(page, site, "admin-guancheng", f"#unit={SCHOOL}&level=teacher")
    expect(page.get_by_role("table", name="莞城中心小学教师名单")).to_be_visible()
    page.get_by_role("button", name="退出").click()
    expect(page.get_by_role("heading", name="请先登录")).to_be_visible()
    assert "T0001" not in page.content()
    sign_in(page, "admin-humen")
    expect(page.locator("#view .error")).not_to_be_empty()  # the address names what is not theirs
    assert "T0001" not in page.content()


def test_a_server_that_is_down_is_told_and_tried_again(page: Page, site: Site) -> None:
    open_admin(page, site, "admin-guancheng")
    page.route("**/v1/imports", lambda route: route.abort())
    page.get_by_role("link", name="导入记录").click()
    expect(page.locator("#view .error")).to_contain_text("没有连上服务器")
    page.unroute("**/v1/imports")
    page.get_by_role("button", name="重试").click()
    expect(page.get_by_label("选择记录文件")).to_be_visible()


# Imports


def test_an_import_is_looked_at_written_and_taken_back(page: Page, site: Site) -> None:
    open_admin(page, site, "admin-gczx", "#view=imports")
    before = api(site, "/v1/imports", "admin-gczx")["imports"]
    choose(page, "三月.csv", credit("V1"), credit("V2"))
    page.get_by_role("button", name="预览").click()
    expect(page.get_by_role("heading", name="预览：还没有写入")).to_be_visible()
    assert cells(page, "各文件的改动") == [["三月.csv", "学时记录", "2", "2", "0", "0", "0", "0"]]
    assert api(site, "/v1/imports", "admin-gczx")["imports"] == before
    page.get_by_role("button", name="确认导入").click()
    expect(page.get_by_role("heading", name=re.compile("已导入，编号"))).to_be_visible()
    number = api(site, "/v1/imports", "admin-gczx")["imports"][0]["id"]
    assert cells(page, "导入记录")[0][0] == str(number)
    # The same again has nothing to write.
    choose(page, "三月.csv", credit("V1"), credit("V2"))
    page.get_by_role("button", name="预览").click()
    expect(page.get_by_text("没有要写入的")).to_be_visible()
    expect(page.get_by_role("button", name="确认导入")).to_have_count(0)
    page.get_by_role("button", name=f"撤销第 {number} 次导入").click()
    expect(page.get_by_role("button", name="确定撤销")).to_be_focused()
    page.get_by_role("button", name="取消").click()
    page.get_by_role("button", name=f"撤销第 {number} 次导入").click()
    page.keyboard.press("Enter")
    expect(page.get_by_role("table", name="导入记录").locator("tbody tr").first).to_contain_text("由admin-gczx撤销")
    expect(page.locator("#status")).to_have_text("已撤销：删去 2 行，恢复 0 行")
    assert api(site, "/v1/imports", "admin-gczx")["imports"][0]["undone_by"] == "admin-gczx"


def test_every_bad_row_is_listed_and_nothing_is_written(page: Page, site: Site) -> None:
    """Hours that are none, a formula, a teacher of another school; a script in the title and in the file's name."""
    open_admin(page, site, "admin-gczx", "#view=imports")
    before = api(site, "/v1/imports", "admin-gczx")
    bad = [credit("V1", hours="-3"), credit("V2", "=1+1"), credit("V3", teacher="T0004"), credit("V4")]
    choose(page, f"{SCRIPT}.csv", *bad)
    page.get_by_role("button", name="预览").click()
    expect(page.get_by_role("heading", name="要改正的地方")).to_be_visible()
    listed = page.locator(".faults li").all_inner_texts()
    assert len(listed) == 3
    for line, place in zip(listed, ("第 2 行", "第 3 行", "第 4 行"), strict=True):
        assert f"{SCRIPT}.csv" in line
        assert place in line
    expect(page.get_by_role("button", name="确认导入")).to_have_count(0)
    expect(page.locator("#view img")).to_have_count(0)
    assert api(site, "/v1/imports", "admin-gczx") == before


def test_another_choice_of_files_needs_another_look(page: Page, site: Site) -> None:
    open_admin(page, site, "admin-gczx", "#view=imports")
    choose(page, "a.csv", credit("V5"))
    page.get_by_role("button", name="预览").click()
    expect(page.get_by_role("button", name="确认导入")).to_be_visible()
    choose(page, "b.csv", credit("V6"))
    expect(page.get_by_role("button", name="确认导入")).to_have_count(0)
    page.get_by_role("button", name="预览").click()
    page.get_by_role("button", name="放弃").click()
    expect(page.get_by_role("button", name="确认导入")).to_have_count(0)


# Questions


def test_questions_without_evidence_and_thumbs_down_without_who_asked(page: Page, site: Site) -> None:
    asked = f"培训期间的住宿标准是多少钱一晚？{SCRIPT}"
    answer = ask(site, "我今年还差多少学时？")
    comment = {"rating": "down", "comment": f"{SCRIPT}数字不对"}
    headers = {"Authorization": f"Bearer {site.token('t0001')}"}
    httpx.post(f"{site.url}/v1/answers/{answer['id']}/feedback", json=comment, headers=headers, trust_env=False)
    assert ask(site, asked)["outcome"] == "no_evidence"
    open_admin(page, site, "admin-guancheng", "#view=questions")
    expected = api(site, "/v1/questions", "admin-guancheng", kind="no_evidence")["questions"]
    assert page.locator(".questions q").all_inner_texts() == [one["question"] for one in expected]
    page.get_by_role("radio", name="评价为“没用”").check()
    expect(page.locator(".questions")).to_contain_text(f"{SCRIPT}数字不对")
    expect(page.locator("#view img")).to_have_count(0)
    assert "t0001" not in page.locator("#view").inner_text()
    page.get_by_role("button", name="退出").click()
    sign_in(page, "admin-humen")
    expect(page.get_by_text("近期没有这样的提问")).to_be_visible()


@pytest.mark.parametrize("fragment", ["#view=constructor", "#view=questions&kind=toString"])
def test_an_address_that_names_nothing_shows_what_comes_first(page: Page, site: Site, fragment: str) -> None:
    open_admin(page, site, "admin-gczx", fragment)
    expect(page.locator("#view .error:not(:empty)")).to_have_count(0)
    expect(page.get_by_role("navigation", name="管理").locator("[aria-current]")).to_have_count(1)


# Everybody can use it


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_state(page: Page, site: Site, axe: Axe, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{site.url}/admin")
    page.get_by_label("选择示例账号").wait_for()
    found = {"signed out": axe(page)}
    for account, view, shows in (
        ("admin-dongguan", "view=units", "table"),
        ("admin-dongguan", f"unit={SCHOOL}&level=teacher", "table"),
        ("admin-jyxx", "view=units", "table"),
        ("admin-gczx", f"unit={CITY}", ".error"),
        ("admin-gczx", "view=imports", "#files"),
        ("admin-gczx", "view=questions", ".choice"),
    ):
        open_admin(page, site, account, f"#{view}")
        page.locator(f"#view {shows}").first.wait_for()
        found[f"{account} {view}"] = axe(page)
    open_admin(page, site, "admin-gczx", "#view=imports")
    for name, lines in (("好.csv", [credit("V7")]), ("坏.csv", [credit("V8", hours="x"), credit("V9", hours="0")])):
        choose(page, name, *lines)
        page.get_by_role("button", name="预览").click()
        page.locator(".result h2").wait_for()
        found[name] = axe(page)
    assert {state: faults for state, faults in found.items() if faults} == {}


def test_nothing_is_lost_on_a_narrow_screen_or_with_large_text(page: Page, site: Site) -> None:
    """Tables scroll in regions of their own, never the page."""
    for fragment in (f"#unit={SCHOOL}&level=teacher", "#view=imports", "#view=questions"):
        open_admin(page, site, "admin-dongguan", fragment)
        check_that_it_fits(page)


def test_bars_are_seen_in_forced_colours(page: Page, site: Site) -> None:
    page.emulate_media(forced_colors="active")
    open_admin(page, site, "admin-dongguan")
    bar = page.locator(".chart .bar").first
    bar.wait_for()
    colours = bar.evaluate("b => [getComputedStyle(b).backgroundColor, getComputedStyle(b.firstChild).fill]")
    assert colours[0] != colours[1]


def test_by_keyboard_alone(page: Page, site: Site) -> None:
    """Sign in, go down to a school and up again, with Tab and Enter."""
    page.goto(f"{site.url}/admin")
    expect(page.get_by_label("选择示例账号")).to_be_focused()
    page.get_by_label("选择示例账号").select_option("admin-guancheng")
    reach(page, "登录")
    reach(page, "莞城中心小学")
    expect(page.get_by_role("table", name="莞城中心小学教师名单")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    reach(page, "莞城街道")
    expect(page.get_by_role("table", name="学校达标情况")).to_be_visible()


def reach(page: Page, name: str) -> None:
    """Tab to what is called so, and press Enter."""
    page.get_by_text(name, exact=True).first.wait_for()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == name:
            return page.keyboard.press("Enter")
    pytest.fail(f"{name} can't be reached by keyboard")

"""What the tests of the viewer, the receipt and the administrator's page do with a page."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
from playwright.sync_api import Error, Page, expect

from tests.web.conftest import PHONE, Site

Axe = Callable[[Page], list[str]]
SCRIPT = "<img src=x onerror=alert(1)>"


def sign_in(page: Page, account: str) -> None:
    """Be a sample account, where one is asked for."""
    page.get_by_label("选择示例账号").select_option(account)
    page.get_by_role("button", name="登录").click()
    expect(page.locator("#sign-in")).to_be_empty()


def look(page: Page, site: Site, path: str, account: str = "t0001") -> None:
    """Open a page anew as an account, and wait until it is there."""
    page.goto("about:blank")  # or else another fragment alone would keep whoever is signed in
    page.goto(site.url + path)
    sign_in(page, account)
    expect(page.locator("#view")).not_to_have_attribute("aria-busy", "true")


def api(site: Site, path: str, account: str = "t0001", **query: Any) -> Any:
    """What the API tells an account."""
    headers = {"Authorization": f"Bearer {site.token(account)}"}
    response = httpx.get(site.url + path, params=query, headers=headers, trust_env=False)
    assert response.status_code == 200, response.text
    return response.json()


def ask(site: Site, question: str, account: str = "t0001") -> Any:
    """The answer to an account's question."""
    headers = {"Authorization": f"Bearer {site.token(account)}"}
    return httpx.post(f"{site.url}/v1/ask", json={"question": question}, headers=headers, trust_env=False).json()


def cells(page: Page, caption: str) -> list[list[str]]:
    """The cells of a table's body, as read."""
    found = page.get_by_role("table", name=caption).locator("tbody tr").all()
    return [[cell.inner_text().strip() for cell in row.locator("th, td").all()] for row in found]


def in_view(page: Page, selector: str) -> bool:
    """Whether an element is seen whole without scrolling."""
    box = page.locator(selector).bounding_box()
    height: int = page.evaluate("innerHeight")
    return box is not None and box["y"] >= 0 and box["y"] + box["height"] <= height


def go_back(viewer: Page, key: str = "") -> None:
    """Leave a page for the one that opened it, by mouse or by a key: it closes, perhaps before the key is up."""
    back = viewer.get_by_role("button", name="返回")
    back.focus()
    with viewer.expect_event("close"), suppress(Error):
        viewer.keyboard.press(key) if key else back.click()


def check_that_it_fits(page: Page) -> None:
    """320 pixels, and text of twice the size: the page itself never scrolls sideways."""
    for size, text in ((PHONE, "100%"), ({"width": 640, "height": 640}, "200%")):
        page.set_viewport_size(size)
        page.evaluate("size => (document.documentElement.style.fontSize = size)", text)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]

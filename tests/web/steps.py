"""What somebody does on the chat page."""

from playwright.sync_api import Locator, Page, expect

from tests.web.scripted import ScriptedSite, token

ASK = "POST /v1/threads/new/runs"


def choose(page: Page, url: str, account: str = "t0001") -> None:
    """Open the demo's chat as a sample account."""
    page.goto(f"{url}/chat")
    page.get_by_label("选择示例账号").select_option(account)
    page.get_by_role("button", name="登录").click()
    expect(page.locator(".suggestions")).to_be_visible()


def paste(page: Page, site: ScriptedSite, given: str | None = None) -> None:
    """Open the chat of a server without sample accounts, with a token."""
    page.goto(f"{site.url}/chat")
    sign_in(page, given or token())
    expect(page.locator(".suggestions")).to_be_visible()


def sign_in(page: Page, given: str) -> None:
    """Paste a token where one is asked for."""
    page.get_by_label("登录凭证").fill(given)
    page.get_by_role("button", name="登录", exact=True).click()


def ask(page: Page, question: str = "我今年还差多少学时？") -> Locator:
    """Ask, by Enter; the turn."""
    box(page).fill(question)
    box(page).press("Enter")
    return page.locator("article").last


def answered(page: Page, question: str = "我今年还差多少学时？") -> Locator:
    """Ask, and wait for the whole answer; the turn."""
    turn = ask(page, question)
    expect(turn.locator(".actions")).to_be_visible()
    return turn


def box(page: Page) -> Locator:
    """Where one writes."""
    return page.get_by_label("您的问题")

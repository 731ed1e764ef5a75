"""Pictures of the main states, made from the demo by a real browser: `python -m evals.screenshots OUTDIR [--url URL]`.

Without `--url` it serves the demo itself, on a free port and from a home of its own. Needs Playwright's Python package,
Debian's `chromium` and a font with Chinese characters, such as `fonts-noto-cjk`.
"""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from evals.bench.home import XUESHI, free_port, serving

CHROMIUM = "/usr/bin/chromium"
WINDOW: ViewportSize = {"width": 1100, "height": 760}
PHONE: ViewportSize = {"width": 375, "height": 720}


def _signed_in(page: Page, url: str, account: str = "t0001") -> None:
    page.goto(f"{url}/chat")
    page.get_by_label("选择示例账号").select_option(account)
    page.get_by_role("button", name="登录").click()
    page.locator(".suggestions").wait_for()


def _answered(page: Page, url: str, question: str, account: str = "t0001") -> None:
    _signed_in(page, url, account)
    page.get_by_label("您的问题").fill(question)
    page.get_by_role("button", name="发送").click()
    page.locator("article .actions").wait_for()


def _empty(page: Page, url: str) -> None:
    _signed_in(page, url)


def _answer(page: Page, url: str) -> None:
    _answered(page, url, "我今年还差多少学时？")


def _quote(page: Page, url: str) -> None:
    _answer(page, url)
    page.locator(".prose .cite").first.click()


def _refused(page: Page, url: str) -> None:
    _answered(page, url, "陈静还差多少学时？")


def _roster(page: Page, url: str) -> None:
    _answered(page, url, "我们学校还有谁没达标？", "admin-gczx")


def _viewer(page: Page, url: str) -> None:
    _quote(page, url)
    with page.context.expect_page() as opening:
        page.locator(".sources .marked a").click()
    opened = opening.value
    opened.locator("mark").first.wait_for()
    page.goto(opened.url)  # the picture is of this page
    page.get_by_label("选择示例账号").select_option("t0001")
    page.get_by_role("button", name="登录").click()
    page.locator("mark").first.wait_for()


def _admin(page: Page, url: str) -> None:
    page.goto(f"{url}/admin")
    page.get_by_label("选择示例账号").select_option("admin-guancheng")
    page.get_by_role("button", name="登录").click()
    page.locator("table").first.wait_for()


PICTURES: dict[str, Callable[[Page, str], None]] = {
    "empty": _empty,
    "answer": _answer,
    "quote": _quote,
    "refused": _refused,
    "roster": _roster,
    "viewer": _viewer,
    "admin": _admin,
}


def take(url: str, folder: Path) -> list[Path]:
    """Take every picture of the demo at `url`: wide, in the dark, and as on a phone. The files written."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        taken = [_taken(browser, url, make, folder / f"{name}.png") for name, make in PICTURES.items()]
        taken.append(_taken(browser, url, _answer, folder / "answer-dark.png", scheme="dark"))
        taken.append(_taken(browser, url, _answer, folder / "answer-phone.png", window=PHONE))
        browser.close()
    return taken


def _taken(
    browser: Browser,
    url: str,
    make: Callable[[Page, str], None],
    file: Path,
    window: ViewportSize = WINDOW,
    scheme: Literal["light", "dark"] = "light",
) -> Path:
    context = browser.new_context(locale="zh-CN", viewport=window, color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    make(page, url)
    page.mouse.move(0, 0)
    page.screenshot(path=file)
    context.close()
    return file


@contextmanager
def _demo() -> Iterator[str]:
    """The demo on a port of its own; its address."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "XUESHI_HOME": home}
        with serving([XUESHI, "demo", "--port", str(port)], f"{url}/readyz", env):
            yield url


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m evals.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--url", help="a demo that is being served already")
    given = parser.parse_args()
    if given.url:
        taken = take(given.url.rstrip("/"), given.folder)
    else:
        with _demo() as url:
            taken = take(url, given.folder)
    for file in taken:
        print(file)


if __name__ == "__main__":
    main()

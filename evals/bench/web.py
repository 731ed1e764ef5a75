"""How long somebody at a browser waits: from Enter to the first words and to the whole answer, beside the bare API.

Debian's Chromium, driven by Playwright, asks `xueshi serve` on this machine; each kind in turn.
"""

import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from evals.bench.home import ACCOUNT, QUESTION, XUESHI, environment, filled, free_port, run, serving
from evals.bench.measure import row, table

ROUNDS = 20
_CHROMIUM = "/usr/bin/chromium"
# Milliseconds from Enter to the first text of the newest answer, and until its buttons are there.
_WAITED = """question => new Promise((resolve) => {
  const box = document.querySelector("textarea");
  const before = document.querySelectorAll("article").length;
  let first = 0;
  const start = performance.now();
  const look = () => {
    const turn = [...document.querySelectorAll("article")].slice(before).pop();
    if (!turn) return;
    const said = turn.querySelector(".prose");
    if (!first && said && said.textContent) first = performance.now() - start;
    if (!turn.querySelector(".actions")) return;
    watch.disconnect();
    resolve([first, performance.now() - start]);
  };
  const watch = new MutationObserver(look);
  watch.observe(document.body, { childList: true, subtree: true, characterData: true });
  box.value = question;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", keyCode: 13, bubbles: true, cancelable: true }));
})"""
_ASKED = """async ([question, token]) => {
  const start = performance.now();
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}` };
  await (await fetch("/v1/ask", { method: "POST", headers, body: JSON.stringify({ question }) })).json();
  return performance.now() - start;
}"""


def main() -> None:
    """Print the table, from a home of its own."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home, port = Path(folder), free_port()
        filled(home)
        token = run(home, "token", "--as", ACCOUNT).strip()
        site = f"http://127.0.0.1:{port}"
        with serving([XUESHI, "serve", "--port", str(port)], f"{site}/readyz", environment(home)):
            browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page()
            page.goto(f"{site}/chat")
            page.get_by_label("登录凭证").fill(token)
            page.get_by_role("button", name="登录", exact=True).click()
            page.locator("textarea").wait_for()
            show(page, token)
            browser.close()


def show(page: Page, token: str) -> None:
    """Ask by both ways in turn, and print the medians."""
    waited: list[list[float]] = [[], [], []]
    for _ in range(ROUNDS):
        bare = page.evaluate(_ASKED, [QUESTION, token])
        for kept, taken in zip(waited, [bare, *page.evaluate(_WAITED, QUESTION)], strict=True):
            kept.append(taken)
    times = [statistics.median(kept) for kept in waited]
    table("In the browser", QUESTION, ["median", "÷ bare API"])
    names = ["the bare API, `POST /v1/ask`", "from Enter to the first words", "from Enter to the whole answer"]
    for name, taken in zip(names, times, strict=True):
        row(name, f"{taken:.0f} ms", f"{taken / times[0]:.1f}")

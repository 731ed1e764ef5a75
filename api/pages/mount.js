/* What the launcher loads once somebody opens it: the chat within the page, or in a frame out of the page's reach. */
import { Chat } from "./chat.js";
import { Session } from "./session.js";

/** The chat of a <xueshi-assistant>. @param {HTMLElement} host @param {() => void} changed the account has changed */
export function mount(host, changed) {
  if (host.getAttribute("mode") === "iframe") return new Frame(host);
  const session = new Session(() => host.getToken(), host.server, changed);
  const close = () => (host.open = false);
  return new Chat(session, { lang: host.lang, theme: host.getAttribute("theme"), close });
}

/** The chat in a frame of our server's: the page hands over its token and hears nothing of what is said. */
class Frame {
  constructor(host) {
    const { server, lang } = host;
    const query = new URLSearchParams({ origin: location.origin, lang, theme: host.getAttribute("theme") || "auto" });
    this.node = document.createElement("iframe");
    this.node.src = `${server}/embed?${query}`;
    this.node.title = host.panel.getAttribute("aria-label");
    this.node.allow = "clipboard-write";
    this.hear = async ({ origin, source, data }) => {
      if (source !== this.node.contentWindow || origin !== server || !data) return;
      if (data.xueshi === "close") host.open = false;
      if (data.xueshi !== "token?") return;
      const token = await Promise.resolve().then(() => host.getToken()).catch(() => null);
      this.post({ xueshi: "token", token });
    };
    this.post = (message) => this.node.contentWindow && this.node.contentWindow.postMessage(message, server);
    window.addEventListener("message", this.hear);
  }

  /** It opens by itself. */
  open() {}

  focus() {
    this.node.focus();
  }

  verify() {
    this.post({ xueshi: "renew" });
  }

  destroy() {
    window.removeEventListener("message", this.hear);
    this.node.remove();
  }
}

/* The launcher: <xueshi-assistant> on any page. The chat itself is loaded when it is first opened. */
const HOME = new URL(import.meta.url).origin;
const LABELS = { zh: ["学时通", "打开学时通", "关闭学时通"], en: ["Xueshi", "Open Xueshi", "Close Xueshi"] };

/** Give a shadow root a style sheet of ours: adopted, which a strict policy of the host allows, else linked. */
async function dress(root, name) {
  const href = `${HOME}/static/${name}`;
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(await (await fetch(href)).text());
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
  } catch (_) {
    const link = document.createElement("link");
    const loaded = new Promise((done) => (link.onload = link.onerror = done));
    Object.assign(link, { rel: "stylesheet", href });
    root.append(link);
    await loaded;
  }
}

/**
 * Attributes: `lang` (zh, en), `server`, `position` (right, left), `theme` (light, dark, auto), `open`,
 * `mode` (iframe). `getToken` is the host's: an async function that gives the token of whoever is signed in. Setting it
 * anew says that somebody else may be: what is open is then shown again only for the same account.
 */
class XueshiAssistant extends HTMLElement {
  static get observedAttributes() {
    return ["open", "lang"];
  }

  constructor() {
    super();
    const [button, panel] = ["button", "div"].map((tag) => document.createElement(tag));
    Object.assign(this, { button, panel, chat: null, pressed: false });
    this.token = async () => null;
    button.type = "button";
    button.className = "launcher";
    button.addEventListener("click", () => {
      this.pressed = true; // focus goes in only with somebody who wants in
      this.open = !this.open;
    });
    panel.className = "panel";
    panel.id = "panel";
    panel.setAttribute("role", "dialog");
    panel.hidden = true;
    button.setAttribute("aria-controls", "panel");
    const root = this.attachShadow({ mode: "open" });
    // The host's own shortcuts are not for what is typed here.
    const keep = (event) => event.stopPropagation();
    ["keydown", "keypress", "keyup"].forEach((type) => root.addEventListener(type, keep));
    root.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.isComposing && event.keyCode !== 229) this.open = false;
    });
    this.dressed = dress(root, "widget.css").then(() => root.append(panel, button));
  }

  connectedCallback() {
    const { getToken } = this;
    if (delete this.getToken) this.token = getToken; // set before this class was there
    this.show();
  }

  disconnectedCallback() {
    Promise.resolve().then(() => this.isConnected || this.wipe()); // it may only have been moved
  }

  attributeChangedCallback() {
    this.show();
  }

  get getToken() {
    return this.token;
  }

  set getToken(getToken) {
    this.token = getToken;
    if (this.chat) this.chat.verify();
  }

  get open() {
    return this.hasAttribute("open");
  }

  set open(open) {
    this.toggleAttribute("open", open);
  }

  get server() {
    return new URL(this.getAttribute("server") || HOME, location.href).origin;
  }

  /** Forget everything: for when whoever uses the page signs out. */
  wipe() {
    if (this.chat) this.chat.destroy();
    this.chat = null;
  }

  signOut() {
    this.wipe();
    this.open = false;
  }

  async show() {
    const { open, button, panel } = this;
    const [name, opening, closing] = LABELS[this.lang.startsWith("en") ? "en" : "zh"];
    button.textContent = open ? "×" : name;
    button.setAttribute("aria-label", open ? closing : opening);
    button.setAttribute("aria-expanded", String(open));
    panel.setAttribute("aria-label", name);
    await this.dressed;
    if (open !== this.open || !this.isConnected) return;
    const focused = panel.contains(this.shadowRoot.activeElement);
    panel.hidden = !open;
    if (focused && !open) button.focus();
    if (open && !this.chat) await this.start();
    if (open && this.chat && this.pressed) this.chat.focus();
    this.pressed = false;
  }

  async start() {
    if (!this.loading) {
      this.loading = Promise.all([import(`${HOME}/static/mount.js`), dress(this.shadowRoot, "chat.css")]);
    }
    const [{ mount }] = await this.loading;
    if (!this.isConnected || !this.open || this.chat) return;
    this.chat = mount(this, () => {
      this.wipe();
      this.show();
    });
    this.panel.append(this.chat.node);
    await this.chat.open();
  }
}

if (!customElements.get("xueshi-assistant")) customElements.define("xueshi-assistant", XueshiAssistant);

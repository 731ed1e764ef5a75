/* The chat in a frame, for hosts whose scripts shall not see it: they hand over a token and get nothing back. */
import { Chat } from "./chat.js";
import { Session } from "./session.js";
import { follow } from "./theme.js";

const PATIENCE = 10000; // milliseconds that the host has to get a token
const given = new URLSearchParams(location.search);
// The one page that is asked and heard; the server lets none but the allowed origins put us in a frame.
const host = given.get("origin");
const view = document.getElementById("view");
let chat = null;

const tell = (xueshi) => window.parent.postMessage({ xueshi }, host);

/** The host's token, asked for anew each time. */
function getToken() {
  return new Promise((resolve) => {
    const end = (token) => {
      window.removeEventListener("message", hear);
      clearTimeout(late);
      resolve(token);
    };
    const hear = ({ origin, source, data }) => {
      if (origin === host && source === window.parent && data && data.xueshi === "token") end(data.token);
    };
    const late = setTimeout(end, PATIENCE, null);
    window.addEventListener("message", hear);
    tell("token?");
  });
}

function open() {
  if (chat) chat.destroy();
  const options = { lang: given.get("lang"), theme: given.get("theme"), close: () => tell("close") };
  chat = new Chat(new Session(getToken, location.origin, () => open()), options);
  view.textContent = "";
  view.append(chat.node);
  chat.open();
}

/** What the host says beside tokens: that somebody else may have signed in. */
window.addEventListener("message", ({ origin, source, data }) => {
  if (origin === host && source === window.parent && data && data.xueshi === "renew" && chat) chat.verify();
});
window.addEventListener("keydown", (event) => event.key === "Escape" && !event.isComposing && tell("close"));
follow(document.body, given.get("theme"));
if (host && window.parent !== window) open();

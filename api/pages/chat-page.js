import { Chat } from "./chat.js";
import { Session } from "./session.js";
import { askToken, ROLES, signOut } from "./sign-in.js";
import { follow } from "./theme.js";
import { fitViewport } from "./viewport.js";

const EXPIRED = "登录凭证无效或已过期，请重新登录。";
const [view, who] = ["view", "who"].map((id) => document.getElementById(id));
let chat = null; // whoever's conversation is open

/** Open the chat, for whoever has just signed in where there is a `token`. */
function open(token = null) {
  let [given, why] = [token, ""];
  const getToken = async (account) => {
    const next = given || (await askToken(why, () => true, account));
    [given, why] = [null, EXPIRED];
    return next;
  };
  if (chat) chat.destroy();
  who.hidden = true;
  view.textContent = "";
  chat = new Chat(new Session(getToken, location.origin, open), { opened: showWho });
  view.append(chat.node);
  chat.open();
}

function showWho({ account, role, unit }) {
  const [name, admin] = who.children;
  name.textContent = `${account}，${ROLES[role]}，${unit.split("/").pop()}`;
  admin.hidden = role === "teacher";
  who.hidden = false;
}

follow(document.body, "auto");
fitViewport();
who.querySelector("button").addEventListener("click", () => signOut().then(() => open()));
open();

const DARK = matchMedia("(prefers-color-scheme: dark)");

/**
 * Keep a node's class `dark` as its theme says.
 * @param {HTMLElement} node
 * @param {?string} theme light, dark, or anything else: as the system is set
 * @returns {() => void} ends it
 */
export function follow(node, theme) {
  const set = () => node.classList.toggle("dark", theme === "dark" || (theme !== "light" && DARK.matches));
  set();
  DARK.addListener(set);
  return () => DARK.removeListener(set);
}

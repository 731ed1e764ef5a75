export const isTouch = () => matchMedia("(hover: none) and (pointer: coarse)").matches;

/**
 * Enter sends, unless it breaks a line or confirms an input method's candidate. No one sign of that holds everywhere:
 * Chromium sets isComposing, Safari ends the composition and then sends key code 229, others only fire the events.
 */
export function sendOnEnter(box, send) {
  let [composing, composed] = [false, -Infinity];
  const end = ({ timeStamp }) => {
    if (composing) [composing, composed] = [false, timeStamp];
  };
  box.addEventListener("compositionstart", () => (composing = true));
  box.addEventListener("compositionend", end);
  box.addEventListener("blur", end); // some input methods never say that they ended
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || isTouch()) return;
    if (composing || event.isComposing || event.keyCode === 229 || event.timeStamp - composed < 50) return;
    event.preventDefault();
    send();
  });
}

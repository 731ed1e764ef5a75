/** Keep a page as high as what a phone's keyboard leaves of the screen, where the browser doesn't do so itself. */
export function fitViewport() {
  const { visualViewport: seen } = window;
  if (!seen) return;
  const fit = () => {
    if (seen.scale === 1) document.documentElement.style.height = `${seen.height}px`; // else somebody looks closer
  };
  seen.addEventListener("resize", fit);
}

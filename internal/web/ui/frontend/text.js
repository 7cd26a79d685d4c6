// Small words on the page: the polite live region and ages that grow.

/** Says one sentence to screen readers. */
export function say(text) {
  const region = document.getElementById("live");
  if (region) region.textContent = text;
}

/** An age in the words of page/format.go: "just now", "14 min", "30 h"; "" when it is older than 48 hours. */
function age(ms) {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours <= 48 ? `${hours} h` : "";
}

/** Rewrites the relative times in a region. After 48 hours the server's text stays. */
export function updateTimes(region) {
  for (const el of region.querySelectorAll("time[data-rel]")) {
    const words = age(Date.now() - Date.parse(el.dateTime) - skew());
    if (!words) continue;
    el.textContent = words === "just now" ? words : words + (el.dataset.rel === "ago" ? " ago" : "");
  }
}

// The server's clock rules: a page says what time it was made, so a wrong clock here does no harm.
let offset;
function skew() {
  offset ??= Date.now() - performance.now() - Date.parse(document.documentElement.dataset.now || new Date().toISOString());
  return Math.abs(offset) < 120_000 ? 0 : offset;
}

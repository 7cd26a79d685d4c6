// The live stream: one EventSource per page. Events are small; regions fetch themselves again.
//
//   data-updated   {"topic":"cost","tenant":"<id>"}   regions with data-topic="cost" refresh, at most once per 5 s each
//   sync-progress  {"run":"<id>","state":"running","done":7,"of":9,"words":"7 of 9 subscriptions"}
//
// Closed while the page is hidden. When streams are blocked, regions are fetched every 30 s.
const gap = 5_000;
const poll = 30_000;

/** @param {{refresh: (region: Element) => void}} hooks */
export function live({ refresh }) {
  const url = document.querySelector('meta[name="fresnel-events"]')?.content;
  let source, retry, tries = 0, polling, wasHidden = false;
  let state = "";
  const last = new WeakMap(), later = new WeakMap();

  function show(next = state) {
    state = next;
    for (const el of document.querySelectorAll("[data-connection]")) {
      el.hidden = state === "";
      el.dataset.state = state;
    }
  }

  function renew(region) {
    if (document.hidden || later.has(region)) return;
    const wait = Math.max(0, (last.get(region) ?? -gap) + gap - performance.now());
    later.set(region, setTimeout(() => {
      later.delete(region);
      last.set(region, performance.now());
      if (region.isConnected && !region.contains(document.querySelector("details.menu[open]"))) refresh(region);
    }, wait));
  }

  const regions = (topic) => document.querySelectorAll(topic ? `[data-topic~="${CSS.escape(topic)}"]` : "[data-topic]");
  const renewAll = (topic) => { for (const region of regions(topic)) renew(region); };

  function progress(event) {
    const row = document.querySelector(`[data-run="${CSS.escape(String(event.run ?? ""))}"]`);
    const bar = row?.querySelector("progress");
    if (!row || row.dataset.state !== (event.state ?? row.dataset.state) || !bar) return renewAll("sync");
    if (event.of > 0) {
      bar.max = event.of;
      bar.value = event.done;
      row.querySelector("[data-percent]").textContent = `${Math.floor((100 * event.done) / event.of)}%`;
    }
    if (event.words) row.querySelector("[data-words]").textContent = event.words;
  }

  const parsed = (handle) => ({ data }) => { try { handle(JSON.parse(data)); } catch { /* a malformed event changes nothing */ } };

  function open() {
    if (!url || document.hidden || !window.EventSource) return fallback();
    source = new EventSource(url);
    source.addEventListener("open", () => { tries = 0; clearInterval(polling); polling = undefined; show("on"); });
    source.addEventListener("data-updated", parsed((event) => renewAll(event.topic)));
    source.addEventListener("sync-progress", parsed(progress));
    source.addEventListener("error", () => {
      close();
      show("off");
      if (++tries >= 3) fallback();
      retry = setTimeout(open, Math.min(60_000, 1_000 * 2 ** tries) * (0.5 + Math.random() / 2));
    });
  }

  function close() {
    clearTimeout(retry);
    source?.close();
    source = undefined;
  }

  function fallback() {
    if (url) polling ??= setInterval(() => renewAll(), poll);
  }

  function start() {
    open();
    document.addEventListener("visibilitychange", () => {
      close();
      if (document.hidden) { wasHidden = true; return; }
      if (wasHidden) renewAll(); // something may have changed meanwhile
      open();
    });
    addEventListener("pagehide", close);
  }

  return { start, show };
}

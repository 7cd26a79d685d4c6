// What Fresnel's pages do beyond HTML: swaps by htmx, menus, theme, live updates, charts on demand.
// Every page works without this file; it only makes things quicker. No eval, no inline styles: see the policy in
// docs, "content security policy".
import htmx from "htmx.org/dist/htmx.esm.js";
import { live } from "./live.js";
import { say, updateTimes } from "./text.js";

const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
let charts; // the chart bundle, once a page has needed it

/** Draws the charts inside one swapped region, loading the chart bundle when there is one to draw. */
async function drawCharts(region) {
  charts?.sweep();
  if (!region.querySelector?.("canvas[data-chart]")) return;
  try {
    charts ??= await import(document.querySelector('meta[name="fresnel-chart"]').content);
    charts.draw(region, (url) => url.startsWith("/") && location.assign(url));
  } catch (err) {
    for (const box of region.querySelectorAll("canvas[data-chart]")) box.closest(".panel")?.querySelector("details.more")?.setAttribute("open", "");
    say("The chart could not be loaded. Its figures are shown as a table.");
  }
}

// Theme: the server prints data-theme from the cookie, so there is no flash; the button only changes both.
const themes = ["system", "light", "dark"];
const themeIcons = { system: "sun-moon", light: "sun", dark: "moon" };

function showTheme() {
  const now = root.dataset.theme || "system";
  for (const button of document.querySelectorAll("[data-print], [data-copy]")) button.hidden = false;
  for (const button of document.querySelectorAll("[data-theme-switch]")) {
    const next = themes[(themes.indexOf(now) + 1) % themes.length];
    button.hidden = false;
    button.setAttribute("aria-label", `Theme: ${now}. Change to ${next}`);
    const use = button.querySelector("use");
    use?.setAttribute("href", use.getAttribute("href").replace(/#.*/, "#" + themeIcons[now]));
  }
}

function nextTheme() {
  const next = themes[(themes.indexOf(root.dataset.theme || "system") + 1) % themes.length];
  root.dataset.theme = next;
  document.cookie = `theme=${next}; Path=/; Max-Age=31536000; SameSite=Lax`;
  showTheme();
  say(`Theme: ${next}`);
  charts?.redraw();
}

// Menus are details elements: one open at a time, closed by a click outside, by Escape and by a choice.
function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-theme-switch]")) return nextTheme();
  if (event.target.closest("[data-print]")) return print();
  const copy = event.target.closest("[data-copy]");
  if (copy) navigator.clipboard.writeText(copy.parentElement.querySelector("pre").textContent).then(() => say("Copied"), () => say("The browser did not allow it: select the text and copy it."));
  closeMenus(event.target.closest("details.menu"));
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.querySelector("details.menu[open]");
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});

document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-narrow]")) return;
  const word = event.target.value.trim().toLowerCase();
  for (const option of event.target.closest(".menu-box").querySelectorAll("label.opt")) option.hidden = !option.textContent.toLowerCase().includes(word);
});

// The drawer: a dialog that holds what a link of its list asked for. From 1024 px up the list beside it stays usable.
const wide = matchMedia("(min-width: 1024px)");
let opener; // the link that focus goes back to

function openDrawer(drawer) {
  if (!drawer.open) {
    if (wide.matches) drawer.show();
    else drawer.showModal();
  }
  drawer.querySelector(".drawer-close button")?.focus();
}

document.addEventListener("click", ({ target }) => { opener = target.closest("[data-drawer]") ?? opener; });
document.addEventListener("keydown", (event) => {
  const drawer = document.querySelector("dialog.drawer[open]");
  if (event.key === "Escape" && drawer) drawer.close(); // which a dialog that is not modal does not do itself
});
document.addEventListener("close", ({ target }) => {
  if (!target.matches?.("dialog.drawer")) return;
  target.replaceChildren();
  if (opener?.isConnected) opener.focus();
}, true);

// A form that starts something: its button sleeps until the answer is here.
document.addEventListener("submit", ({ target }) => {
  if (target.matches("[data-once]")) setTimeout(() => { for (const button of target.querySelectorAll("button")) button.disabled = true; });
});
const wake = () => { for (const button of document.querySelectorAll("[data-once] button:disabled")) button.disabled = false; };
addEventListener("pageshow", wake);

// htmx: busy regions, failures, and what has to be looked at again after a swap.
const regionOf = (ctx) => (ctx?.target?.id === "app" ? document.getElementById("main") : ctx?.target);

function banner(text) {
  const box = document.getElementById("banner");
  if (!box) return;
  box.hidden = !text;
  box.querySelector("[data-text]").textContent = text;
}

const clock = () => new Date().toISOString().slice(11, 16) + " UTC";
let loaded = clock();

// A region that fetches itself asks one question. When the page has moved on to another one meanwhile (a morph keeps
// the element and changes its hx-get), the answer on its way is of the question before.
const asks = (ctx) => (ctx.sourceElement === ctx.target ? ctx.target?.getAttribute("hx-get") : undefined);

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  ctx.asked = asks(ctx);
  regionOf(ctx)?.setAttribute("aria-busy", "true");
});
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  regionOf(ctx)?.removeAttribute?.("aria-busy");
  if (ctx?.target?.id === "app") wake();
});
document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  regionOf(ctx)?.removeAttribute?.("aria-busy");
  banner(`Fresnel did not answer. Showing data loaded at ${loaded}.`);
});

document.addEventListener("htmx:before:swap", (event) => {
  const { ctx } = event.detail;
  if (ctx.asked !== asks(ctx)) {
    event.preventDefault();
    setTimeout(() => ctx.target?.isConnected && htmx.trigger(ctx.target, "fresnel-refresh")); // something has changed, and the new question may have been answered before
    return;
  }
  const status = ctx.response?.status;
  // Throttled or restarting: keep what is on the screen, it is better than an error in its place.
  if ((status === 429 || status === 503) && ctx.target?.id !== "app") {
    event.preventDefault();
    const wait = ctx.response.headers.get("Retry-After");
    return banner(`Fresnel is busy${wait ? `, it asked to wait ${wait} s` : ""}. Showing data loaded at ${loaded}.`);
  }
  // An answer that is no page of ours, for example of a proxy: let the browser show it.
  if (ctx.select === "#app" && !/\bid="?app\b/.test(ctx.text ?? "")) {
    event.preventDefault();
    return location.assign(ctx.response?.raw?.url || location.href);
  }
  loaded = clock();
  banner("");
  if (ctx.target?.id === "app") closeMenus();
});

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  // An outer swap may have replaced the target, so find it again by its id.
  const region = document.getElementById(ctx.target?.id) ?? (ctx.target?.isConnected ? ctx.target : document.body);
  if (region.id === "app" || region === document.body) {
    const side = document.getElementById("side");
    if (side?.matches(":popover-open")) side.hidePopover();
    showTheme();
    const heading = document.querySelector("h1");
    if (heading) say(`${heading.textContent} loaded`);
  }
  if (region.matches("dialog.drawer")) openDrawer(region);
  feed.show();
  updateTimes(region);
  drawCharts(region);
});

const feed = live({ refresh: (region) => htmx.trigger(region, "fresnel-refresh") });
const again = () => root.dataset.theme === "system" && charts?.redraw();
dark.addEventListener("change", again);
setInterval(() => document.hidden || updateTimes(document), 30_000);
showTheme();
document.fonts?.ready.then(() => charts?.redraw());
feed.start();
drawCharts(document.body);

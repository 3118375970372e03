"use strict";
// Keyboard, theme and focus; everything else is HTML and htmx.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-theme-toggle]");
  if (!button) return;
  const root = document.documentElement;
  root.dataset.bsTheme = root.dataset.bsTheme === "dark" ? "light" : "dark";
  button.setAttribute("aria-pressed", String(root.dataset.bsTheme === "dark"));
  try { localStorage.setItem("st-theme", root.dataset.bsTheme); } catch { /* not kept */ }
  document.dispatchEvent(new CustomEvent("st:theme"));
});

// The n-th candidate: its radio, or its tick where several departments work side by side.
function pick(number) {
  const box = document.querySelector(".st-cands");
  const line = box?.querySelectorAll(".st-cand")[number - 1];
  line?.querySelector(box.dataset.form === "parallel" ? "[name=assist]" : "[name=lead]")?.click();
}

// A department that is a candidate already is picked instead of being listed twice.
document.addEventListener("htmx:beforeRequest", (event) => {
  const code = event.detail.elt.dataset.add;
  const line = code && document.querySelector(`.st-cand[data-department="${CSS.escape(code)}"]`);
  if (!line) return;
  event.preventDefault();
  const single = line.closest(".st-cands").dataset.form === "single";
  line.querySelector(single ? "[name=lead]" : "[name=assist]").checked = true;
  line.scrollIntoView({ block: "nearest" });
});

const TYPED = "input:not([type=radio]):not([type=checkbox]), textarea, select";
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey && event.key === "Enter") {
    event.preventDefault(); // a link with the focus would be opened in a new tab
    const form = event.target.closest("form[data-send]") ?? document.querySelector("form[data-send]");
    form?.querySelector("button[type=submit].btn-primary")?.click(); // htmx sends a clicked button's value
    return;
  }
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest(TYPED)) return;
  if (/^[1-5]$/.test(event.key)) pick(Number(event.key));
  else if (event.key === "j" || event.key === "J") document.querySelector("[data-next]")?.click();
  else if (event.key === "/") { const box = document.querySelector(".st-search input"); if (box) { event.preventDefault(); box.focus(); } }
});

// Of the actions that are offered, the one whose form is open is marked.
document.addEventListener("click", (event) => {
  const offer = event.target.closest("[data-offer]");
  if (!offer) return;
  document.querySelectorAll("[data-offer].active").forEach((one) => one.classList.remove("active"));
  offer.classList.add("active");
});
function markOffer() {
  const form = document.querySelector("#act form");
  const about = form?.querySelector("[name=review_no], [name=reminder_no]")?.value;
  document.querySelectorAll("[data-offer]").forEach((one) => {
    const [path, subject] = one.getAttribute("href").split("?subject=");
    one.classList.toggle("active", path === form?.getAttribute("action") && subject === about);
  });
}

// A click outside closes the menu of the top bar; Escape does too.
document.addEventListener("click", (event) => {
  document.querySelectorAll("details.st-user-menu[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  document.querySelectorAll("details.st-user-menu[open]").forEach((menu) => {
    menu.open = false;
    menu.querySelector("summary")?.focus();
  });
});

// Which dispatch form is chosen decides which controls of a candidate count.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-form-choice]")) {
    const form = event.target.closest("form");
    form.querySelectorAll(".st-cands").forEach((box) => { box.dataset.form = event.target.value; });
  }
});

// A complaint about a field is over when the field is filled in.
document.addEventListener("input", (event) => {
  const field = event.target;
  if (!field.matches(".is-invalid")) return;
  document.getElementById(`wrong-${field.name}`)?.remove();
  field.classList.remove("is-invalid");
  field.removeAttribute("aria-invalid");
  field.removeAttribute("aria-describedby");
});

// A fragment that reads itself again keeps the focus where it was; htmx does so for ids only.
const held = new WeakMap(), NAMES = ["href", "data-test", "aria-labelledby"];
document.addEventListener("htmx:beforeSwap", (event) => {
  const box = event.detail.target, one = document.activeElement;
  const name = box.matches("[data-no-focus]") && box.contains(one) && NAMES.find((known) => one.hasAttribute(known));
  if (!name) return;
  const alike = `[${name}="${CSS.escape(one.getAttribute(name))}"]`;
  held.set(box, [alike, [...box.querySelectorAll(alike)].indexOf(one)]);
});
function giveBack(box) {
  const [alike, place] = held.get(box) ?? [];
  if (alike) box.querySelectorAll(alike)[place]?.focus({ preventScroll: true });
  held.delete(box);
}

// A complaint takes the focus, for keyboards and screen readers: in a fresh fragment, and in a page
// that answers a form which was sent before htmx had come.
function focusComplaint(fresh) {
  fresh?.querySelector("[data-focus], .is-invalid")?.focus();
}
focusComplaint(document.getElementById("main"));
// after settling, not after swapping: until then a field wears the classes of the one it replaces
document.addEventListener("htmx:afterSettle", (event) => {
  // what was swapped as a whole is gone; the event is at what came in its place
  const fresh = event.detail.target.isConnected ? event.detail.target : event.target;
  if (fresh.id === "offers") markOffer();
  if (fresh.matches("[data-no-focus]")) return giveBack(fresh);
  focusComplaint(fresh);
  // a form that was asked for is typed into next
  if (fresh.id === "act" && !fresh.contains(document.activeElement)) {
    fresh.querySelector("textarea, select, input:not([type=hidden]), button[type=submit]")?.focus();
  }
});
// "?done=accept" has said its piece; a reload should not say it again.
if (new URLSearchParams(location.search).has("done")) {
  const address = new URL(location.href);
  address.searchParams.delete("done");
  history.replaceState(null, "", address);
}

// The one script of the live pages. It keeps the token, fetches what pages show, and exchanges what has changed.
"use strict";
(() => {
  const KEY = "cordwainer-token";
  const STREAM = "/api/v1/events";
  const PACE = 1000;
  // The stream has a sign of life every 15 seconds: one that is silent for so long is dead, whatever the connection says.
  const SILENCE = 40_000;
  const policy = window.trustedTypes
    ? window.trustedTypes.createPolicy("cordwainer", { createHTML: (text) => text })
    : { createHTML: (text) => text };
  const page = document.getElementById("page");
  const said = document.getElementById("said");
  const connection = document.getElementById("connection");
  // What the server sent for each region, as it was before anybody opened or typed anything.
  const sent = new Map();
  let shown = null;
  let loading = null;

  // The token: it comes in the fragment, which no request carries, and does not stay in the address.
  // A browser may keep nothing: then the tab remembers it for itself.
  let remembered = "";
  function token() {
    try {
      return localStorage.getItem(KEY) ?? remembered;
    } catch {
      return remembered;
    }
  }
  function keepToken(text) {
    remembered = text;
    try {
      localStorage.setItem(KEY, text);
    } catch {
      // It is asked for again in the next tab.
    }
  }
  function takeToken() {
    if (!location.hash.startsWith("#token=")) return;
    const found = /^#token=([0-9a-f]{64})$/.exec(location.hash);
    if (found) keepToken(found[1]);
    history.replaceState(history.state, "", location.pathname + location.search);
  }
  function request(path, options = {}) {
    const headers = { ...options.headers, Authorization: `Bearer ${token()}` };
    return fetch(path, { cache: "no-store", credentials: "omit", redirect: "error", ...options, headers });
  }

  function say(sentence) {
    if (sentence && said.textContent !== sentence) said.textContent = sentence;
  }
  function element(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }
  function heading(text) {
    return element("h1", { textContent: text, tabIndex: -1 });
  }
  function showWhole(title, ...children) {
    sent.clear();
    shown = null;
    page.replaceChildren(...children);
    document.title = `${title} · cordwainer`;
    page.querySelector("h1").focus();
  }

  // Without the token: what to do about that, and nothing else.
  function showTokenForm(why) {
    const input = element("input", { id: "token", name: "token", type: "password", autocomplete: "off", required: true });
    const form = element(
      "form",
      { className: "form" },
      element("label", { htmlFor: "token", textContent: "Token" }),
      input,
      element("button", { type: "submit", textContent: "Show the page" }),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const found = /([0-9a-f]{64})\s*$/.exec(input.value);
      keepToken(found ? found[1] : input.value.trim());
      wake();
      visit(location.href, false);
    });
    const command = element("code", { textContent: "cordwainer serve" });
    showWhole(
      "Token",
      heading("This page needs its token"),
      element("p", {}, why),
      element("p", {}, "Open the address that ", command, " printed, or paste it, or the token at its end, here:"),
      form,
    );
    input.focus();
  }
  function showProblem(title, problem) {
    const hint = problem.hint ? [element("p", { textContent: `Hint: ${problem.hint}.` })] : [];
    const causes = (problem.causes ?? []).map((cause) => element("p", { textContent: cause }));
    showWhole(title, heading(title), element("p", { className: "bad", textContent: `${problem.error}.` }), ...causes, ...hint);
  }
  async function problemOf(answer) {
    try {
      return await answer.json();
    } catch {
      return { error: `the server answered with ${answer.status}` };
    }
  }

  // Fetches what a page shows; null where something else was shown instead.
  async function content(path, signal) {
    const answer = await request(path, { signal });
    if (answer.ok) return answer.json();
    const problem = await problemOf(answer);
    if (answer.status === 401) {
      showTokenForm(token() ? "The token is wrong: the server may have been started again since." : "No token is known here.");
    } else {
      showProblem(answer.status === 404 ? "Not found" : "This page cannot be shown", problem);
    }
    return null;
  }
  function parsed(html) {
    return new DOMParser().parseFromString(policy.createHTML(html), "text/html").body;
  }
  function remember(regions) {
    sent.clear();
    for (const region of regions) sent.set(region.id, region.outerHTML);
  }

  // What came of the last action stands beside its form, also in one that took its place. Where there is none any more, it
  // stands where that was. Whether an action is under way outlasts its form, too, so that it is not posted twice.
  let noted = null;
  const posting = new Set();
  function formOf(action) {
    return page.querySelector(`form[data-post="${CSS.escape(action)}"]`);
  }
  function showNotes() {
    page.querySelector("#notice")?.remove();
    for (const form of page.querySelectorAll("form[data-post]")) {
      const own = noted?.action === form.dataset.post ? noted : { text: "", className: "" };
      Object.assign(form.querySelector("[data-note]"), { textContent: own.text, className: own.className });
      for (const button of form.querySelectorAll("button")) {
        if (posting.has(form.dataset.post)) button.setAttribute("aria-disabled", "true");
        else button.removeAttribute("aria-disabled");
      }
    }
    if (!noted || formOf(noted.action)) return;
    // Not beside the regions: these are exchanged by their order.
    const head = document.getElementById(noted.region)?.querySelector("h2") ?? page.querySelector("h2");
    head?.after(element("p", { id: "notice", textContent: noted.text, className: noted.className }));
  }

  // Shows another page: the focus goes to its heading, and back and forward go on working.
  async function visit(href, isNew) {
    loading?.abort();
    const mine = (loading = new AbortController());
    const url = new URL(href, location.href);
    if (isNew) {
      history.replaceState({ scroll: scrollY }, "");
      history.pushState(null, "", url);
    }
    try {
      const found = await content(url.pathname + url.search, mine.signal);
      if (!found || mine.signal.aborted) return;
      const body = parsed(found.html);
      remember(body.children);
      page.replaceChildren(...body.children);
      noted = null;
      showNotes();
      shown = found;
      document.title = `${found.title} · cordwainer`;
      const target = url.hash.length > 1 ? document.getElementById(decodeURIComponent(url.hash.slice(1))) : null;
      (target ?? page.querySelector("h1") ?? page).focus({ preventScroll: true });
      if (target) target.scrollIntoView();
      else scrollTo(0, history.state?.scroll ?? 0);
      say(found.said);
    } catch (error) {
      if (error.name !== "AbortError") showProblem("The server does not answer", { error: "it may have ended" });
    } finally {
      if (loading === mine) {
        loading = null;
        if (isStale) refresh();
      }
    }
  }

  // What a person has opened, typed, loaded and focused in a region goes over into what takes its place.
  function keep(old, fresh) {
    const each = (selector, take) => {
      for (const one of old.querySelectorAll(selector)) {
        const next = fresh.querySelector(`#${CSS.escape(one.id)}`);
        if (next) take(one, next);
      }
    };
    each("details[id]", (one, next) => {
      next.open = one.open;
    });
    each("input[type=checkbox][id]", (one, next) => {
      next.checked = one.checked;
    });
    each("input:not([type=checkbox])[id], textarea[id]", (one, next) => {
      if (one.value !== one.defaultValue) next.value = one.value;
      // A person may have made it larger.
      Object.assign(next.style, { width: one.style.width, height: one.style.height });
    });
    each("select[id]", (one, next) => {
      if ([...next.options].some((option) => option.value === one.value)) next.value = one.value;
    });
    each("[data-loaded][id]", (one, next) => next.replaceWith(one));
  }
  // Whoever selects a text, or puts a letter together from several keys, would lose that.
  let isComposing = false;
  document.addEventListener("compositionstart", () => (isComposing = true));
  document.addEventListener("compositionend", () => (isComposing = false));
  function mustStay(region) {
    const selection = getSelection();
    const isSelected = selection && !selection.isCollapsed && selection.containsNode(region, true);
    return isSelected || (isComposing && region.contains(document.activeElement));
  }
  // Exchanges the regions that differ; returns whether one of them had to wait.
  function exchange(html) {
    const focused = document.activeElement;
    const focus = page.contains(focused) && focused.id;
    const { selectionStart, selectionEnd, selectionDirection, scrollTop } = focused ?? {};
    const top = scrollY;
    const known = new Map([...page.children].map((region) => [region.id, region]));
    let waits = false;
    const regions = [...parsed(html).children].map((fresh) => {
      const old = known.get(fresh.id);
      const text = fresh.outerHTML;
      if (old && sent.get(fresh.id) === text) return old;
      if (old && mustStay(old)) {
        waits = true;
        return old;
      }
      if (old) keep(old, fresh);
      sent.set(fresh.id, text);
      return fresh;
    });
    const isSame = regions.length === page.children.length && regions.every((region, index) => region === page.children[index]);
    if (isSame) return waits;
    const isInPlace = regions.length === page.children.length && regions.every((region, index) => region.id === page.children[index].id);
    if (isInPlace) {
      regions.forEach((region, index) => {
        if (region !== page.children[index]) page.children[index].replaceWith(region);
      });
    } else {
      page.replaceChildren(...regions);
    }
    showNotes();
    // What had the focus may be gone: then the heading has it, and not the beginning of the whole page.
    const next = focus ? (document.getElementById(focus) ?? page.querySelector("h1")) : null;
    if (next && next !== document.activeElement) {
      next.focus({ preventScroll: true });
      if (next.id === focus && Number.isInteger(selectionStart)) {
        next.setSelectionRange(selectionStart, selectionEnd, selectionDirection);
        next.scrollTop = scrollTop;
      }
    }
    if (scrollY !== top) scrollTo(scrollX, top);
    return waits;
  }

  // Fetches the page again when what it shows has grown: at most once a second, and the newest wins.
  // There is one request at a time: an answer that took long must not come after one that is newer.
  let isStale = false;
  let isFetching = false;
  let pause = null;
  function later() {
    pause ??= setTimeout(() => {
      pause = null;
      if (isStale) refresh();
    }, PACE);
  }
  async function refresh() {
    isStale = true;
    if (pause !== null || isFetching || document.hidden || !shown || loading) return;
    isStale = false;
    isFetching = true;
    later();
    const before = shown;
    try {
      const answer = await request(location.pathname + location.search);
      if (answer.status === 401) return void showTokenForm("The token is wrong: the server may have been started again since.");
      if (!answer.ok) throw new Error(`${answer.status}`);
      const found = await answer.json();
      if (shown !== before || loading) return;
      if (found.html !== shown.html && exchange(found.html)) isStale = true;
      document.title = `${found.title} · cordwainer`;
      shown = isStale ? { ...found, html: "" } : found;
      say(found.said);
    } catch {
      isStale = true;
    } finally {
      isFetching = false;
      if (isStale) later();
    }
  }
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && isStale) refresh();
  });

  // The stream: one for all tabs of this browser. The tab that has the lock reads it, and tells the others.
  function grown(text) {
    let told;
    try {
      told = JSON.parse(text);
    } catch {
      return;
    }
    const own = shown?.repository;
    if (told.all || !own || told.repositories.some((one) => one.repository === own)) refresh();
  }
  function connected(isConnected) {
    const text = isConnected ? "Live" : "Not connected: trying again";
    if (connection.textContent === text) return;
    connection.textContent = text;
    document.documentElement.dataset.connected = isConnected;
  }
  function hear(message) {
    if ("connected" in message) connected(message.connected);
    if ("data" in message) grown(message.data);
  }
  const channel = new BroadcastChannel("cordwainer");
  channel.addEventListener("message", (event) => {
    // A tab that is new asks how it stands; whoever reads the stream says it.
    if (event.data.asks) {
      if (reads) channel.postMessage({ connected: isOpen });
      return;
    }
    hear(event.data);
  });
  let reads = false;
  let isOpen = false;
  // Ends the pause before the stream is read again.
  let wake = () => {};
  function tell(message) {
    if ("connected" in message) isOpen = message.connected;
    hear(message);
    channel.postMessage(message);
  }
  async function readStream() {
    const silent = new AbortController();
    let silence = null;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => silent.abort(), SILENCE);
    };
    heard();
    try {
      await readUntil(silent.signal, heard);
    } finally {
      clearTimeout(silence);
    }
  }
  async function readUntil(signal, heard) {
    const answer = await request(STREAM, { headers: { Accept: "text/event-stream" }, signal });
    if (!answer.ok) throw new Error(`${answer.status}`);
    tell({ connected: true });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      for (const part of parts) {
        const lines = part.split("\n").filter((line) => line.startsWith("data: "));
        if (lines.length) tell({ data: lines.map((line) => line.slice(6)).join("\n") });
      }
    }
  }
  async function stream() {
    reads = true;
    for (let wait = PACE; ; wait = Math.min(2 * wait, 10 * PACE)) {
      try {
        if (token()) {
          await readStream();
          wait = PACE / 2;
        }
      } catch {
        // It is tried again, and what was missed is told first then.
      }
      tell({ connected: false });
      await new Promise((resolve) => {
        wake = resolve;
        setTimeout(resolve, wait);
      });
    }
  }
  function follow() {
    if (!navigator.locks) return void stream();
    navigator.locks.request("cordwainer-stream", stream);
    channel.postMessage({ asks: true });
  }

  // Links and forms: pages are fetched, and actions are requests of the API.
  document.addEventListener("click", (event) => {
    const more = event.target.closest("button[data-more]");
    if (more) return void load(more);
    const link = event.target.closest("a[href]");
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!link || !isPlain || event.defaultPrevented || link.target || link.hasAttribute("download")) return;
    const url = new URL(link.href, location.href);
    const isHere = url.pathname === location.pathname && url.search === location.search && url.hash;
    if (url.origin !== location.origin || isHere) return;
    event.preventDefault();
    visit(url.href, true);
  });
  addEventListener("popstate", () => visit(location.href, false));

  function bodyOf(form) {
    const body = {};
    for (const field of form.elements) {
      if (!field.name) continue;
      if (field.type === "checkbox") {
        if (field.checked) body[field.name] = true;
      } else if (field.dataset.list !== undefined) {
        (body[field.name] ??= []).push(field.value);
      } else if (field.value !== "" || field.required) {
        body[field.name] = field.value;
      }
    }
    return body;
  }
  async function post(form) {
    const { post: action, doing, done } = form.dataset;
    const region = form.closest("#page > *").id;
    const here = location.pathname + location.search;
    const body = JSON.stringify(bodyOf(form));
    noted = null;
    posting.add(action);
    showNotes();
    say(doing);
    let came = { text: done, className: "good" };
    try {
      const headers = { "Content-Type": "application/json" };
      const answer = await request(action, { method: "POST", headers, body });
      if (answer.ok) {
        // What was typed since is not what was posted.
        const now = formOf(action);
        if (now && JSON.stringify(bodyOf(now)) === body) now.reset();
      } else {
        const problem = await problemOf(answer);
        const text = [problem.error, ...(problem.causes ?? [])].join(": ") + (problem.hint ? ` (${problem.hint})` : "");
        came = { text, className: "bad" };
      }
    } catch {
      came = { text: "The server does not answer.", className: "bad" };
    }
    posting.delete(action);
    if (location.pathname + location.search === here) noted = { action, region, ...came };
    showNotes();
    say(came.text);
    refresh();
  }
  document.addEventListener("submit", (event) => {
    // The form for the token sees to itself: what is typed there must not become a part of the address.
    if (event.defaultPrevented) return;
    const form = event.target;
    if (form.dataset.post) {
      event.preventDefault();
      if (!posting.has(form.dataset.post)) post(form);
    } else if (form.method === "get") {
      event.preventDefault();
      const url = new URL(form.getAttribute("action") ?? location.pathname, location.href);
      for (const [name, value] of new FormData(form)) if (value !== "") url.searchParams.append(name, value);
      visit(url.href, true);
    }
  });
  // The next part of a transcript, as text; the first one when it is opened. One that has failed can be tried again.
  const partsLoading = new Set();
  async function load(button) {
    const { more: key, url: address } = button.dataset;
    if (partsLoading.has(key)) return;
    partsLoading.add(key);
    // The page may exchange it meanwhile.
    const target = () => document.getElementById(key);
    const show = (problem) => {
      const place = target()?.querySelector("[data-problem]");
      if (place) place.textContent = problem;
      say(problem);
    };
    show("");
    try {
      const url = new URL(address, location.href);
      url.searchParams.set("after", target().dataset.next ?? "0");
      const answer = await request(url.pathname + url.search);
      if (!answer.ok) return show(`${(await problemOf(answer)).error}.`);
      const part = await answer.json();
      const place = target();
      if (!place) return;
      place.dataset.loaded = "";
      place.querySelector("pre").append(part.lines.map((line) => `${line}\n`).join(""));
      if (part.next === null) place.querySelector("button[data-more]").remove();
      else place.dataset.next = part.next;
      say(`${part.lines.length} lines more.`);
    } catch {
      show("The server does not answer.");
    } finally {
      partsLoading.delete(key);
    }
  }
  // It does not bubble.
  const opened = ({ target }) => {
    const more = target.open && target.querySelector("button[data-more]");
    if (more && !more.closest("[data-loaded]")) load(more);
  };
  document.addEventListener("toggle", opened, true);

  addEventListener("hashchange", () => {
    const before = token();
    takeToken();
    if (token() === before) return;
    wake();
    visit(location.href, false);
  });
  // Another tab was given the token.
  addEventListener("storage", (event) => {
    if (event.key !== KEY) return;
    wake();
    if (!shown) visit(location.href, false);
  });
  takeToken();
  visit(location.href, false);
  follow();
})();

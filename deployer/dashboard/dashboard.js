// The dashboard: states come as server-sent events (deployer/render/dashboard.py makes them), and are
// laid out. Everything from the server is written as text, never as markup.
"use strict";
(() => {
  const NEWLY_S = 12, STALE_S = 150, REDRAW_S = 15, HIDDEN_S = 30;
  const places = new Map(), answers = new Map(), told = new Map(), charts = new Map();
  const main = document.getElementById("main"), line = document.getElementById("line");
  const ASKS = {
    approve: ["Approve", "The deployment goes on, as approved.", "first"],
    promote: ["Promote", "The step in execution counts as done, whatever its verdict would have been, and the next one begins.", "plain"],
    "promote --full": ["Promote to 100 %", "Every share on the way is left out: the release gets all of the traffic next.", "typed"],
    pause: ["Pause", "", "direct"],
    resume: ["Resume", "", "direct"],
    abort: ["Abort", "All traffic goes back to the release before. This cannot be taken back.", "back"],
    "abort --force": ["Abort by force", "The release is marked rollback-safe: false, and users reach it. It goes back all the same. This cannot be taken back.", "back typed"],
  };
  const FLEET_ASKS = {
    ...ASKS,
    promote: ["End the bake", "The wave has baked for long enough, and the next wave begins.", "plain"],
    abort: ["Abort", "Nothing more begins, and what is under way goes back. This cannot be taken back.", "back"],
  };
  const FORWARD = ["approve", "promote", "promote --full"]; // what a freeze wants a reason for
  const MARKS = { done: ["✓", "done"], now: ["▶", "now"], failed: ["✗", "failed"], left: ["–", "left out"], ahead: ["·", "still to come"] };

  // --- elements --------------------------------------------------------------------------------
  function make(name, attributes = {}, ...children) {
    const made = name === "svg" || name === "rect" ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) if (value !== null && value !== false) made.setAttribute(key, value);
    made.append(...children.filter((each) => each !== null && each !== undefined));
    return made;
  }

  // `like` becomes what `fresh` is, in place: the focus, the selection and open details stay.
  function morph(like, fresh) {
    if (like.nodeType !== fresh.nodeType || like.nodeName !== fresh.nodeName || like.dataset?.key !== fresh.dataset?.key) { like.replaceWith(fresh); return; }
    if (like.nodeType === Node.TEXT_NODE) { if (like.data !== fresh.data) like.data = fresh.data; return; }
    for (const { name } of [...like.attributes]) if (!fresh.hasAttribute(name) && !(name === "open" && like.nodeName === "DETAILS")) like.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (like.getAttribute(name) !== value) like.setAttribute(name, value);
    if (like.dataset.own !== undefined) return;
    const wanted = [...fresh.childNodes], keys = new Set(wanted.map(keyOf));
    wanted.forEach((each, n) => {
      const key = keyOf(each), known = key && [...like.childNodes].slice(n).some((one) => keyOf(one) === key);
      while (known && keyOf(like.childNodes[n]) !== key) like.childNodes[n].remove();
      const now = like.childNodes[n];
      if (!now) like.append(each);
      else if (keyOf(now) !== key && keys.has(keyOf(now)) && keyOf(now)) now.before(each);
      else morph(now, each);
    });
    while (like.childNodes.length > wanted.length) like.lastChild.remove();
  }
  const keyOf = (node) => node?.dataset?.key;

  // `commands` are set as code, as they must be typed for this environment.
  function words(text, name) {
    const flag = name?.startsWith("environment/") ? `--env ${name.slice("environment/".length)} ` : "";
    return (text ?? "").split(/(`[^`]+`)/).filter(Boolean).map((part) => part.startsWith("`")
      ? make("code", {}, part.slice(1, -1).replace(/^deployer (?!lab\b|--)/, `deployer ${flag}`)) : part);
  }

  const called = (name) => (name === "fleet" ? "fleet" : name.slice("environment/".length));
  const stamp = (at) => make("time", { datetime: new Date(at * 1e3).toISOString() }, new Date(at * 1e3).toLocaleTimeString("en-GB"));
  const full = (at) => `${new Date(at * 1e3).toLocaleDateString("sv")} ${new Date(at * 1e3).toLocaleTimeString("en-GB")}`;

  // --- one environment, one fleet --------------------------------------------------------------
  function slotRow(slot) {
    const share = slot.weight ?? 0;
    return make("tr", { class: slot.name },
      make("th", { scope: "row", class: "name" }, slot.name, slot.role ? make("span", { class: "dim" }, ` ${slot.role}`) : null),
      make("td", {}, slot.release),
      make("td", { class: "share" }, make("svg", { class: "bar", "aria-hidden": "true", preserveAspectRatio: "none", viewBox: "0 0 100 6" }, make("rect", { width: share, height: 6 }))),
      make("td", { class: "number" }, slot.weight === null ? "–" : `${slot.weight} %`),
      make("td", { class: slot.short ? "short" : "" }, slot.health));
  }

  function slotTable(place) {
    if (!place.slots?.length) return null;
    const heads = ["slot", "release", "traffic", "percent", "instances"];
    return make("div", { class: "scroll" }, make("table", { class: "slots" }, make("caption", { class: "unseen" }, `Slots of ${called(place.name)}`),
      make("thead", { class: "unseen" }, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, ...place.slots.map(slotRow))));
  }

  function buttons(place) {
    const asks = place.name === "fleet" ? FLEET_ASKS : ASKS;
    const offered = Object.keys(asks).filter((ask) => place.asks?.includes(ask));
    if (!offered.length) return null;
    const answer = answers.get(place.name);
    return make("div", { class: "asks", role: "group", "aria-label": `Ask ${called(place.name)}` }, ...offered.map((ask) => make("button", {
      type: "button", class: asks[ask][2], "data-ask": ask, "data-of": place.name, "data-key": `${place.name} ${ask}`, disabled: answer?.going ? "" : null,
    }, asks[ask][0], make("span", { class: "unseen" }, ` ${called(place.name)}`))));
  }

  function answerLine(place) {
    const answer = answers.get(place.name);
    if (!answer || (!answer.going && Date.now() - answer.at > NEWLY_S * 1e3)) return null;
    return make("p", { class: answer.bad ? "answer bad" : "answer" }, ...words(answer.words, place.name));
  }

  function readLine(place) {
    if (place.unread) return make("p", { class: "warning" }, "Cannot be read now: ", ...words(place.unread.why, place.name), place.read_at ? `. Shown is what was known before.` : "");
    return place.read_at ? make("p", { class: "dim read", "data-at": place.read_at }, ago(place.read_at)) : null;
  }

  const ago = (at) => {
    const s = Math.max(0, Math.round(Date.now() / 1e3 - at));
    return `read ${s < 5 ? "just now" : s < 120 ? `${s} s ago` : `${Math.floor(s / 60)} min ago`}`;
  };

  function progress(record) {
    if (!record?.goal) return null;
    return make("p", {}, make("b", {}, record.position), `: ${record.goal}`, record.left ? make("span", { class: "dim" }, `, ${record.left}`) : null,
      record.expected_end ? make("span", { class: "dim" }, "; the whole is expected to end at ", stamp(record.expected_end), " without pauses") : null);
  }

  function card(place, deep) {
    const name = called(place.name), heading = deep ? name : make("a", { href: `#/${place.name}` }, name);
    const notes = place.notes ?? [];
    return make("article", { class: deep ? "card deep" : "card", "data-tone": place.unread ? "bad" : place.tone ?? "calm", "data-key": place.name, "aria-label": name },
      make("h2", {}, heading, place.service ? make("span", { class: "dim" }, ` ${place.service}`) : null),
      make("p", { class: "state" }, place.state ?? "not read yet"),
      place.serves ? make("p", {}, `serves ${place.serves}`, place.url && deep ? make("span", { class: "dim" }, ` ${place.url}`) : null) : null,
      slotTable(place), progress(place.record), waves(place),
      place.record?.reason && !place.record.goal ? make("p", {}, ...words(place.record.reason, place.name)) : null,
      notes.length ? make("ul", { class: "notes" }, ...notes.map((note) => make("li", {}, ...words(note, place.name)))) : null,
      place.next ? make("p", {}, make("b", {}, "Next: "), ...words(place.next, place.name)) : null,
      place.reason ? make("p", { class: "warning" }, place.reason) : null,
      buttons(place), answerLine(place), readLine(place));
  }

  function waves(place) {
    if (!place.waves?.length) return null;
    return make("ol", { class: "waves" }, ...place.waves.map((wave) => make("li", {}, make("ul", { class: "steps" }, ...wave.members.map((member) =>
      make("li", { class: member.mark }, mark(member.mark), "", make("span", {},
        make("a", { href: `#/environment/${member.environment}` }, member.environment), ` ${member.words}`,
        member.reason ? make("span", { class: "note" }, member.reason) : null)))))));
  }

  const mark = (name) => make("span", { class: "mark" }, make("span", { "aria-hidden": "true" }, MARKS[name][0]), make("span", { class: "unseen" }, `${MARKS[name][1]}: `));

  // What may be long scrolls by itself, by keyboard too.
  const within = (label, inner) => make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, inner);

  function plan(record) {
    const items = record.steps.map((step) => make("li", { class: step.mark, "aria-current": step.mark === "now" ? "step" : null }, mark(step.mark),
      make("span", { class: "dim" }, String(step.number)), make("span", {}, step.goal, step.note ? make("span", { class: "note" }, step.note) : null)));
    return make("section", {}, make("h3", {}, record.way_back ? "The way back" : "Plan"), within("Plan", make("ol", { class: "steps" }, ...items)),
      record.hidden ? make("p", { class: "dim" }, `and ${record.hidden} steps more`) : null);
  }

  function events(record) {
    const items = record.events.map((event) => make("li", { class: event.kind }, stamp(event.at), make("span", {}, ...words(event.words))));
    return make("section", {}, make("h3", {}, "What happened, newest first"), within("What happened", make("ul", { class: "events" }, ...items)));
  }

  function acts(record) {
    if (!record.acts?.length) return null;
    const rows = record.acts.map((act) => make("tr", {}, make("th", { scope: "row" }, stamp(act.at)), make("td", {}, act.who), make("td", {}, ...words(act.words)), make("td", { class: "dim" }, act.from)));
    return make("section", {}, make("h3", {}, "Who did what"), within("Who did what", make("table", {},
      make("caption", { class: "unseen" }, "Who did what, from where"),
      make("thead", {}, make("tr", {}, ...["when", "who", "what", "from"].map((head) => make("th", { scope: "col" }, head)))), make("tbody", {}, ...rows))));
  }

  function inDepth(place) {
    const { record } = place, back = make("p", {}, make("a", { href: "#/" }, "← All environments"));
    if (!record) return [back, card(place, true)];
    return [back, card(place, true),
      make("section", {}, make("h2", {}, record.title),
        make("p", {}, record.outcome),
        make("p", { class: "dim" }, `${record.id}, by ${record.by}, begun ${full(record.started_at)}${record.finished_at ? `, ended ${full(record.finished_at)}` : ""}`)),
      make("div", { class: "depth" }, plan(record), events(record)),
      make("p", { class: "missing warning", role: "status", "data-own": "", "data-key": `missing ${record.id}` }),
      make("div", { class: "charts", "data-own": "", "data-key": `charts ${record.id}` }), acts(record)].filter(Boolean);
  }

  // --- the page --------------------------------------------------------------------------------
  const chosen = () => (location.hash.startsWith("#/") ? decodeURIComponent(location.hash.slice(2)) : shown);
  let shown = "";

  function overview() {
    const all = [...places.values()].sort((one, other) => one.order - other.order), fleet = places.get("fleet"), rest = all.filter((place) => place !== fleet);
    const need = all.filter((place) => place.unread || ["bad", "wait"].includes(place.tone)).length;
    const going = all.filter((place) => place.tone === "busy").length;
    const summary = `${rest.length} environment${rest.length === 1 ? "" : "s"}, ${going} in progress, ${need} to look at`;
    return [make("p", { class: "dim" }, all.length ? summary : "Reading …"), fleet ? card(fleet, false) : "",
      make("ul", { class: "places" }, ...rest.map((place) => make("li", { "data-key": place.name }, card(place, false))))];
  }

  function draw() {
    const name = chosen(), place = places.get(name), moved = name !== shown, held = document.activeElement?.dataset.of;
    shown = name;
    const view = make("main", { id: "main", tabindex: "-1" }, ...(place ? inDepth(place) : overview()));
    morph(main, view);
    document.title = place ? `${called(name)}: ${place.state ?? "not read yet"} – deployer` : "deployer";
    figures(place);
    if (held && document.activeElement === document.body) (main.querySelector(`button[data-of="${held}"]:not([disabled])`) ?? main).focus({ preventScroll: true });
    if (moved && started) { main.focus({ preventScroll: true }); scrollTo(0, 0); }
  }

  // Charts are asked for, since reading them costs more than a state: when a step is new, else now and then.
  let drawn = { about: "", at: 0 };
  async function figures(place) {
    const record = place?.record, box = main.querySelector(".charts");
    if (!record || !box) return;
    const about = `${place.name} ${record.id} ${record.step} ${record.tone}`;
    if (drawn.about === about && Date.now() - drawn.at < REDRAW_S * 1e3 && box.childElementCount) return;
    drawn = { about, at: Date.now() };
    try {
      const answer = await fetch(`/figures?of=${encodeURIComponent(place.name)}`), told = await answer.json();
      if (main.querySelector(".charts") !== box || !answer.ok) return;
      show(box, told.figures);
      const missing = main.querySelector(".missing");
      if (missing) missing.textContent = told.unknown ? `What both slots served is not shown: ${told.unknown}` : "";
    } catch {
      // The line to the server says that it is lost.
    }
  }

  function show(box, found) {
    const names = found.filter((figure) => figure.times.length).map((figure) => figure.name);
    for (const name of [...charts.keys()]) if (!names.includes(name) || !charts.get(name).element.isConnected) { charts.get(name).element.remove(); charts.delete(name); }
    for (const figure of found.filter((each) => each.times.length)) {
      const known = charts.get(figure.name);
      if (known) { known.chart.update(figure); continue; }
      const element = make("figure", { class: "chart", id: `figure-${figure.name}` });
      box.append(element);
      charts.set(figure.name, { element, chart: Charts.plot(element, figure) });
    }
  }

  // Said aloud when it changes: not the seconds, the state.
  function announce(place) {
    const state = place.unread ? "cannot be read" : place.state, before = told.get(place.name);
    told.set(place.name, state);
    if (before === undefined || before === state) return;
    const loud = place.unread || place.tone === "bad" || /approval/.test(state);
    document.getElementById(loud ? "alarm" : "said").textContent = `${called(place.name)}: ${state}`;
  }

  // --- asking ----------------------------------------------------------------------------------
  const dialog = document.getElementById("asking"), part = (name) => document.getElementById(`asking-${name}`);

  function confirmed(place, ask, [label, what, how]) {
    const typed = how.includes("typed"), name = called(place.name), record = place.record;
    const frozen = place.frozen && FORWARD.includes(ask);
    part("frozen").hidden = !frozen;
    part("frozen-what").textContent = frozen ? `A freeze is on: ${place.frozen}.` : "";
    part("why").value = "";
    part("title").textContent = `${label}: ${record?.title ?? place.title} in ${name}?`;
    part("what").textContent = what;
    part("about").textContent = `${record?.id ?? place.id}, ${record ? `${record.position}: ${record.goal ?? ""}` : place.state}`;
    part("yes").textContent = label;
    part("yes").className = how;
    part("typed").hidden = !typed;
    part("typed").querySelector("label").textContent = `Type ${name} to go on`;
    part("name").value = "";
    const check = () => { part("yes").disabled = (typed && part("name").value !== name) || (frozen && !part("why").value.trim()); };
    part("name").oninput = part("why").oninput = check;
    check();
    dialog.returnValue = "no";
    dialog.showModal();
    (frozen ? part("why") : typed ? part("name") : part("no")).focus();
    return new Promise((done) => { dialog.onclose = () => done(dialog.returnValue === "yes" && !part("yes").disabled); });
  }

  async function ask(of, wish) {
    const place = places.get(of), how = (of === "fleet" ? FLEET_ASKS : ASKS)[wish];
    const seen = { of, ask: wish, id: place.record?.id ?? place.id, step: place.record?.step ?? place.step };
    if (how[2] !== "direct") {
      if (!(await confirmed(place, wish, how))) return;
      seen.why = part("why").value.trim();
    }
    answers.set(of, { words: `Asking: ${how[0]} …`, going: true, at: Date.now() });
    draw();
    const [good, said] = await send(seen);
    answers.set(of, { words: said, bad: !good, at: Date.now() });
    document.getElementById(good ? "said" : "alarm").textContent = `${called(of)}: ${said.replaceAll("`", "")}`;
    draw();
  }

  async function send(wish) {
    try {
      const answer = await fetch("/ask", { method: "POST", headers: { "Content-Type": "application/json", "X-Deployer-Key": key() }, body: JSON.stringify(wish) });
      const { words: good, why } = await answer.json();
      return [answer.ok, good ?? why];
    } catch {
      return [false, "no answer from `deployer dashboard`: it may have been asked, or not. What comes of it is shown here"];
    }
  }

  main.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-ask]");
    if (button) ask(button.dataset.of, button.dataset.ask);
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && [part("name"), part("why")].includes(event.target)) { event.preventDefault(); if (!part("yes").disabled) dialog.close("yes"); }
  });
  addEventListener("keydown", (event) => { if (event.key === "Escape" && !dialog.open && shown) location.hash = "#/"; });
  addEventListener("hashchange", () => { if (location.hash.startsWith("#token=")) begin(); else draw(); });

  // --- the line to the server ------------------------------------------------------------------
  let started = false, source = null, lost = null, resting = false;
  const KEY = "deployer-key", key = () => localStorage.getItem(KEY) ?? "";

  function say(state, text) {
    line.dataset.state = state;
    if (line.textContent !== text) line.textContent = text;
  }

  async function admitted() {
    const token = new URLSearchParams(location.hash.slice(1)).get("token");
    if (token === null) return true;
    history.replaceState(null, "", "#/");
    const answer = await fetch("/session", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token }) });
    const told = await answer.json();
    if (answer.ok) localStorage.setItem(KEY, told.key);
    else ended(told.why);
    return answer.ok;
  }

  function ended(why) {
    source?.close();
    say("lost", why ?? "This page is not connected any more: open the link that the newest deployer dashboard has printed.");
  }

  function listen() {
    source = new EventSource("/events");
    source.onopen = () => { lost = null; say("live", "Live"); };
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) { ended(); return; }
      lost ??= Date.now();
      say("lost", `Connection lost at ${new Date(lost).toLocaleTimeString("en-GB")}: trying again. Shown is what was known then.`);
    };
    const hear = (event) => {
      const place = JSON.parse(event.data);
      places.set(place.name, place);
      announce(place);
      draw();
    };
    source.addEventListener("environment", hear);
    source.addEventListener("fleet", hear);
  }

  // Browsers allow six connections to a server, and a page that nobody sees has no need of one.
  let rest = null;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(rest);
    if (document.visibilityState === "hidden") rest = setTimeout(() => { if (source?.readyState !== EventSource.CLOSED) { source?.close(); resting = true; } }, HIDDEN_S * 1e3);
    else if (resting) { resting = false; listen(); }
  });

  function tick() {
    for (const each of main.querySelectorAll(".read[data-at]")) {
      const text = ago(Number(each.dataset.at));
      if (each.textContent !== text) each.textContent = text;
      each.classList.toggle("warning", Date.now() / 1e3 - each.dataset.at > STALE_S);
    }
    for (const [name, answer] of answers) if (!answer.going && Date.now() - answer.at > NEWLY_S * 1e3) { answers.delete(name); draw(); }
  }

  async function begin() {
    try {
      if (!(await admitted())) return;
    } catch {
      ended("No answer from deployer dashboard: is it still running?");
      return;
    }
    source?.close();
    draw();
    started = true;
    listen();
  }

  setInterval(tick, 1000);
  begin();
})();

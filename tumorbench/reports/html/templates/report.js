"use strict";
// The page without its plots is complete; this draws them, filters, sorts, and changes between light and dark.
(() => {
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const drawn = new Map(); // plot -> its Vega view

  // ---- light and dark
  const system = matchMedia("(prefers-color-scheme: dark)");
  const button = document.getElementById("theme");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const remembered = () => { try { return localStorage.getItem("tumorbench-theme"); } catch { return null; } };
  const remember = (theme) => { try { localStorage.setItem("tumorbench-theme", theme); } catch { /* not allowed: forgotten */ } };

  function themed() {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Change to ${isDark() ? "light" : "dark"} colours`);
    [...drawn.keys()].forEach(draw);
  }

  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    remember(root.dataset.theme);
    themed();
  });
  system.addEventListener("change", themed);

  // ---- plots
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  function config() {
    const ink = colour("--ink"), muted = colour("--muted"), line = colour("--line");
    const text = { labelColor: ink, titleColor: ink, labelFontSize: 12, titleFontSize: 12, titleFontWeight: 600 };
    const ramp = [colour("--empty"), colour("--full")];
    return {
      background: "transparent",
      font: "system-ui, sans-serif",
      axis: { ...text, gridColor: line, domainColor: muted, tickColor: muted, labelLimit: innerWidth < 600 ? 110 : 210 },
      legend: { ...text, labelLimit: 240 },
      mark: { color: colour("--series-3") },
      rule: { color: colour("--series-3") },
      text: { fill: ink },
      view: { stroke: null },
      range: { category: Array.from({ length: 8 }, (_, n) => colour(`--series-${n + 1}`)), ramp, heatmap: ramp },
    };
  }

  async function draw(plot) {
    const spec = JSON.parse(document.getElementById(plot.dataset.spec).textContent);
    const given = { shown: chosen("protocol"), muted: colour("--muted") };
    for (const each of spec.params ?? []) if (each.name in given) each.value = given[each.name];
    const theme = isDark() ? "dark" : "light";
    drawn.set(plot, null);
    const { view } = await vegaEmbed(plot, spec, {
      mode: "vega-lite", renderer: "svg", actions: false, ast: true, logLevel: 1, config: config(), tooltip: { theme },
    });
    drawn.set(plot, view);
    plot.dataset.theme = theme;
  }

  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) { seen.unobserve(target); draw(target); }
    }
  }, { rootMargin: "300px" });

  // ---- filters
  const chosen = (name) => all(`input[name="${name}"]:checked`).map((input) => input.value);

  function filter() {
    const dataset = document.getElementById("dataset").value, protocols = chosen("protocol"), budgets = chosen("budget");
    for (const each of all("[data-dataset]")) {
      each.hidden = (dataset !== "" && each.dataset.dataset !== dataset) || !budgets.includes(each.dataset.budget);
    }
    for (const each of all("[data-protocol]")) each.hidden = !protocols.includes(each.dataset.protocol);
    for (const table of all(".wide")) {
      const lines = all("tbody tr", table);
      table.hidden = lines.length > 0 && lines.every((line) => line.hidden);
      table.nextElementSibling.hidden = !table.hidden;
    }
    for (const task of all("section.task")) task.hidden = all("section.set", task).every((each) => each.hidden);
    for (const view of drawn.values()) if (view && "shown" in view.getState().signals) view.signal("shown", protocols).runAsync();
    tell();
  }

  function tell() {
    const sets = all("section.set"), open = sets.filter((each) => !each.hidden);
    const rows = all("section.set details.row"), shown = rows.filter((each) => !each.hidden && !each.closest("section.set").hidden);
    document.getElementById("shown").textContent = `Shown: ${shown.length} of ${rows.length} rows, in ${open.length} of ${sets.length} sections.`;
  }

  document.querySelector(".filters").addEventListener("change", filter);
  document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());

  // ---- sorting
  const NEXT = { none: "ascending", ascending: "descending", descending: "none" };

  function compare(one, other, direction) {
    if (one === undefined || other === undefined) return (one === undefined) - (other === undefined); // none last
    const numbers = [Number(one), Number(other)];
    const found = numbers.some(Number.isNaN) ? one.localeCompare(other) : numbers[0] - numbers[1];
    return direction === "ascending" ? found : -found;
  }

  for (const table of all("table.sortable")) {
    const body = table.tBodies[0], original = [...body.rows], headings = all("thead th", table);
    headings.forEach((heading, column) => {
      heading.setAttribute("aria-sort", "none");
      heading.querySelector("button").addEventListener("click", () => {
        const direction = NEXT[heading.getAttribute("aria-sort")];
        for (const each of headings) each.setAttribute("aria-sort", each === heading ? direction : "none");
        const value = (line) => line.cells[column].dataset.value;
        const lines = direction === "none" ? original : [...original].sort((a, b) => compare(value(a), value(b), direction));
        body.append(...lines);
      });
    });
  }

  const theme = remembered();
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  themed();
  filter();
  all(".plot").forEach((plot) => seen.observe(plot));
})();

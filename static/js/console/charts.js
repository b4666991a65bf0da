// Reading a chart day by day: by pointer or by arrow keys. The numbers are those of the table behind it.

const explore = document.querySelector("meta[name=word-explore]")?.content ?? "";

for (const figure of document.querySelectorAll("[data-chart]")) {
  const plot = figure.querySelector("[data-plot]");
  if (plot) begin(figure, plot);
}

function begin(figure, plot) {
  const rows = [...figure.querySelectorAll("tbody tr")].map(row => [...row.children].map(cell => cell.textContent.trim()));
  const names = [...figure.querySelectorAll("thead th")].slice(1).map(cell => cell.textContent.trim());
  const svg = plot.querySelector("svg");
  const pointer = plot.querySelector("[data-pointer]");
  const reading = figure.querySelector("[data-reading]");
  const turned = getComputedStyle(plot).direction === "rtl";
  let at = -1;

  plot.tabIndex = 0;
  plot.setAttribute("role", "slider");
  plot.setAttribute("aria-valuemin", "1");
  plot.setAttribute("aria-valuemax", String(rows.length));
  plot.setAttribute("aria-orientation", "horizontal");
  plot.setAttribute("aria-label", `${plot.getAttribute("aria-label")} ${explore}`);
  tell(rows.length - 1, { quietly: true });

  plot.addEventListener("keydown", event => {
    const steps = { ArrowRight: turned ? -1 : 1, ArrowLeft: turned ? 1 : -1, ArrowUp: 1, ArrowDown: -1 };
    const to = { Home: 0, End: rows.length - 1 }[event.key] ?? (event.key in steps ? at + steps[event.key] : null);
    if (to === null) return;
    event.preventDefault();
    tell(Math.min(rows.length - 1, Math.max(0, to)));
  });
  plot.addEventListener("focus", () => tell(at));
  plot.addEventListener("blur", hide);
  plot.addEventListener("pointermove", event => {
    const box = svg.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    const place = turned ? 1 - share : share;
    tell(Math.min(rows.length - 1, Math.max(0, Math.round(place * (rows.length - 1)))));
  });
  plot.addEventListener("pointerleave", () => { if (document.activeElement !== plot) hide(); });

  function tell(index, { quietly = false } = {}) {
    at = index;
    const [day, ...values] = rows[index];
    const text = `${day}: ${values.map((value, number) => `${names[number]} ${value}`).join(" · ")}`;
    plot.setAttribute("aria-valuenow", String(index + 1));
    plot.setAttribute("aria-valuetext", text);
    if (quietly) return;
    reading.textContent = text;
    const x = rows.length > 1 ? index * 1000 / (rows.length - 1) : 500;
    pointer.setAttribute("d", `M${x} 0V220`);
  }

  function hide() {
    pointer.setAttribute("d", "");
    reading.textContent = "";
  }
}

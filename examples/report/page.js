// The report's page: draws what the run has left in #data. It runs in a browser, from a file, without a network.
const data = JSON.parse(document.getElementById("data").textContent);
const { schedule, clients } = data;
const COLOURS = {
  bare: "#64748b",
  naive: "#d62839",
  annotated: "#0f9d8a",
  breakerAlone: "#7c5cd6",
  budgetAlone: "#d98a1f",
};
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
const whole = (value) => value.toFixed(0);

/** An element with children; texts are texts, never HTML. */
function el(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function fill(id, ...children) {
  document.getElementById(id).append(...children);
}

function told(name) {
  const { recoveryMs } = clients.find((client) => client.name === name).summary;
  return recoveryMs === null ? "never came back" : `was back after ${seconds(recoveryMs)}`;
}

/** What the run has shown, and no more. */
function headline() {
  return `The naive client ${told("naive")}. The annotated one ${told("annotated")}.`;
}

function setting() {
  const lengthMs = schedule.healMs - schedule.brownOutMs;
  return `A server has ${data.brownOutWorkers} of its ${data.workers} workers left for ${seconds(lengthMs)}. Each client has one such server, and gets ${data.callsPerSecond} calls a second by the same schedule, at the same time. One second here stands for ${data.compression}.`;
}

function card({ name, title, has, summary }) {
  const { calls, upstreamRequests, answered, refused, goodput, recoveryMs } = summary;
  const facts = [
    [upstreamRequests, `requests for ${calls} calls`],
    [answered, "calls answered"],
    ...(refused > 0 ? [[refused, "refused at once, unsent"]] : []),
    [`${goodput.during}/s`, "answered in the brown-out"],
    recoveryMs === null
      ? ["never", "back before the end"]
      : [seconds(recoveryMs), "until it was back"],
  ];
  return el(
    "div",
    { class: "card", style: `--colour: ${COLOURS[name]}` },
    el("b", {}, title),
    el("code", {}, has),
    el("dl", {}, ...facts.flatMap(([fact, what]) => [el("dt", {}, `${fact}`), el("dd", {}, what)])),
  );
}

/** Where the brown-out is on a plot, in its pixels. */
const edges = (plot) =>
  [schedule.brownOutMs, schedule.healMs].map((ms) => plot.valToPos(ms / 1000, "x", true));

/** Behind the curves. */
function band(plot) {
  const { ctx, bbox } = plot;
  const [left, right] = edges(plot);
  ctx.save();
  ctx.fillStyle = "#fdf1dc";
  ctx.fillRect(left, bbox.top, right - left, bbox.height);
  ctx.restore();
}

/** Before the curves. */
function bandName(plot) {
  const { ctx, bbox } = plot;
  const [left, right] = edges(plot);
  ctx.save();
  ctx.fillStyle = "#a8691b";
  ctx.font = `600 ${12 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textAlign = "center";
  ctx.fillText("brown-out", (left + right) / 2, bbox.top + 15 * devicePixelRatio);
  ctx.restore();
}

const plots = [];
const widthIn = (section) => section.clientWidth - 40;

function chart({ id, title, text, says, height, top, of = clients, stepped = false, splits }) {
  const section = document.getElementById(id);
  section.append(el("h2", {}, title), el("p", {}, text));
  const axis = {
    stroke: "#5b6780",
    font: "12px system-ui, sans-serif",
    grid: { stroke: "#eef1f6" },
    ticks: { stroke: "#eef1f6" },
  };
  const plot = new uPlot(
    {
      width: widthIn(section),
      height,
      cursor: { sync: { key: "run" }, y: false },
      scales: { x: { time: false, range: [0, schedule.endMs / 1000] }, y: { range: [0, top] } },
      axes: [
        { ...axis, values: (_, values) => values.map((value) => `${value} s`) },
        { ...axis, size: 56, splits, values: (_, values) => values.map((value) => says(value)) },
      ],
      series: [
        {
          label: "at",
          value: (_, value) => (typeof value === "number" ? `${value.toFixed(1)} s` : ""),
        },
        ...of.map(({ name, title: label }) => ({
          label,
          stroke: COLOURS[name],
          width: name === "annotated" ? 3 : 2,
          points: { show: false },
          paths: stepped ? uPlot.paths.stepped({ align: -1 }) : undefined,
          fill: stepped ? `${COLOURS[name]}30` : undefined,
          value: (_, value) => (typeof value === "number" ? says(value) : ""),
        })),
      ],
      hooks: { drawClear: [band], draw: [bandName] },
    },
    [data.timesMs.map((ms) => ms / 1000), ...of.map(({ series }) => series[id])],
    section,
  );
  plots.push({ plot, section, height });
}

const highest = (id) =>
  Math.max(1, ...clients.flatMap(({ series }) => series[id].map((value) => value ?? 0)));
const having = (id) => clients.filter(({ series }) => series[id].some((value) => value !== null));

function charts() {
  chart({
    id: "goodput",
    title: "Goodput: calls answered, per second",
    text: `What users get, of ${data.callsPerSecond} calls a second. A server with all its workers could do twice as much.`,
    says: whole,
    height: 300,
    top: highest("goodput") * 1.1,
  });
  chart({
    id: "load",
    title: "Load on the upstream, as a factor of the calls",
    text: "Requests that reached the server, by its own count.",
    says: (value) => `${Number(value.toFixed(1))}×`,
    height: 220,
    top: Math.max(2, highest("load") * 1.15),
  });
  chart({
    id: "inFlight",
    title: "Calls in flight",
    text: "Users that wait for an answer or an error.",
    says: whole,
    height: 220,
    top: highest("inFlight") * 1.15,
  });
  chart({
    id: "open",
    title: "The breaker: open or not",
    text: "Up: calls are refused at once, and the server may catch up.",
    says: (value) => ["closed", "open"][value] ?? "",
    splits: () => [0, 1],
    height: 150,
    top: 1.45,
    of: having("open"),
    stepped: true,
  });
  chart({
    id: "retriesLeft",
    title: "The budget: retries that could be paid",
    text: "A share of the calls, and a reserve.",
    says: whole,
    height: 150,
    top: highest("retriesLeft") * 1.45,
    of: having("retriesLeft"),
    stepped: true,
  });
}

function differenceLine({ text, isNew }) {
  return isNew ? el("span", { class: "new" }, `+ ${text}`) : `  ${text}\n`;
}

function claimItem({ claim, held, measured }) {
  return el("li", {}, `${held ? "✓" : "✗"}  ${claim}. `, el("small", {}, measured));
}

fill(
  "headline",
  data.valid ? headline() : "Not valid: the machine was too busy to start calls on time.",
);
fill("setting", setting());
fill("cards", ...clients.map(card));
charts();
fill("difference", ...data.difference.map(differenceLine));
fill("claims", ...data.claims.map(claimItem));
fill(
  "table",
  el("tr", {}, ...["", ...clients.map(({ title }) => title)].map((cell) => el("th", {}, cell))),
  ...data.table.map((row) => el("tr", {}, ...row.map((cell) => el("td", {}, cell)))),
);
fill("opening", data.opening.join("\n").trim());
addEventListener("resize", () => {
  for (const { plot, section, height } of plots) plot.setSize({ width: widthIn(section), height });
});

// Draws the curves of the report with uPlot; again when the width or the colour scheme changes. Bars are HTML.
const sections = JSON.parse(document.getElementById("report").textContent);
const others = ["#3d7f8c", "#7a6ff0", "#8a8f3c", "#c4463a", "#5b6675", "#b3469c"];
const number = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });
const text = (value) => value === null || value === undefined ? "" : number.format(value);
/** Of "all but one in n": the share of events that were at least as fast. */
const percentile = (oneIn) => `${+(100 - 100 / oneIn).toPrecision(6)} %`;

function drawAll() {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(`--${name}`).trim();
  for (const holder of document.querySelectorAll(".curves")) {
    const section = sections.find(({ name }) => name === holder.dataset.section);
    holder.replaceChildren();
    draw(holder, section.plots[holder.dataset.plot], color);
  }
}

function colorOf(label, index, color) {
  for (const guarantee of ["exactly-once", "at-least-once", "at-most-once"]) {
    if (label.includes(guarantee)) return color(guarantee);
  }
  return others[index % others.length];
}

function draw(holder, { title, xLabel, yLabel, xScale, yScale, curves }, color) {
  const isPercentiles = xLabel === "all but one in";
  const padding = parseFloat(getComputedStyle(holder).paddingLeft) * 2;
  const axis = {
    stroke: color("ink"),
    grid: { stroke: color("line"), width: 1 },
    ticks: { stroke: color("line") },
    labelSize: 18,
  };
  const xs = [...new Set(curves.flatMap(({ x }) => x))].sort((a, b) => a - b);
  const ys = curves.map(({ x, y }) => {
    const at = new Map(x.map((value, index) => [value, y[index]]));
    return xs.map((value) => at.get(value));
  });
  const label = isPercentiles ? "share of events" : xLabel;
  const powers = [2, 10, 100, 1_000, 10_000, 100_000].filter((power) => power <= xs.at(-1));
  new uPlot(
    {
      title,
      width: Math.max(200, holder.clientWidth - padding),
      height: 220,
      legend: { live: false, show: curves.length > 1 },
      cursor: { show: false },
      scales: {
        x: { time: false, distr: xScale === "log" ? 3 : 1 },
        y: { distr: yScale === "log" ? 3 : 1 },
      },
      axes: [
        isPercentiles
          ? {
            ...axis,
            label,
            size: 32,
            splits: () => powers,
            filter: (_, splits) => splits,
            values: (_, ticks) => ticks.map(percentile),
          }
          : { ...axis, label, size: 32, values: (_, ticks) => ticks.map(text) },
        { ...axis, label: yLabel, size: 52, values: (_, ticks) => ticks.map(text) },
      ],
      series: [
        {},
        ...curves.map(({ label: name }, index) => ({
          label: name,
          stroke: colorOf(name, index, color),
          width: 2,
          spanGaps: true,
          points: { show: false },
        })),
      ],
    },
    [xs, ...ys],
    holder,
  );
}

drawAll();
let width = document.documentElement.clientWidth;
addEventListener("resize", () => {
  if (width === document.documentElement.clientWidth) return;
  width = document.documentElement.clientWidth;
  drawAll();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

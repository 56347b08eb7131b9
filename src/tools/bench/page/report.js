// Draws the plots of the report: bars with their range for figures that share a unit, lines for curves.
const sections = JSON.parse(document.getElementById("report").textContent);
const style = getComputedStyle(document.documentElement);
const ink = style.getPropertyValue("--ink").trim();
const line = style.getPropertyValue("--line").trim();
const colors = [
  "#2f6fde",
  "#e08a1e",
  "#1f9d6b",
  "#b3469c",
  "#7a6ff0",
  "#c4463a",
  "#3aa6b9",
  "#8a8f3c",
];
const axis = (more) => ({
  stroke: ink,
  grid: { stroke: line, width: 1 },
  ticks: { stroke: line },
  ...more,
});
const short = (value) =>
  value === null
    ? ""
    : Math.abs(value) >= 1e6
    ? `${+(value / 1e6).toPrecision(3)}M`
    : Math.abs(value) >= 1e3
    ? `${+(value / 1e3).toPrecision(3)}k`
    : `${+value.toPrecision(3)}`;

for (const holder of document.querySelectorAll(".plots")) {
  const section = sections.find(({ name }) => name === holder.dataset.section);
  for (const plot of section.plots) drawLines(holder, plot);
  for (const [unit, figures] of Map.groupBy(section.figures, (figure) => figure.unit)) {
    if (figures.length > 1) drawBars(holder, unit, figures);
  }
}

function widthOf(holder) {
  const columns = holder.clientWidth > 900 ? 2 : 1;
  return Math.max(280, holder.clientWidth / columns - 16);
}

function drawLines(holder, { title, xLabel, yLabel, xScale, yScale, curves }) {
  const xs = [...new Set(curves.flatMap(({ x }) => x))].sort((a, b) => a - b);
  const ys = curves.map(({ x, y }) => {
    const at = new Map(x.map((value, index) => [value, y[index]]));
    return xs.map((value) => at.get(value));
  });
  new uPlot(
    {
      title,
      width: widthOf(holder),
      height: 300,
      scales: {
        x: { time: false, distr: xScale === "log" ? 3 : 1 },
        y: { distr: yScale === "log" ? 3 : 1 },
      },
      axes: [
        axis({ label: xLabel, values: (_, ticks) => ticks.map(short) }),
        axis({ label: yLabel, size: 60, values: (_, ticks) => ticks.map(short) }),
      ],
      series: [
        { label: xLabel, value: (_, value) => value === null ? "" : short(value) },
        ...curves.map(({ label }, index) => ({
          label,
          stroke: colors[index % colors.length],
          width: 2,
          spanGaps: true,
          points: { show: xs.length < 40 },
          value: (_, value) => value === undefined || value === null ? "" : short(value),
        })),
      ],
    },
    [xs, ...ys],
    holder,
  );
}

function drawBars(holder, unit, figures) {
  const labels = figures.map(({ label }) => label.length > 30 ? `${label.slice(0, 29)}…` : label);
  const medians = figures.map(({ spread }) => spread.median);
  const high = Math.max(...figures.map(({ spread, target }) => Math.max(spread.high, target ?? 0)));
  const ranges = (plot) => {
    const { ctx } = plot;
    ctx.save();
    ctx.strokeStyle = ink;
    ctx.lineWidth = 2 * devicePixelRatio;
    figures.forEach(({ spread }, index) => {
      const x = plot.valToPos(index, "x", true);
      ctx.beginPath();
      ctx.moveTo(x, plot.valToPos(spread.low, "y", true));
      ctx.lineTo(x, plot.valToPos(spread.high, "y", true));
      ctx.stroke();
    });
    ctx.restore();
  };
  new uPlot(
    {
      title: unit,
      width: widthOf(holder),
      height: 300,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: [-0.6, figures.length - 0.4] },
        y: { range: [0, high * 1.1 || 1] },
      },
      axes: [
        axis({
          splits: () => figures.map((_, index) => index),
          values: () => labels,
          rotate: figures.length > 3 ? -35 : 0,
          size: figures.length > 3 ? 120 : 40,
          grid: { show: false },
        }),
        axis({ size: 60, values: (_, ticks) => ticks.map(short) }),
      ],
      series: [{}, {
        stroke: colors[0],
        fill: `${colors[0]}99`,
        paths: uPlot.paths.bars({ size: [0.6, 80] }),
        points: { show: false },
      }],
      hooks: { draw: [ranges] },
    },
    [figures.map((_, index) => index), medians],
    holder,
  );
}

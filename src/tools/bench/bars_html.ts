/** Bars as HTML: their text wraps and is never cut, whatever the width. Pure. */
import type { Chart } from "./charts.ts";
import { escaped } from "./escaped.ts";
import { formatNumber } from "./read_figures.ts";

/** One figure of the page; all bars begin at 0. */
export function chartHtml({ title, hint, bars }: Chart): string {
  const most = Math.max(...bars.map(({ high }) => high)) || 1;
  const share = (value: number) => `${(value / most * 100).toFixed(1)}%`;
  const rows = bars.map(({ name, kind, value, low, high }) => {
    const range = low === high
      ? ""
      : `<i class="range" style="left:${share(low)};width:${share(high - low)}"></i>`;
    return `<li class="${kind}"><span class="name">${
      escaped(name).replace(/(?:exactly|at-least|at-most)-once/, '<span class="whole">$&</span>')
    }</span><span class="track"><i class="bar" style="width:${
      share(value)
    }"></i>${range}</span><b>${formatNumber(value)}</b></li>`;
  });
  return `<figure class="chart"><figcaption><b>${escaped(title)}</b> <span>${
    escaped(hint)
  }</span></figcaption><ul class="bars">${rows.join("")}</ul></figure>`;
}

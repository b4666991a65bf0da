// The quiet meter beside the chat: shows the measure that is nearest to its limit, once that is worth a look.
import { find } from "./page.js";
import { figure } from "./words.js";

const WORTH_A_LOOK = 0.6;
const NEARLY_SPENT = 0.8;

const share = ({ used, limit }) => used / limit;

/** Show what a usage report says; it stays hidden while every measure has plenty left. */
export function showMeter(usage) {
  const meter = find("[data-meter]");
  const names = JSON.parse(meter.dataset.names);
  const [measure, full] = Object.keys(names)
    .map((name) => [name, usage[name]])
    .filter(([, { limit }]) => limit)
    .sort(([, one], [, other]) => share(other) - share(one))[0] ?? [];
  meter.hidden = !full || share(full) < WORTH_A_LOOK;
  if (meter.hidden) return;
  find("[data-meter-name]", meter).textContent = names[measure];
  find("[data-meter-text]", meter).textContent = `${figure(full.used)} / ${figure(full.limit)}`;
  const bar = find("[data-meter-bar]", meter);
  bar.max = full.limit;
  bar.value = full.used;
  bar.setAttribute("aria-label", names[measure]);
  meter.classList.toggle("spent", full.remaining <= 0);
  meter.classList.toggle("nearly", full.remaining > 0 && share(full) >= NEARLY_SPENT);
}

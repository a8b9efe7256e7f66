// Geometry of the timeline: heights, scale and the step under a point.
import type { Timeline } from '../api/types';

/** Cores in stacked bands: `tops[s][step]` is the sum of series 0..=s. */
export interface Stacked {
  per: 'time';
  steps: number;
  tops: Float64Array[];
  /** Highest sum of any step. */
  peak: number;
}

/** CPU per request in lines, with gaps where no request ended: costs of one request each do not add up. */
export interface Lines {
  per: 'request';
  steps: number;
  values: (number | null)[][];
  peak: number;
}

export type Bands = Stacked | Lines;

export function stack(timeline: Timeline): Stacked {
  const steps = stepsOf(timeline);
  const tops: Float64Array[] = [];
  let below = new Float64Array(steps);
  for (const series of timeline.series) {
    const top = below.map((sum, step) => sum + (series.cores[step] ?? 0));
    tops.push(top);
    below = top;
  }
  return { per: 'time', steps, tops, peak: below.reduce((most, sum) => Math.max(most, sum), 0) };
}

export function lines(timeline: Timeline): Lines {
  const values = timeline.series.map(({ cpu_ms_per_request }) => cpu_ms_per_request ?? []);
  const peak = values.flat().reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
  return { per: 'request', steps: stepsOf(timeline), values, peak };
}

function stepsOf({ series }: Timeline): number {
  return series.reduce((most, { cores }) => Math.max(most, cores.length), 0);
}

/** The unbroken parts of a line: the first step of each and one past its last. */
export function runs(values: readonly (number | null)[]): [number, number][] {
  const found: [number, number][] = [];
  for (let step = 0; step < values.length; step++) {
    if (values[step] === null) continue;
    const last = found.at(-1);
    if (last?.[1] === step) last[1] = step + 1;
    else found.push([step, step + 1]);
  }
  return found;
}

/** Round marks from 0 to at least `peak`: at most `most` of them, stepping by 1, 2 or 5 times a power of ten. */
export function ticks(peak: number, most: number): number[] {
  if (!(peak > 0)) return [0, 1];
  const rough = peak / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999) ?? power;
  const last = Math.ceil(peak / step - 1e-9);
  return Array.from({ length: last + 1 }, (_, idx) => Number((idx * step).toPrecision(12)));
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const TIME_STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((count) => count * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 6, 12, 24, 48, 168].map((count) => count * HOUR),
];

/** Round times between two others, in the viewer's zone (`offset_ms` east of UTC). */
export function timeTicks(start_ms: number, end_ms: number, most: number, offset_ms: number): number[] {
  const rough = (end_ms - start_ms) / Math.max(1, most);
  const step = TIME_STEPS.find((size) => size >= rough) ?? TIME_STEPS[TIME_STEPS.length - 1];
  const first = Math.ceil((start_ms + offset_ms) / step) * step - offset_ms;
  const count = Math.min(200, Math.max(0, Math.floor((end_ms - first) / step) + 1));
  return Array.from({ length: count }, (_, idx) => first + idx * step);
}

/** The step that a share of the width lies in. */
export function stepAt(share: number, steps: number): number {
  return Math.min(steps - 1, Math.max(0, Math.floor(share * steps)));
}

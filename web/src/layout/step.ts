// Geometry of the step chart: a series, the change, and the means before and behind it with their intervals.
import type { Series } from '../data/regression';
import { runs, ticks, timeTicks } from './bands';

/** A level that a series had for a while. */
export interface Level {
  start_ms: number;
  end_ms: number;
  mean: number;
  /** Its 95 % interval; `null` when it is not known. */
  low: number | null;
  high: number | null;
}

export interface Size {
  widthPx: number;
  heightPx: number;
}

/** Room for the numbers at the left and the times below. */
export const LEFT_PX = 52;
const BOTTOM_PX = 20;
const TOP_PX = 8;
const RIGHT_PX = 8;

/** Room above and below the values, as a share of what they span. */
const AIR = 0.15;
/** Values that begin lower than this share of the highest are drawn from zero. */
const FROM_ZERO = 0.5;

export interface Mark {
  at: number;
  value: number;
}

export interface Drawn {
  y: number;
  x: number;
  width: number;
  /** Top and height of the interval; `null` when it is not known. */
  band: { y: number; height: number } | null;
}

export interface StepPicture {
  /** One path of each unbroken part. */
  path: string;
  levels: Drawn[];
  changeX: number;
  valueMarks: Mark[];
  timeMarks: Mark[];
  plot: { left: number; right: number; top: number; bottom: number };
  /** Whether the axis begins above zero. */
  isCut: boolean;
  xOf(step: number): number;
  yOf(value: number): number;
}

export function stepPicture(
  { start_ms, step_ms, values }: Series,
  levels: readonly Level[],
  at_ms: number,
  { widthPx, heightPx }: Size,
  offset_ms: number,
): StepPicture {
  const plot = { left: LEFT_PX, right: widthPx - RIGHT_PX, top: TOP_PX, bottom: heightPx - BOTTOM_PX };
  const end_ms = start_ms + step_ms * values.length;
  const { low, high, marks } = axis(values, levels, Math.max(2, Math.floor((plot.bottom - plot.top) / 34)));
  const timeX = (time: number) =>
    plot.left +
    ((plot.right - plot.left) * (Math.min(end_ms, Math.max(start_ms, time)) - start_ms)) /
      (end_ms - start_ms);
  const yOf = (value: number) => plot.bottom - ((plot.bottom - plot.top) * (value - low)) / (high - low);
  const xOf = (step: number) => timeX(start_ms + (step + 0.5) * step_ms);
  const count = Math.max(2, Math.floor((plot.right - plot.left) / 120));
  return {
    path: pathOf(values, xOf, yOf),
    levels: levels.map((level) => drawn(level, timeX, yOf)),
    changeX: timeX(at_ms),
    valueMarks: marks.map((value) => ({ at: yOf(value), value })),
    timeMarks: timeTicks(start_ms, end_ms, count, offset_ms).map((value) => ({ at: timeX(value), value })),
    plot,
    isCut: low > 0,
    xOf,
    yOf,
  };
}

function axis(values: readonly (number | null)[], levels: readonly Level[], most: number) {
  const known = values.filter((value) => value !== null);
  const all = [...known, ...levels.flatMap(({ mean, low, high }) => [mean, low ?? mean, high ?? mean])];
  const least = all.reduce((lowest, value) => Math.min(lowest, value), Number.POSITIVE_INFINITY);
  const largest = all.reduce((highest, value) => Math.max(highest, value), 0) || 1;
  if (all.length === 0 || least <= largest * FROM_ZERO) {
    const marks = ticks(largest, most);
    return { low: 0, high: marks[marks.length - 1], marks };
  }
  const air = Math.max((largest - least) * AIR, largest * 0.005);
  const [low, high] = [least - air, largest + air];
  // Marks of the same steps as an axis from zero with as many marks in this part.
  const [, step] = ticks(high - low, most);
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step);
  const marks = Array.from({ length: last - first + 1 }, (_, idx) =>
    Number(((first + idx) * step).toPrecision(12)),
  );
  return { low, high, marks };
}

type Place = (at: number) => number;

function pathOf(values: readonly (number | null)[], xOf: Place, yOf: Place): string {
  const point = (step: number) => `${xOf(step).toFixed(1)},${yOf(values[step] as number).toFixed(1)}`;
  return runs(values)
    .map(([from, to]) => {
      const points = Array.from({ length: to - from }, (_, idx) => point(from + idx));
      // A point on its own is a line of no length, which round ends make a dot.
      return `M${points.length === 1 ? [points[0], points[0]].join('L') : points.join('L')}`;
    })
    .join('');
}

function drawn({ start_ms, end_ms, mean, low, high }: Level, timeX: Place, yOf: Place): Drawn {
  const x = timeX(start_ms);
  const band =
    low === null || high === null ? null : { y: yOf(high), height: Math.max(1, yOf(low) - yOf(high)) };
  return { x, width: Math.max(0, timeX(end_ms) - x), y: yOf(mean), band };
}

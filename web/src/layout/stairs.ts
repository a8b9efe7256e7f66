// Geometry of the capacity chart: servers needed, with a step for each measure.
import { ticks } from './bands';

export interface StairsPicture {
  /** Servers as promised and, as far as there is anything, as measured. */
  promised: string;
  measured: string;
  /** Middle of each stair. */
  middles: number[];
  marks: { at: number; value: number }[];
  plot: { left: number; right: number; top: number; bottom: number };
}

const LEFT_PX = 40;
const RIGHT_PX = 8;
const TOP_PX = 8;
const BOTTOM_PX = 20;

export interface Servers {
  promised: number;
  measured: number | null;
}

export function stairsPicture(
  stairs: readonly Servers[],
  { widthPx, heightPx }: { widthPx: number; heightPx: number },
): StairsPicture {
  const plot = { left: LEFT_PX, right: widthPx - RIGHT_PX, top: TOP_PX, bottom: heightPx - BOTTOM_PX };
  const most = stairs.reduce((largest, one) => Math.max(largest, one.promised, one.measured ?? 0), 0);
  const values = ticks(most, Math.max(2, Math.floor((plot.bottom - plot.top) / 34)));
  const highest = values[values.length - 1];
  const yOf = (value: number) => plot.bottom - ((plot.bottom - plot.top) * value) / highest;
  const step = (plot.right - plot.left) / Math.max(1, stairs.length);
  const xOf = (place: number) => plot.left + step * place;
  const line = (of: (one: Servers) => number | null) => {
    const corners = stairs.flatMap((one, place) => {
      const value = of(one);
      if (value === null) return [];
      return [place, place + 1].map((end) => `${xOf(end).toFixed(1)},${yOf(value).toFixed(1)}`);
    });
    return corners.length === 0 ? '' : `M${corners.join('L')}`;
  };
  return {
    promised: line((one) => one.promised),
    measured: line((one) => one.measured),
    middles: stairs.map((_, place) => xOf(place + 0.5)),
    marks: values.map((value) => ({ at: yOf(value), value })),
    plot,
  };
}

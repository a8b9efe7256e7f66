// Where an estimate and its interval stand on a scale that the rows of a table share.
import type { Range } from '../api/types';

export interface Scale {
  low: number;
  high: number;
}

/** How far beyond the largest estimate an interval is drawn; a wider one is cut, and seen to be cut. */
const REACH = 1.6;

/** A scale with zero and all estimates on it. One wide interval does not press all others together. */
export function scaleOf(estimates: readonly Range[]): Scale {
  const most = estimates.reduce((largest, { value }) => Math.max(largest, Math.abs(value)), 0) * REACH;
  const low = estimates.reduce((least, range) => Math.min(least, Math.max(range.low, -most)), 0);
  const high = estimates.reduce((largest, range) => Math.max(largest, Math.min(range.high, most)), 0);
  return high > low ? { low, high } : { low: 0, high: 1 };
}

/** Shares of the width, 0 to 1. */
export interface Placed {
  zero: number;
  dot: number;
  from: number;
  to: number;
  /** Whether the interval goes on beyond the scale. */
  cutLow: boolean;
  cutHigh: boolean;
  /** Which side of zero it is on, or `unclear` when zero is in the interval. */
  side: 'more' | 'less' | 'unclear';
}

export function placed({ value, low, high }: Range, scale: Scale): Placed {
  const place = (at: number) => Math.min(1, Math.max(0, (at - scale.low) / (scale.high - scale.low)));
  return {
    zero: place(0),
    dot: place(value),
    from: place(low),
    to: place(high),
    cutLow: low < scale.low,
    cutHigh: high > scale.high,
    side: low > 0 ? 'more' : high < 0 ? 'less' : 'unclear',
  };
}

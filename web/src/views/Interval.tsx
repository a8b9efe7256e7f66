// An estimate as a dot on its interval. It is hollow where zero is in the interval: not told by colour alone.
import type { Range } from '../api/types';
import { signed } from '../data/units';
import { placed, type Scale } from '../layout/interval';

const percent = (share: number) => `${(100 * share).toFixed(2)}%`;

export function Interval({ estimate, scale }: { estimate: Range; scale: Scale }) {
  const { zero, dot, from, to, cutLow, cutHigh, side } = placed(estimate, scale);
  return (
    <svg class="interval" data-side={side} aria-hidden="true">
      <line class="zero" x1={percent(zero)} x2={percent(zero)} y1="0" y2="100%" />
      <line x1={percent(from)} x2={percent(to)} y1="50%" y2="50%" />
      {!cutLow && <line x1={percent(from)} x2={percent(from)} y1="28%" y2="72%" />}
      {!cutHigh && <line x1={percent(to)} x2={percent(to)} y1="28%" y2="72%" />}
      <circle cx={percent(dot)} cy="50%" r="3.5" />
    </svg>
  );
}

/** The ends of an interval in words. */
export function rangeText({ low, high }: Pick<Range, 'low' | 'high'>): string {
  return `${signed(low)} to ${signed(high)}`;
}

/** A number beside its dot and interval, as a cell of a table. */
export function EstimateCell({ estimate, scale, unit }: { estimate: Range; scale: Scale; unit: string }) {
  const range = rangeText(estimate);
  return (
    <td class="estimate" title={`${signed(estimate.value)} ${unit}, 95 % interval ${range}`}>
      <Interval estimate={estimate} scale={scale} />
      <span>{signed(estimate.value)}</span>
      <span class="spoken">, 95 % interval {range}</span>
    </td>
  );
}

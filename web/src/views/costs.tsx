// Cells of tables of costs, and what their numbers mean.
import type { Cost } from '../data/costs';
import { labelTitle } from '../data/labels';
import { count, cpuSeconds, share, short, shortOrNone } from '../data/units';

export const CORES_HINT = 'Sampled CPU-seconds per second';
export const RATE_HINT = 'Requests that ended, per second, as the programs counted them';
export const REQUEST_HINT =
  'Sampled CPU per counted request, in milliseconds. The total and the rest divide all of their CPU by the ' +
  'requests counted, also CPU of values that counted none. Of a flag it is what the programs counted themselves: a ' +
  'request carries a flag only from its evaluation on';

interface BarredProps {
  value: number;
  widest: number;
  text: string;
  title: string;
  small?: string;
}

/** A number over a bar. */
export function Barred({ value, widest, text, title, small }: BarredProps) {
  return (
    <td title={title}>
      <i class="bar" style={{ width: `${Math.min(100, (100 * value) / widest)}%` }} />
      <span>{text}</span>
      {small !== undefined && <small>{small}</small>}
    </td>
  );
}

/** What a row says when it is pointed at. */
export function aboutCost(cost: Cost, by: string, title: string): string {
  const parts = [
    `${labelTitle(by)}: ${title}`,
    `${cpuSeconds(cost.cpu_ns)} sampled`,
    `${count(cost.requests)} requests`,
  ];
  if (cost.counted_ms !== null) {
    parts.push(
      `${short(cost.counted_ms)} ms a request by the program’s own clock, ${count(cost.measured)} measured`,
    );
  }
  if (cost.client_errors > 0) parts.push(`${count(cost.client_errors)} client errors`);
  if (cost.server_errors > 0) parts.push(`${count(cost.server_errors)} server errors`);
  return parts.join('\n');
}

/** Requests a second; a dash where no request was counted. */
export function rateText({ requests, requests_per_s }: Cost): string {
  return shortOrNone(requests === 0 ? null : requests_per_s);
}

/** Cores and their share. Sums have no bar: it would dwarf those of their parts. */
export function coresCell(cost: Cost, total: Cost, widest: number) {
  return (
    <Barred
      value={cost.cpu_ns}
      widest={widest}
      text={short(cost.cores)}
      title={cpuSeconds(cost.cpu_ns)}
      small={share(cost.cpu_ns, total.cpu_ns)}
    />
  );
}

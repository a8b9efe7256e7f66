// What the values of a label cost, as rows to sort and filter. For each of them rate × CPU per request = cores.
import type { Breakdown, BreakdownRow } from '../api/types';
import { isFlag, valueTitle } from './labels';
import { coresOf } from './units';

export interface Cost {
  value: string;
  /** How many values are folded into this one. */
  rest: number;
  cores: number;
  cpu_ns: number;
  requests: number;
  requests_per_s: number;
  /**
   * CPU per request; `null` where no request was counted. Sampled, but for flags by the program's own clock: a request
   * carries a flag from its evaluation on, and what came before is in no sample of the flag.
   */
  request_ms: number | null;
  /** The program's own CPU clock over the requests it measured. */
  counted_ms: number | null;
  measured: number;
  client_errors: number;
  server_errors: number;
}

export interface Costs {
  /** One for each value, also for none. */
  rows: Cost[];
  /** The values past the limit, folded. */
  rest: Cost | null;
  total: Cost;
}

/** Rates are taken over the time in which there can be data, as everywhere on the pages. */
export function costsOf(answer: Breakdown, over_ms: number): Costs {
  const costIn = (row: BreakdownRow) => costOf(row, over_ms, isFlag(answer.by));
  const all = answer.rows.map(costIn);
  return {
    rows: all.filter(({ rest }) => rest === 0),
    rest: all.find(({ rest }) => rest > 0) ?? null,
    total: costIn(answer.total),
  };
}

function costOf(row: BreakdownRow, over_ms: number, isByFlag: boolean): Cost {
  const counted_ns = isByFlag ? row.counted_cpu_ns_per_request : null;
  const { value, rest, cpu_ns, requests, measured, client_errors, server_errors } = row;
  return {
    ...{ value, rest, cpu_ns, requests, measured, client_errors, server_errors },
    cores: coresOf(cpu_ns, over_ms),
    requests_per_s: over_ms > 0 ? (requests * 1000) / over_ms : 0,
    request_ms: inMilliseconds(counted_ns ?? row.cpu_ns_per_request),
    counted_ms: inMilliseconds(row.counted_cpu_ns_per_request),
  };
}

function inMilliseconds(value_ns: number | null | undefined): number | null {
  return value_ns == null ? null : value_ns / 1e6;
}

export const ORDERS = ['cores', 'request', 'rate', 'client', 'server', 'value'] as const;
export type Order = (typeof ORDERS)[number];

const KEYS: Record<Exclude<Order, 'value'>, (cost: Cost) => number | null> = {
  cores: ({ cpu_ns }) => cpu_ns,
  request: ({ request_ms }) => request_ms,
  rate: ({ requests }) => requests,
  client: ({ client_errors }) => client_errors,
  server: ({ server_errors }) => server_errors,
};

/** The rows whose title holds the filter, biggest first or by name. What has no number stands last. */
export function arrange(rows: readonly Cost[], order: Order, filter: string): Cost[] {
  const wanted = filter.toLowerCase();
  const found = rows.filter((row) => valueTitle(row).toLowerCase().includes(wanted));
  const byName = (a: Cost, b: Cost) => valueTitle(a).localeCompare(valueTitle(b), 'en');
  if (order === 'value') return found.sort(byName);
  const keyOf = (cost: Cost) => KEYS[order](cost) ?? -1;
  return found.sort((a, b) => keyOf(b) - keyOf(a) || byName(a, b));
}

/** The highest number of a column, for the length of its bars. */
export function widest(rows: readonly Cost[], order: 'cores' | 'request'): number {
  return rows.reduce((most, row) => Math.max(most, KEYS[order](row) ?? 0), 0) || 1;
}

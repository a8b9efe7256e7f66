// How many candidates fell at each stage of an analysis, summed over the scopes it looked at.
import type { ReportSummary } from '../api/types';
import { fieldsOf, number, rows, text } from './json';

export interface Stage {
  name: string;
  title: string;
  count: number;
}

/** Stages by the names that the analyses give them, in the order in which candidates fall. */
const TITLES: Readonly<Record<string, string>> = {
  series: 'series looked at',
  unsound: 'too few points',
  quiet: 'did not move',
  no_step: 'moved without a step up',
  improvements: 'became cheaper',
  small: 'too small to tell',
  went_away: 'over again',
  season: 'come every day',
  population_shift: 'other mix of hosts',
  pending: 'too new to judge',
  not_significant: 'may be chance',
  cost_shift: 'cost only moved',
  nested: 'part of another',
  duplicates: 'same cause as another',
  beyond: 'beyond the limit',
  findings: 'reported',
};

/** Numbers of a report that are no stages: they do not add up. */
const MEASURES = new Set(['detectable', 'detectable_share', 'detectable_servers', 'floor', 'floor_servers']);

export function stagesOf(reports: readonly ReportSummary[]): Stage[] {
  const counts = new Map<string, number>();
  for (const { funnel } of reports) {
    for (const name of Object.keys(fieldsOf(funnel))) {
      const count = MEASURES.has(name) ? null : number(fieldsOf(funnel), name);
      if (count !== null) counts.set(name, (counts.get(name) ?? 0) + count);
    }
  }
  const places = Object.keys(TITLES);
  const placeOf = (name: string) => (places.indexOf(name) + places.length) % places.length;
  const isKnown = (name: string) => name in TITLES;
  return [...counts]
    .map(([name, count]) => ({ name, count, title: TITLES[name] ?? name.replaceAll('_', ' ') }))
    .sort((a, b) => placeOf(a.name) - placeOf(b.name) || Number(isKnown(b.name)) - Number(isKnown(a.name)));
}

/** The largest of a measure over the scopes, e.g. of the smallest effect that would have been seen. */
export function measureOf(reports: readonly ReportSummary[], name: string): number | null {
  const found = reports.map(({ funnel }) => number(fieldsOf(funnel), name)).filter((value) => value !== null);
  return found.length === 0 ? null : Math.max(...found);
}

/** What an endpoint's data could have shown. */
export interface Shown {
  endpoint: string;
  /** The smallest relative rise that would have been seen; `null` where there are too few hosts. */
  detectable: number | null;
  hosts: number;
}

/** What could have been seen where, what is seen best first. */
export function shownOf(reports: readonly ReportSummary[]): Shown[] {
  const found = reports
    .flatMap(({ funnel }) => rows(fieldsOf(funnel), 'endpoints'))
    .map((fields) => ({
      endpoint: text(fields, 'endpoint'),
      detectable: number(fields, 'detectable'),
      hosts: number(fields, 'hosts') ?? 0,
    }));
  const keyOf = ({ detectable }: Shown) => detectable ?? Number.POSITIVE_INFINITY;
  return found.sort((a, b) => (keyOf(a) === keyOf(b) ? 0 : keyOf(a) - keyOf(b)));
}

/** When the scope that was looked at longest ago was looked at; `null` when none was. */
export function lookedAt(reports: readonly ReportSummary[]): number | null {
  return reports.length === 0 ? null : Math.min(...reports.map(({ at_ms }) => at_ms));
}

// What all kinds of findings have in common: their states, their order, and the filters of their lists.
import type { Finding, FindingState } from '../api/types';

export const STATES = [
  'new',
  'acknowledged',
  'fixed',
  'went_away',
] as const satisfies readonly FindingState[];

export const STATE_TITLES: Record<FindingState, string> = {
  new: 'new',
  acknowledged: 'acknowledged',
  fixed: 'fixed',
  went_away: 'went away',
};

/** The title of a state where it stands on its own. */
export function stateTitle(shown: Shown): string {
  const title = shown === 'all' ? shown : STATE_TITLES[shown];
  return title[0].toUpperCase() + title.slice(1);
}

/** What a list shows: findings of one state, or all of them. */
export const SHOWN = [...STATES, 'all'] as const;
export type Shown = (typeof SHOWN)[number];

/** How many findings there are in each state and in all. */
export function counted(findings: readonly Finding[]): Record<Shown, number> {
  const counts: Record<Shown, number> = {
    new: 0,
    acknowledged: 0,
    fixed: 0,
    went_away: 0,
    all: findings.length,
  };
  for (const { state } of findings) counts[state] += 1;
  return counts;
}

export const FINDING_ORDERS = [
  'servers',
  'since',
  'title',
  'endpoint',
  'function',
  'owner',
  'state',
] as const;
export type FindingOrder = (typeof FINDING_ORDERS)[number];

const TEXTS: Record<Exclude<FindingOrder, 'servers' | 'since'>, (finding: Finding) => string> = {
  title: ({ title }) => title,
  endpoint: ({ endpoints }) => endpoints[0] ?? '',
  function: (finding) => finding.function,
  owner: (finding) => ownerOf(finding),
  state: ({ state }) => String(STATES.indexOf(state)),
};

export interface Wanted {
  shown: Shown;
  /** Empty for all. */
  service: string;
  filter: string;
  order: FindingOrder;
}

/** The findings that a list shows, in its order: most servers or latest first, texts from A, none last. */
export function arranged(findings: readonly Finding[], { shown, service, filter, order }: Wanted): Finding[] {
  const wanted = filter.toLowerCase();
  const found = findings.filter(
    (finding) =>
      (shown === 'all' || finding.state === shown) &&
      (service === '' || finding.service === service) &&
      words(finding).some((word) => word.toLowerCase().includes(wanted)),
  );
  const byServers = (a: Finding, b: Finding) => b.servers.value - a.servers.value || a.id.localeCompare(b.id);
  if (order === 'servers') return found.sort(byServers);
  if (order === 'since') return found.sort((a, b) => sinceOf(b) - sinceOf(a) || byServers(a, b));
  const textOf = TEXTS[order];
  return found.sort((a, b) => {
    const [left, right] = [textOf(a), textOf(b)];
    if (left === '' || right === '') return Number(left === '') - Number(right === '') || byServers(a, b);
    return left.localeCompare(right, 'en') || byServers(a, b);
  });
}

/** What the filter of a list looks into. */
function words(finding: Finding): string[] {
  return [
    finding.title,
    finding.function,
    finding.file,
    finding.service,
    ownerOf(finding),
    ...finding.endpoints,
  ];
}

/** Who took it on, before whom the repository names. */
export function ownerOf({ acknowledged, owner }: Finding): string {
  return acknowledged?.owner || owner;
}

/** When the cause began, or when it was first seen where that is not known. */
export function sinceOf({ at_ms, first_seen_ms }: Finding): number {
  return at_ms > 0 ? at_ms : first_seen_ms;
}

/** The services that findings are in, in order. */
export function servicesOf(findings: readonly Finding[]): string[] {
  return [...new Set(findings.map(({ service }) => service))].filter(Boolean).sort();
}

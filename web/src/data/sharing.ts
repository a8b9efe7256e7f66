// Memory that several processes hold and one copy could serve, by owner and by host.
import type { EqualMemory, Finding, MemoryGroup, MemoryReports } from '../api/types';
import { fieldsOf, number, rows, text } from './json';

/** A step in the life of a saving, with the measurement that made it. */
export interface LedgerStep {
  at_ms: number;
  stage: string;
  servers: number;
  by: string;
}

export interface Opportunity {
  id: string;
  service: string;
  /** A module and attribute, or a kind of mapping. */
  owner: string;
  kind: string;
  cause: string;
  /** How many hosts it was found on. */
  hosts: number | null;
  mb_per_process: number | null;
  processes: number | null;
  /** What one copy for each host would save right after the change; `null` where nobody can tell. */
  mb_saved: number | null;
  /** Of that, what stays once the memory was used. */
  mb_retained: number | null;
  /** At least and at most that stays; `null` where nobody said. */
  mb_retained_range: [number, number] | null;
  advice: string;
  /** The lines to write. */
  change: string;
  risk: string;
  servers: number;
  ledger: LedgerStep[];
}

export function opportunityOf({ id, title, service, servers, detail }: Finding): Opportunity {
  const fields = fieldsOf(detail);
  return {
    ...{ id, service },
    owner: text(fields, 'owner') || title,
    kind: text(fields, 'kind'),
    cause: text(fields, 'cause'),
    hosts: number(fields, 'hosts'),
    mb_per_process: number(fields, 'mb_per_process'),
    processes: number(fields, 'processes'),
    mb_saved: number(fields, 'mb_saved'),
    mb_retained: number(fields, 'mb_retained'),
    mb_retained_range: rangeOf(fields.mb_retained_range),
    advice: text(fields, 'advice'),
    change: text(fields, 'change'),
    risk: text(fields, 'risk'),
    servers: servers.value,
    ledger: rows(fields, 'ledger').map((step) => ({
      at_ms: number(step, 'at_ms') ?? 0,
      stage: text(step, 'stage'),
      servers: number(step, 'servers') ?? 0,
      by: text(step, 'by'),
    })),
  };
}

function rangeOf(value: unknown): [number, number] | null {
  if (!Array.isArray(value)) return null;
  const [low, high] = value;
  return typeof low === 'number' && typeof high === 'number' ? [low, high] : null;
}

/** What the largest programs of a host hold. */
export interface HostMemory {
  host: string;
  /** Of one process alone. */
  private_mb: number;
  shared_mb: number;
  /** Of what is private, what one copy could serve. */
  could_mb: number;
}

const MB = 1e6;

/** The newest look of each host; the most that could be shared first. */
export function hostsOf({ reports }: Pick<MemoryReports, 'reports'>): HostMemory[] {
  const hosts = reports.map(({ host, groups }) => {
    const sum = (of: (group: MemoryGroup) => number) =>
      groups.reduce((all, group) => all + of(group), 0) / MB;
    return {
      host,
      private_mb: sum(({ total }) => total.own),
      shared_mb: sum(({ total }) => Math.max(0, total.proportional - total.own)),
      could_mb: sum(couldBeShared),
    };
  });
  const told = hosts.filter(({ private_mb, shared_mb }) => private_mb + shared_mb > 0);
  return told.sort((a, b) => b.could_mb - a.could_mb || a.host.localeCompare(b.host, 'en'));
}

/** Pages and values are two looks at the same memory: the one that sees more counts. */
function couldBeShared({ total, pages, owners }: MemoryGroup): number {
  const saved = (...parts: EqualMemory[]) => parts.reduce((sum, part) => sum + part.saved, 0);
  const inPages = pages.reduce((sum, page) => sum + saved(page.zero, page.broken, page.elsewhere), 0);
  const inValues = owners.reduce((sum, owner) => sum + saved(owner.loaded, owner.dirtied), 0);
  return Math.min(total.own, Math.max(inPages, inValues));
}

export const SHARING_ORDERS = ['saved', 'retained', 'owner', 'processes', 'servers'] as const;
export type SharingOrder = (typeof SHARING_ORDERS)[number];

export interface SharingWanted {
  order: SharingOrder;
  filter: string;
}

const KEYS: Record<Exclude<SharingOrder, 'owner'>, (one: Opportunity) => number | null> = {
  saved: ({ mb_saved }) => mb_saved,
  retained: ({ mb_retained }) => mb_retained,
  processes: ({ processes }) => processes,
  servers: ({ servers }) => servers,
};

/** What has no number stands last. */
export function arrangedSharing(
  found: readonly Opportunity[],
  { order, filter }: SharingWanted,
): Opportunity[] {
  const wanted = filter.toLowerCase();
  const shown = found.filter(({ owner, kind, service, cause }) =>
    [owner, kind, service, cause].some((word) => word.toLowerCase().includes(wanted)),
  );
  const byOwner = (a: Opportunity, b: Opportunity) =>
    a.owner.localeCompare(b.owner, 'en') || a.id.localeCompare(b.id, 'en');
  if (order === 'owner') return shown.sort(byOwner);
  const keyOf = (one: Opportunity) => KEYS[order](one) ?? -1;
  return shown.sort((a, b) => keyOf(b) - keyOf(a) || byOwner(a, b));
}

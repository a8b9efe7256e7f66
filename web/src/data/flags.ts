// What flags cost: the rows of their analysis, put together by flag and variant.
import type { Finding, FindingState, Range, ReportSummary } from '../api/types';
import { type Ends, ends, type Fields, fieldsOf, isSet, number, rows, text } from './json';

/** At the present share of requests, or if all of them had the variant. */
export const EXPOSURES = ['now', 'full'] as const;
export type Exposure = (typeof EXPOSURES)[number];

export const UNITS = ['servers', 'cores'] as const;
export type Unit = (typeof UNITS)[number];

export type Amounts = Record<Exposure, Record<Unit, Range>>;

/** A variant in the requests of one endpoint. */
export interface FlagEndpoint {
  /** Id of its finding. */
  id: string;
  endpoint: string;
  service: string;
  difference_ns: number | null;
  interval_ns: Ends | null;
  /** The smallest difference that would have been seen. */
  detectable_ns: number | null;
  amounts: Amounts;
}

/** A variant of a flag against its baseline, in all endpoints. */
export interface FlagCost {
  flag: string;
  variant: string;
  baseline: string;
  endpoints: FlagEndpoint[];
  amounts: Amounts;
  /** Share of the requests that have the variant, 0 to 1; `null` when it is not known. */
  exposure: number | null;
  /** Requests were split at random, so that nothing but the variant explains the difference. */
  isRandom: boolean;
  /** The split is not the one that was set up. */
  isMismatched: boolean;
  unit: string;
  units: number | null;
  state: FindingState;
}

/** A flag that had one variant only. */
export interface ConstantFlag {
  flag: string;
  variant: string;
  /** 0 when only labels tell. */
  evaluations: number;
}

/** Below this p-value a split counts as not the one that was set up. */
const MISMATCH_P_VALUE = 0.0005;

/** By flag, variant and baseline; findings that are over are left out. */
export function flagsOf(findings: readonly Finding[]): FlagCost[] {
  const found = new Map<string, FlagCost>();
  for (const finding of findings) {
    if (finding.state === 'fixed' || finding.state === 'went_away') continue;
    for (const row of rowsOf(finding)) {
      if (number(row, 'difference_ns') === null) continue;
      const cost = costOf(row, finding);
      const key = JSON.stringify([cost.flag, cost.variant, cost.baseline]);
      const known = found.get(key);
      found.set(key, known ? together(known, cost) : cost);
    }
  }
  return [...found.values()];
}

/** The analysis posts one row a finding, or the endpoints of a flag together. */
function rowsOf({ detail }: Finding): Fields[] {
  const fields = fieldsOf(detail);
  const listed = rows(fields, 'rows');
  return listed.length > 0 ? listed.map((row) => ({ ...fields, ...row })) : [fields];
}

function costOf(row: Fields, finding: Finding): FlagCost {
  const amounts = amountsOf(row, finding);
  const [now, full] = [amounts.now.cores.value, amounts.full.cores.value];
  return {
    flag: text(row, 'flag'),
    variant: text(row, 'variant'),
    baseline: text(row, 'baseline_variant'),
    endpoints: [
      {
        id: finding.id,
        endpoint: text(row, 'endpoint') || (finding.endpoints[0] ?? ''),
        service: finding.service,
        difference_ns: number(row, 'difference_ns'),
        interval_ns: ends(row, 'interval_ns'),
        detectable_ns: number(row, 'detectable_ns'),
        amounts,
      },
    ],
    amounts,
    exposure: number(row, 'exposure') ?? (full === 0 ? null : Math.min(1, Math.max(0, now / full))),
    isRandom: isSet(row, 'is_random'),
    isMismatched:
      isSet(row, 'sample_ratio_mismatch') || (number(row, 'sample_ratio_p_value') ?? 1) < MISMATCH_P_VALUE,
    unit: text(row, 'unit'),
    units: number(row, 'units'),
    state: finding.state,
  };
}

/** Cores now and at full exposure are one difference times two rates: its interval scales where theirs is not given. */
function amountsOf(row: Fields, { cores, servers }: Finding): Amounts {
  const difference_ns = number(row, 'difference_ns') ?? 0;
  const interval_ns = ends(row, 'interval_ns');
  const scaled = (value: number, known: Ends | null): Range => {
    if (known) return { value, ...known };
    if (!interval_ns || difference_ns === 0) return { value, low: value, high: value };
    const at = [interval_ns.low, interval_ns.high].map((end) => (value * end) / difference_ns);
    return { value, low: Math.min(...at), high: Math.max(...at) };
  };
  const full = number(row, 'cores_at_full') ?? cores.value;
  const now = number(row, 'cores') ?? full;
  const servers_at_full = number(row, 'servers_at_full');
  const of_full = servers_at_full !== null && full !== 0 ? servers_at_full / full : null;
  const of_cores = cores.value === 0 ? 0 : servers.value / cores.value;
  const per_core = number(row, 'servers_per_core') ?? of_full ?? of_cores;
  const both = (value: number, interval: string) => {
    const inCores = scaled(value, ends(row, interval));
    const { low, high } = inCores;
    return {
      cores: inCores,
      servers: { value: value * per_core, low: low * per_core, high: high * per_core },
    };
  };
  return { now: both(now, 'cores_interval'), full: both(full, 'cores_at_full_interval') };
}

/** Ends of intervals are added up as they are, which makes the sum's interval wide rather than narrow. */
function together(a: FlagCost, b: FlagCost): FlagCost {
  const sum = (left: Range, right: Range): Range => ({
    value: left.value + right.value,
    low: left.low + right.low,
    high: left.high + right.high,
  });
  const both = (exposure: Exposure) => ({
    cores: sum(a.amounts[exposure].cores, b.amounts[exposure].cores),
    servers: sum(a.amounts[exposure].servers, b.amounts[exposure].servers),
  });
  const exposures = [a.exposure, b.exposure].filter((one) => one !== null);
  return {
    ...a,
    endpoints: [...a.endpoints, ...b.endpoints],
    amounts: { now: both('now'), full: both('full') },
    exposure: exposures.length === 0 ? null : Math.max(...exposures),
    isRandom: a.isRandom && b.isRandom,
    isMismatched: a.isMismatched || b.isMismatched,
    state: a.state === 'new' ? a.state : b.state,
  };
}

/** Flags without a second variant, as findings of their own or as part of a report. */
export function constantsOf(findings: readonly Finding[], reports: readonly ReportSummary[]): ConstantFlag[] {
  const own = findings
    .filter(({ state }) => state === 'new' || state === 'acknowledged')
    .map(({ detail }) => fieldsOf(detail))
    .filter((fields) => number(fields, 'difference_ns') === null && rows(fields, 'rows').length === 0);
  const reported = reports.flatMap(({ funnel }) => rows(fieldsOf(funnel), 'constant'));
  const found = [...own, ...reported].map((fields) => ({
    flag: text(fields, 'flag'),
    variant: text(fields, 'variant'),
    evaluations: number(fields, 'evaluations') ?? 0,
  }));
  const byFlag = new Map(found.filter(({ flag }) => flag !== '').map((one) => [one.flag, one]));
  return [...byFlag.values()].sort(
    (a, b) => b.evaluations - a.evaluations || a.flag.localeCompare(b.flag, 'en'),
  );
}

export const FLAG_ORDERS = ['cost', 'flag', 'exposure'] as const;
export type FlagOrder = (typeof FLAG_ORDERS)[number];

export interface FlagsWanted {
  /** Id of a finding whose flag is shown alone; empty for all. */
  finding: string;
  unit: Unit;
  exposure: Exposure;
  order: FlagOrder;
  filter: string;
}

export function arrangedFlags(
  flags: readonly FlagCost[],
  { finding, unit, exposure, order, filter }: FlagsWanted,
): FlagCost[] {
  const wanted = filter.toLowerCase();
  const found = flags.filter(
    ({ flag, variant, endpoints }) =>
      (finding === '' || endpoints.some(({ id }) => id === finding)) &&
      [flag, variant, ...endpoints.map(({ endpoint }) => endpoint)].some((word) =>
        word.toLowerCase().includes(wanted),
      ),
  );
  const byName = (a: FlagCost, b: FlagCost) =>
    a.flag.localeCompare(b.flag, 'en') || a.variant.localeCompare(b.variant, 'en');
  if (order === 'flag') return found.sort(byName);
  const key = (cost: FlagCost) =>
    order === 'exposure' ? (cost.exposure ?? -1) : cost.amounts[exposure][unit].value;
  return found.sort((a, b) => key(b) - key(a) || byName(a, b));
}

/** One that tells a flag's variant from all others, for the address and for keys. */
export function keyOf({ flag, variant }: Pick<FlagCost, 'flag' | 'variant'>): string {
  return `${flag}=${variant}`;
}

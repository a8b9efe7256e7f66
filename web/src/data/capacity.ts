// How many servers a service needs, and how many are left when findings are dealt with.
//
// Findings overlap: each takes its share of what those before it leave, so that all together never take more than there
// is. What frees CPU and what frees memory count apart, and only the resource that binds says how many servers are needed.
import type { Finding, FindingKind, FindingState, Range, ReportSummary } from '../api/types';
import { type Fields, fieldsOf, number, rows, text, texts } from './json';

export interface Plan {
  /** Id of its finding; empty when it needs about as many servers as it has. */
  id: string;
  service: string;
  servers: Range;
  /** Servers it runs on; `null` where that is not known. */
  servers_now: number | null;
  /** `cpu`, `memory` or `red line`. */
  binding: string;
  /** How sure that is, 0 to 1. */
  binding_share: number | null;
  /** Servers that CPU alone needs, in fractions; `null` where only the other resource is known. */
  for_cpu: number | null;
  for_memory: number | null;
  /** What each finding is worth alone, by id. */
  worth: { id: string; name: string; servers: Range }[];
  /** What all of them save together at most; `null` where nobody said. */
  together: number | null;
  regions: number | null;
  target_utilisation: number | null;
  /** Why there is no number. */
  cannot_say: string;
  notes: string[];
}

/** One a service, most servers first: from findings, and from the report for services that have what they need. */
export function plansOf(findings: readonly Finding[], reports: readonly ReportSummary[]): Plan[] {
  const isOpen = ({ kind, state }: Finding) =>
    kind === 'capacity' && (state === 'new' || state === 'acknowledged');
  const found = findings
    .filter(isOpen)
    .map(({ id, service, detail }) => planOf(id, service, fieldsOf(detail)));
  const reported = reports
    .filter(({ kind }) => kind === 'capacity')
    .flatMap(({ funnel }) => rows(fieldsOf(funnel), 'services'))
    .map((fields) => planOf('', text(fields, 'service'), fields));
  const byService = new Map([...reported, ...found].map((plan) => [plan.service, plan]));
  return [...byService.values()].sort(
    (a, b) => b.servers.value - a.servers.value || a.service.localeCompare(b.service, 'en'),
  );
}

export function planOf(id: string, service: string, fields: Fields): Plan {
  const needed = range(fields, 'servers_needed') ?? range(fields, 'servers');
  const servers = needed ?? { value: 0, low: 0, high: 0 };
  const binding = text(fields, 'binding');
  const side = (name: string, binds: boolean) => range(fields, name)?.value ?? (binds ? servers.value : null);
  return {
    ...{ id, service, servers, binding },
    servers_now: number(fields, 'servers_now'),
    binding_share: number(fields, 'binding_share'),
    // What a load test showed stands for CPU too.
    for_cpu: binding === 'red line' ? servers.value : side('servers_for_cpu', binding !== 'memory'),
    for_memory: side('servers_for_memory', binding === 'memory'),
    worth: rows(fields, 'findings').flatMap((one) => {
      const servers = range(one, 'servers') ?? range(one, 'servers_saved_alone');
      return servers ? [{ id: text(one, 'id'), name: text(one, 'name'), servers }] : [];
    }),
    together: (range(fields, 'together') ?? range(fields, 'servers_saved_together'))?.value ?? null,
    regions: number(fields, 'regions'),
    target_utilisation: number(fields, 'target_utilisation'),
    cannot_say: text(fields, 'cannot_say') || (needed ? '' : 'The analysis named no number of servers.'),
    notes: texts(fields, 'notes'),
  };
}

/** An estimate, as `[likely, low, high]` or as an object. */
function range(fields: Fields, name: string): Range | null {
  const value = fields[name];
  const read = Array.isArray(value)
    ? { likely: value[0], low: value[1], high: value[2] }
    : (fieldsOf(value) as Fields);
  const likely = number(read, 'likely') ?? number(read, 'value');
  if (likely === null) return null;
  return { value: likely, low: number(read, 'low') ?? likely, high: number(read, 'high') ?? likely };
}

/** Something that can be done or was done, and what it was said and measured to save. */
export interface Measure {
  id: string;
  /** `null` for what the plan alone knows of. */
  kind: FindingKind | null;
  title: string;
  state: FindingState;
  /** Servers that it saves if nothing else is done. */
  saves: Range;
  /** Whether it frees memory; all others free CPU. */
  isMemory: boolean;
  predicted: number | null;
  observed: number | null;
  banked: number | null;
}

/** What was done first, in the order of what it saved, then what can be done, the most servers first. */
export function measuresOf(plan: Plan, findings: readonly Finding[]): Measure[] {
  const known = new Map(findings.filter(({ kind }) => kind !== 'capacity').map((one) => [one.id, one]));
  const ofService = [...known.values()].filter(({ service }) => service === plan.service || service === '');
  const done = ofService.filter(({ state, banked }) => state === 'fixed' && (banked.observed ?? 0) > 0);
  const isOpen = ({ kind, state }: Finding) =>
    kind !== 'flag' && (state === 'new' || state === 'acknowledged');
  // The plan knows what binds, so its word on what a finding is worth goes first.
  const open =
    plan.worth.length > 0
      ? plan.worth.map(({ id, name, servers }) => measureOf(known.get(id) ?? null, { id, name, servers }))
      : ofService
          .filter(isOpen)
          .map((one) => measureOf(one, { id: one.id, name: one.title, servers: one.servers }));
  const saved = (one: Measure) => (isDone(one) ? (one.observed ?? 0) : one.saves.value);
  return [
    ...done.map((one) => measureOf(one, { id: one.id, name: one.title, servers: one.servers })),
    ...open.filter((one) => !isDone(one) && one.saves.value > 0),
  ].sort((a, b) => Number(isDone(b)) - Number(isDone(a)) || saved(b) - saved(a) || a.id.localeCompare(b.id));
}

function measureOf(finding: Finding | null, { id, name, servers }: Plan['worth'][number]): Measure {
  return {
    id,
    kind: finding?.kind ?? null,
    title: finding?.title || name,
    state: finding?.state ?? 'new',
    saves: servers,
    isMemory: finding?.kind === 'sharing',
    predicted: finding?.banked.predicted ?? null,
    observed: finding?.banked.observed ?? null,
    banked: finding?.banked.banked ?? null,
  };
}

/** Whether the saving was measured: servers needed now are without it already. */
export function isDone({ state, observed }: Measure): boolean {
  return state === 'fixed' && observed !== null;
}

/** What it was said to save when it was chosen, else what it costs. */
export function promised({ predicted, saves }: Measure): number {
  return predicted ?? Math.max(0, saves.value);
}

/** What is assumed otherwise than it is. */
export interface Assumed {
  /** Requests, in percent of now. */
  requests: number;
  /** Target utilisation in percent; `null` for as it is. */
  busy: number | null;
  /** Regions of which one may be lost; `null` for as it is. */
  regions: number | null;
}

export const AS_IT_IS: Assumed = { requests: 100, busy: null, regions: null };

export function isAsItIs({ requests, busy, regions }: Assumed): boolean {
  return requests === 100 && busy === null && regions === null;
}

/** Servers needed once a measure is carried out: whole ones, but a few in fractions. */
export interface Stair {
  /** `null` for before all of them, and for now. */
  measure: Measure | null;
  /** As promised. */
  promised: number;
  /** As measured; `null` for what is still to come. */
  measured: number | null;
}

/** From before the first measure that was carried out, over now, to after the last that can be. */
export function stairsOf(plan: Plan, measures: readonly Measure[], assumptions: Assumed): Stair[] {
  const needed = start(plan, assumptions);
  const done = isAsItIs(assumptions) ? measures.filter(isDone) : [];
  const past: Stair[] = [];
  if (done.length > 0) {
    const before = needed.servers + done.reduce((sum, { observed }) => sum + (observed ?? 0), 0);
    let [said, measured] = [before, before];
    past.push({ measure: null, promised: said, measured });
    for (const measure of done) {
      said -= measure.predicted ?? measure.observed ?? 0;
      measured -= measure.observed ?? 0;
      past.push({ measure, promised: Math.max(0, said), measured });
    }
  }
  const now: Stair = { measure: null, promised: needed.servers, measured: needed.servers };
  const open = measures.filter((measure) => !isDone(measure));
  return [
    ...past,
    now,
    ...descent(plan, open, needed).map((servers, at) => ({
      measure: open[at],
      promised: servers,
      measured: null,
    })),
  ];
}

interface Sides {
  cpu: number;
  memory: number;
}

interface Start extends Sides {
  servers: number;
  /** Whole servers and a reserve: what is in the plan's number but in neither side. */
  beside: number;
  /** How much more than now is needed. */
  factor: number;
}

const factorOf = (regions: number) => (regions > 1 ? regions / (regions - 1) : 1);

/** What is needed under other assumptions. Memory does not ask how busy servers are. */
function start(plan: Plan, { requests, busy, regions }: Assumed): Start {
  const { target_utilisation: target } = plan;
  const spread = plan.regions === null || regions === null ? 1 : factorOf(regions) / factorOf(plan.regions);
  const busier = target === null || busy === null || busy <= 0 ? 1 : (100 * target) / busy;
  const [cpu, memory] = [plan.for_cpu ?? 0, plan.for_memory ?? 0];
  const factor = (requests / 100) * spread;
  const beside = Math.max(0, plan.servers.value - ceiling(Math.max(cpu, memory)));
  const sides = { cpu: cpu * factor * busier, memory: memory * factor };
  return { ...sides, beside, factor, servers: wholeOf(plan)(Math.max(sides.cpu, sides.memory)) + beside };
}

/** So few servers are told in fractions, of which a finding's worth is one; whole ones are bought. */
const FEW = 10;

export const ceiling = (servers: number) => Math.ceil(servers - 1e-9);

const wholeOf = (plan: Plan) => (plan.servers.value < FEW ? (servers: number) => servers : ceiling);

/** Servers needed after each measure, the ones before it carried out. */
function descent(plan: Plan, measures: readonly Measure[], needed: Start): number[] {
  const now: Sides = { cpu: plan.for_cpu ?? 0, memory: plan.for_memory ?? 0 };
  const least =
    plan.together === null ? 0 : Math.max(needed.cpu, needed.memory) - plan.together * needed.factor;
  let left: Sides = needed;
  return measures.map((measure) => {
    const side = measure.isMemory ? 'memory' : 'cpu';
    // A measure takes the same share of what is left as it would take of the whole.
    const share = now[side] > 0 ? Math.min(1, Math.max(0, measure.saves.value / now[side])) : 0;
    left = { ...left, [side]: left[side] * (1 - share) };
    return wholeOf(plan)(Math.max(left.cpu, left.memory, least)) + needed.beside;
  });
}

/** What the binding resource means for findings, in words. */
export function bindingText({ binding, binding_share }: Pick<Plan, 'binding' | 'binding_share'>): string {
  const what: Record<string, string> = {
    cpu: 'freeing memory frees no server',
    memory: 'freeing CPU frees no server',
    'red line': 'the limit that it showed binds',
  };
  const certain = binding_share === null || binding_share > 0.995;
  const said = what[binding] ?? '';
  return certain || said === ''
    ? said
    : `${said} (in ${Math.round(100 * binding_share)} % of what is possible)`;
}

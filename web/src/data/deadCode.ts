// Candidates for removal, and how well the release that holds them was observed.
import type { Finding, ReportSummary } from '../api/types';
import { ownerOf } from './findings';
import { ends, type Fields, fieldsOf, number, rows, text, texts } from './json';

export const CODE_STATES = ['candidate', 'suspect', 'off', 'for_nothing'] as const;
export type CodeState = (typeof CODE_STATES)[number];

export const CODE_TITLES: Record<CodeState, string> = {
  candidate: 'Candidate',
  suspect: 'Suspect only',
  off: 'Behind an off flag',
  for_nothing: 'Runs for nothing',
};

/** One function. */
export interface Code {
  id: string;
  service: string;
  function: string;
  file: string;
  line: number;
  module: string;
  state: CodeState;
  evidence: string;
  /** Chance that it is dead, 0 to 1; `null` where nobody can tell. */
  dead: number | null;
  /** Chance that it runs in one block of observation, at most. */
  rate_at_most: number | null;
  days: number | null;
  lines: number | null;
  bytes: number | null;
  owner: string;
  changed_ms: number | null;
  servers: number;
}

export function codeOf(finding: Finding): Code {
  const detail = fieldsOf(finding.detail);
  const file = finding.file || text(detail, 'file');
  return {
    id: finding.id,
    service: finding.service,
    function: finding.function || text(detail, 'function') || finding.title,
    file,
    line: finding.line || (number(detail, 'line') ?? 0),
    module: text(detail, 'module') || file,
    state: stateOf(detail),
    evidence: [text(detail, 'evidence'), ...texts(detail, 'doubts')].filter(Boolean).join('; '),
    dead: number(detail, 'dead'),
    rate_at_most: number(detail, 'rate_at_most'),
    days: number(detail, 'days'),
    lines: number(detail, 'lines'),
    bytes: number(detail, 'bytes'),
    owner: ownerOf(finding) || text(detail, 'owner'),
    changed_ms: number(detail, 'changed_ms'),
    servers: finding.servers.value,
  };
}

/** What an analysis calls by another name is doubted. */
function stateOf(detail: Fields): CodeState {
  const state = text(detail, 'state');
  return CODE_STATES.find((known) => known === state) ?? (text(detail, 'flag') ? 'off' : 'suspect');
}

/** How many entries of the list are expected to be alive. */
export interface Mistakes {
  value: number;
  low: number | null;
  high: number | null;
}

/** As the analysis says, else the sum of the candidates' chances of being alive; `null` where neither is known. */
export function mistakesOf(codes: readonly Code[], reports: readonly ReportSummary[]): Mistakes | null {
  const said = reports
    .map(({ funnel }) => fieldsOf(funnel))
    .filter((funnel) => funnel.expected_alive !== undefined);
  if (said.length > 0) {
    const values = said.map((funnel) => {
      const range = fieldsOf(funnel.expected_alive);
      return {
        value: number(funnel, 'expected_alive') ?? number(range, 'value') ?? 0,
        ends: ends(funnel, 'expected_alive'),
      };
    });
    const isRange = values.every((one) => one.ends !== null);
    const sum = (of: (one: (typeof values)[number]) => number) =>
      values.reduce((all, one) => all + of(one), 0);
    return {
      value: sum(({ value }) => value),
      low: isRange ? sum((one) => one.ends?.low ?? 0) : null,
      high: isRange ? sum((one) => one.ends?.high ?? 0) : null,
    };
  }
  const chances = codes.filter(({ state }) => state === 'candidate').map(({ dead }) => dead);
  const known = chances.filter((dead) => dead !== null);
  if (known.length === 0 || known.length < chances.length) return null;
  return { value: known.reduce((sum, dead) => sum + 1 - dead, 0), low: null, high: null };
}

/** A part of the release. */
export interface Module {
  name: string;
  /** What its area stands for: bytes where they are known, else functions. */
  size: number;
  functions: number;
  unexecuted: number;
  /** How well it was observed, 0 to 1; `null` where that is not known. */
  observed: number | null;
}

/**
 * The modules of the release, as the analyses list them; else those that the candidates are in. What several services
 * ship is one module, as large as all of its copies.
 */
export function modulesOf(codes: readonly Code[], reports: readonly ReportSummary[]): Module[] {
  const listed = reports.flatMap(({ funnel }) => rows(fieldsOf(funnel), 'modules')).map(moduleOf);
  if (listed.length > 0) return together(listed.filter(({ size }) => size > 0));
  const found = new Map<string, Module>();
  for (const { module, bytes, lines, dead } of codes) {
    const known = found.get(module) ?? { name: module, size: 0, functions: 0, unexecuted: 0, observed: 0 };
    const observed = dead === null || known.observed === null ? null : known.observed + dead;
    const size = known.size + (bytes ?? lines ?? 1);
    found.set(module, {
      ...known,
      size,
      observed,
      functions: known.functions + 1,
      unexecuted: known.unexecuted + 1,
    });
  }
  return [...found.values()].map((one) => ({
    ...one,
    observed: one.observed === null ? null : one.observed / one.functions,
  }));
}

function together(modules: readonly Module[]): Module[] {
  const found = new Map<string, Module>();
  for (const one of modules) {
    const known = found.get(one.name);
    found.set(one.name, known ? sumOf(known, one) : one);
  }
  return [...found.values()];
}

/** Observed as well as the functions of both are on average, of those of which it is known. */
function sumOf(a: Module, b: Module): Module {
  const known = [a, b].filter(({ observed }) => observed !== null);
  const functions = known.reduce((sum, one) => sum + one.functions, 0);
  const observed = known.reduce((sum, one) => sum + (one.observed ?? 0) * one.functions, 0);
  return {
    name: a.name,
    size: a.size + b.size,
    functions: a.functions + b.functions,
    unexecuted: a.unexecuted + b.unexecuted,
    observed: functions > 0 ? observed / functions : null,
  };
}

function moduleOf(fields: Fields): Module {
  const functions = number(fields, 'functions') ?? 0;
  const known = (number(fields, 'executed') ?? 0) + (number(fields, 'unexecuted') ?? 0);
  return {
    name: text(fields, 'module'),
    size: number(fields, 'bytes') ?? functions,
    functions,
    unexecuted: number(fields, 'unexecuted') ?? 0,
    observed: number(fields, 'observed') ?? (functions > 0 && known > 0 ? known / functions : null),
  };
}

export const CODE_ORDERS = ['servers', 'size', 'dead', 'function', 'owner', 'changed'] as const;
export type CodeOrder = (typeof CODE_ORDERS)[number];

export interface CodeWanted {
  /** Empty for all. */
  service: string;
  kind: 'all' | CodeState;
  order: CodeOrder;
  filter: string;
  /** Empty for all. */
  module: string;
  /** Id of the one that is shown alone; empty for all. */
  finding: string;
}

const KEYS: Record<Exclude<CodeOrder, 'function' | 'owner'>, (code: Code) => number | null> = {
  servers: ({ servers }) => servers,
  size: ({ bytes, lines }) => bytes ?? lines,
  dead: ({ dead }) => dead,
  changed: ({ changed_ms }) => (changed_ms === null ? null : -changed_ms),
};

/** What costs servers or is largest first; the oldest first by change. What has no number stands last. */
export function arrangedCode(
  codes: readonly Code[],
  { service, kind, order, filter, module, finding }: CodeWanted,
): Code[] {
  const wanted = filter.toLowerCase();
  const found = codes.filter(
    (code) =>
      (finding === '' || code.id === finding) &&
      (service === '' || code.service === service) &&
      (kind === 'all' || code.state === kind) &&
      (module === '' || code.module === module) &&
      [code.function, code.file, code.owner].some((word) => word.toLowerCase().includes(wanted)),
  );
  const byName = (a: Code, b: Code) =>
    a.function.localeCompare(b.function, 'en') || a.file.localeCompare(b.file, 'en');
  if (order === 'function') return found.sort(byName);
  if (order === 'owner')
    return found.sort(
      (a, b) =>
        Number(a.owner === '') - Number(b.owner === '') ||
        a.owner.localeCompare(b.owner, 'en') ||
        byName(a, b),
    );
  const keyOf = (code: Code) => KEYS[order](code) ?? Number.NEGATIVE_INFINITY;
  const difference = (a: number, b: number) => (a === b ? 0 : b - a);
  return found.sort(
    (a, b) =>
      difference(keyOf(a), keyOf(b)) || (b.bytes ?? b.lines ?? 0) - (a.bytes ?? a.lines ?? 0) || byName(a, b),
  );
}

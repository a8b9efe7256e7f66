// Addresses of the query API. The one place that knows the names of its parameters.
import type { Range } from '../data/time';
import { printTime } from '../data/time';
import type { FindingKind } from './types';

/** What every query asks about. */
export interface Question {
  selector: string;
  range: Range;
  type: string;
}

type Params = Record<string, string | number | string[]>;

function address(path: string, params: Params): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const text of Array.isArray(value) ? value : [value]) search.append(name, String(text));
  }
  return `/api/v1/${path}?${search}`;
}

function common({ selector, range, type }: Question): Params {
  return { query: selector, start: printTime(range.start_ms), end: printTime(range.end_ms), type };
}

export const STATUS = '/api/v1/status';
export const HOSTS = '/api/v1/hosts';
/** The newest look of each host. */
export const MEMORY = '/api/v1/memory?limit=1000';

/** More than a screen can list; the answer says how many there are. */
const FINDINGS_MAX = 2_000;

/** Findings of one kind, or of all. */
export function findings(kind: FindingKind | ''): string {
  return address('findings', { kind, limit: FINDINGS_MAX });
}

export function finding(id: string): string {
  return `/api/v1/findings/${encodeURIComponent(id)}`;
}

export function acknowledgement(id: string): string {
  return `${finding(id)}/acknowledge`;
}

export function labels(question: Question): string {
  return address('labels', common(question));
}

export function labelValues(question: Question, name: string, limit: number): string {
  return address(`labels/${encodeURIComponent(name)}/values`, { ...common(question), limit });
}

export interface Bands {
  by: string;
  per: 'time' | 'request';
  steps: number;
}

export function timeline(question: Question, bands: Bands): string {
  return address('timeline', { ...common(question), ...bands });
}

export function breakdown(question: Question, by: string, limit: number): string {
  return address('breakdown', { ...common(question), by, limit });
}

export interface Picture {
  direction: 'callees' | 'callers';
  width: number;
  max_frames: number;
  root: readonly string[];
}

export function flameGraph(question: Question, { direction, width, max_frames, root }: Picture): string {
  const shape = { direction, width, min_px: 0.5, max_frames };
  return address('flamegraph', { ...common(question), ...shape, root: root.map(escapeName) });
}

/** A `;` in a name would be read as the end of the name. */
function escapeName(name: string): string {
  return name.replace(/[\\;]/g, '\\$&');
}

export interface TablePart {
  sort: string;
  filter: string;
  limit: number;
}

export function top(question: Question, part: TablePart): string {
  const filter: Params = part.filter === '' ? {} : { filter: part.filter };
  return address('top', { ...common(question), sort: part.sort, limit: part.limit, ...filter });
}

export function match(question: Question, pattern: string): string {
  return address('match', { ...common(question), pattern });
}

/** Files that the selection can be saved as. */
export const FORMATS = [
  { format: 'pprof', file: 'cpu.pb.gz', title: 'pprof', hint: 'go tool pprof, Perfetto, any viewer' },
  { format: 'svg', file: 'cpu.svg', title: 'SVG flame graph', hint: 'a picture to attach' },
  { format: 'folded', file: 'cpu.folded', title: 'Folded stacks', hint: 'one line a stack, for scripts' },
  { format: 'speedscope', file: 'cpu.speedscope.json', title: 'speedscope', hint: 'opens at speedscope' },
] as const;

export function download(question: Question, format: string): string {
  return address(`export/${format}`, common(question));
}

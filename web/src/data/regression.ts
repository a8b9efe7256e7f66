// The row of a regression's analysis: the step, its interval, and who may be why.
import type { Finding } from '../api/types';
import { sinceOf } from './findings';
import { type Ends, ends, type Fields, fieldsOf, isSet, number, rows, text } from './json';
import type { Range } from './time';

/** CPU per request over time, in nanoseconds; `null` where no request ended. */
export interface Series {
  start_ms: number;
  step_ms: number;
  values: (number | null)[];
}

export interface Suspect {
  /** A function, or a revision. */
  name: string;
  /** File of a function, or what is known of a revision. */
  place: string;
  before_ns: number | null;
  after_ns: number | null;
}

export interface Regression {
  before_ns: number | null;
  after_ns: number | null;
  /** What the rise is relative to: the level before, or the whole endpoint where there was next to nothing before. */
  base_ns: number | null;
  /** 95 % interval of the relative rise. */
  rise: Ends | null;
  /** Whether the function's own code got dearer, and not what it calls. */
  isOwn: boolean;
  /** What was rolled out or turned up at that time, and the group of hosts it is about, in words; often none. */
  broughtBy: { title: string; value: string }[];
  /** The label whose values are the units of evidence, or `window`. */
  unit: string;
  units: number | null;
  series: Series | null;
  suspects: Suspect[];
  /** The versions that were compared, where it is about one; `seconds` is how long each was looked at. */
  versions: { baseline: string; version: string; seconds: number } | null;
}

/** Points that are drawn at most. */
const POINTS_MAX = 5_000;

export function regressionOf(detail: unknown): Regression {
  const fields = fieldsOf(detail);
  const before_ns = number(fields, 'before_ns');
  return {
    before_ns,
    base_ns: isSet(fields, 'is_new') ? number(fields, 'endpoint_ns') : before_ns,
    isOwn: isSet(fields, 'is_own'),
    broughtBy: broughtBy(fields),
    after_ns: number(fields, 'after_ns'),
    rise: ends(fields, 'interval'),
    unit: text(fields, 'unit') || (number(fields, 'hosts') === null ? '' : 'host.name'),
    units: number(fields, 'units') ?? number(fields, 'hosts'),
    series: seriesOf(fieldsOf(fields.series)),
    suspects: rows(fields, 'suspects').map(suspectOf),
    versions: versionsOf(fields),
  };
}

function versionsOf(fields: Fields): Regression['versions'] {
  const [baseline, version] = [text(fields, 'baseline'), text(fields, 'version')];
  const seconds = number(fields, 'seconds') ?? SPAN_MS / 1000;
  return baseline === '' || version === '' ? null : { baseline, version, seconds };
}

function broughtBy(fields: Fields): Regression['broughtBy'] {
  const [flag, variant] = [text(fields, 'flag'), text(fields, 'flag_variant')];
  return [
    { title: 'Came with version', value: text(fields, 'version') },
    { title: 'Carried by flag', value: flag && variant ? `${flag} = ${variant}` : flag },
    { title: 'Only on', value: text(fields, 'group') },
  ].filter(({ value }) => value !== '');
}

function seriesOf(fields: Fields): Series | null {
  const [start_ms, step_ms] = [number(fields, 'start_ms'), number(fields, 'step_ms')];
  const { values } = fields;
  if (start_ms === null || step_ms === null || step_ms <= 0 || !Array.isArray(values)) return null;
  const points = values
    .slice(0, POINTS_MAX)
    .map((value) => (Number.isFinite(value) ? (value as number) : null));
  return points.some((value) => value !== null) ? { start_ms, step_ms, values: points } : null;
}

function suspectOf(fields: Fields): Suspect {
  return {
    name: text(fields, 'function') || text(fields, 'revision') || text(fields, 'name'),
    place: text(fields, 'place') || text(fields, 'file') || text(fields, 'subject'),
    before_ns: number(fields, 'before_ns'),
    after_ns: number(fields, 'after_ns'),
  };
}

/** The relative rise; `null` where a level is not known, or nothing can be said of one. */
export function riseOf({ before_ns, after_ns, base_ns }: Regression): number | null {
  if (before_ns === null || after_ns === null || base_ns === null || base_ns <= 0) return null;
  return (after_ns - before_ns) / base_ns;
}

/** What was counted as one observation, and how many there were; what it does not say is in the note. */
export function evidenceOf({ unit, units }: Pick<Regression, 'unit' | 'units'>): {
  value: string;
  note: string;
} {
  if (units === null || unit === '') return { value: '', note: '' };
  if (unit === 'window') {
    const stretches = `${units} ${units === 1 ? 'stretch' : 'stretches'} of time`;
    return { value: '1 host', note: `${stretches}; other hosts may differ` };
  }
  const name = unit === 'host.name' ? 'host' : 'unit';
  return { value: `${units} ${name}${units === 1 ? '' : 's'}`, note: `by ${unit}` };
}

const SPAN_MIN_MS = 600_000;
const SPAN_MAX_MS = 86_400_000;
const SPAN_MS = 3_600_000;

/** One side of a comparison in Explore: a time, and the version where versions are compared. */
export interface Side {
  range: Range;
  version: string;
}

/** What is compared: two versions at one time, or two times of one length, right before and right after a change. */
export function sidesOf(
  finding: Finding,
  regression: Regression,
  now_ms: number,
): { before: Side; after: Side } {
  const { versions, series } = regression;
  if (versions) {
    // The versions may have run side by side, or one after the other.
    const end_ms = sinceOf(finding);
    const range = { start_ms: end_ms - 2_000 * versions.seconds, end_ms };
    return { before: { range, version: versions.baseline }, after: { range, version: versions.version } };
  }
  const { before, after } = beforeAndAfter(sinceOf(finding), series, now_ms);
  return { before: { range: before, version: '' }, after: { range: after, version: '' } };
}

function beforeAndAfter(
  at_ms: number,
  series: Series | null,
  now_ms: number,
): { before: Range; after: Range } {
  const end_ms = series ? series.start_ms + series.step_ms * series.values.length : at_ms + SPAN_MS;
  const room = series ? Math.min(at_ms - series.start_ms, end_ms - at_ms) : SPAN_MS;
  const span = Math.min(Math.max(room, SPAN_MIN_MS), SPAN_MAX_MS, Math.max(now_ms - at_ms, SPAN_MIN_MS));
  return {
    before: { start_ms: at_ms - span, end_ms: at_ms },
    after: { start_ms: at_ms, end_ms: at_ms + span },
  };
}

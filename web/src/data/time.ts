// Times as the API writes them: `now`, `now-15m` or RFC 3339.

export interface Range {
  start_ms: number;
  end_ms: number;
}

const UNITS_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Choices of the time picker: how far before now a range starts. */
export const PRESETS = ['5m', '15m', '30m', '1h', '3h', '6h', '12h', '24h'] as const;

/** Milliseconds since the Unix epoch, or `null` when the text is not a time. */
export function parseTime(text: string, now_ms: number): number | null {
  if (text === 'now') return now_ms;
  const relative = /^now-(\d{1,9})([smhdw])$/.exec(text);
  if (relative) return now_ms - Number(relative[1]) * UNITS_MS[relative[2]];
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text)) return null;
  const time = Date.parse(text);
  return Number.isNaN(time) ? null : time;
}

/** RFC 3339 in UTC; whole seconds without a fraction. */
export function printTime(time_ms: number): string {
  return new Date(time_ms).toISOString().replace('.000Z', 'Z');
}

/** The range two texts stand for, or what is wrong with them. */
export function parseRange(start: string, end: string, now_ms: number): Range | string {
  const start_ms = parseTime(start, now_ms);
  const end_ms = parseTime(end, now_ms);
  if (start_ms === null) return `the start “${start}” is not a time: write now-15m or 2026-01-31T08:00:00Z`;
  if (end_ms === null) return `the end “${end}” is not a time: write now or 2026-01-31T08:15:00Z`;
  if (start_ms >= end_ms) return 'the start is not before the end';
  return { start_ms, end_ms };
}

/** What a store says of its samples: when the first window of an agent starts and the last one ends. */
export interface Bounds {
  earliest_ms?: number | null;
  latest_ms?: number | null;
}

/**
 * The part of a range in which there can be data, so that means are not thinned by time before the first sample or,
 * in a range that ends now, by what agents have not sent yet.
 */
export function covered(range: Range, { earliest_ms, latest_ms }: Bounds, ends_now: boolean): Range {
  if (earliest_ms == null || latest_ms == null) return range;
  const start_ms = Math.max(range.start_ms, earliest_ms);
  const end_ms = ends_now ? Math.min(range.end_ms, latest_ms) : range.end_ms;
  return end_ms > start_ms ? { start_ms, end_ms } : range;
}

const clockFormat = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});
const dayFormat = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });

/** `14:05:10` in the viewer's zone, without seconds where they are nought. */
export function clock(time_ms: number): string {
  return clockFormat.format(time_ms).replace(/:00$/, '');
}

export function dayAndClock(time_ms: number): string {
  return `${dayFormat.format(time_ms)} ${clockFormat.format(time_ms)}`;
}

/** What the picker's button says: `last 15 min` or both ends. */
export function rangeTitle(start: string, end: string, now_ms: number): string {
  const relative = /^now-(\d+)([smhdw])$/.exec(start);
  const words: Record<string, string> = { s: 's', m: 'min', h: 'h', d: 'd', w: 'weeks' };
  if (relative && end === 'now') return `last ${relative[1]} ${words[relative[2]]}`;
  const range = parseRange(start, end, now_ms);
  if (typeof range === 'string') return 'pick a time';
  const sameDay = dayFormat.format(range.start_ms) === dayFormat.format(range.end_ms);
  return `${dayAndClock(range.start_ms)} – ${(sameDay ? clock : dayAndClock)(range.end_ms)}`;
}

/** A time as `<input type="datetime-local">` wants it, and back. */
export function toLocalInput(time_ms: number): string {
  const local = time_ms - new Date(time_ms).getTimezoneOffset() * 60_000;
  return new Date(local).toISOString().slice(0, 19);
}

export function fromLocalInput(text: string): number | null {
  const time = text === '' ? Number.NaN : new Date(text).getTime();
  return Number.isNaN(time) ? null : time;
}

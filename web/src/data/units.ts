// Numbers as people read them: cores for rates, CPU-seconds for totals, shares in percent.

/** A value of a profile in the unit that fits it, and as a rate over a time. */
export interface Amount {
  /** `1.23 cores`, or the value itself for what is not time. */
  rate: string;
  /** `74 CPU-s`, or empty for what is not time. */
  sum: string;
}

const NANOSECONDS = 'nanoseconds';

export function amount(value: number, unit: string, over_ms: number): Amount {
  if (unit !== NANOSECONDS) return { rate: `${count(value)} ${unit}`, sum: '' };
  return { rate: `${cores(coresOf(value, over_ms))} cores`, sum: cpuSeconds(value) };
}

/** The short form for a column of a table: the unit stands in its head. */
export function rate(value: number, unit: string, over_ms: number): string {
  return unit === NANOSECONDS ? cores(coresOf(value, over_ms)) : count(value);
}

export function coresOf(cpu_ns: number, over_ms: number): number {
  return over_ms > 0 ? cpu_ns / (over_ms * 1e6) : 0;
}

/** A number that is not negative, short: cores, requests a second, milliseconds. */
export function short(value: number): string {
  if (value > 0 && value < 0.0005) return '<0.001';
  return significant(value);
}

export const cores = short;

export function cpuSeconds(cpu_ns: number): string {
  return `${short(cpu_ns / 1e9)} CPU-s`;
}

/** The same where there may be no number. */
export function shortOrNone(value: number | null): string {
  return value === null ? '–' : short(value);
}

/** A number that may be negative, with its sign: `+2.40`, `−0.310`, `0`; `<+0.001` and `>−0.001` next to it. */
export function signed(value: number): string {
  const text = short(Math.abs(value));
  if (text === '0') return text;
  if (text.startsWith('<')) return value < 0 ? `>−${text.slice(1)}` : `<+${text.slice(1)}`;
  return `${value < 0 ? '−' : '+'}${text}`;
}

const TIMES: readonly (readonly [number, string])[] = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
  [1, 'ns'],
];

/** CPU of one request in the unit that suits it: `4.20 ms`, `−310 µs`. */
export function cpuTime(cpu_ns: number): string {
  const [size, unit] = TIMES.find(([least]) => Math.abs(cpu_ns) >= least) ?? TIMES[TIMES.length - 1];
  return `${cpu_ns < 0 ? '−' : ''}${short(Math.abs(cpu_ns) / size)} ${unit}`;
}

/** A relative change: `+2.1 %`. */
export function percentage(change: number): string {
  const text = (100 * Math.abs(change)).toFixed(Math.abs(change) < 9.9995 ? 1 : 0);
  return `${Number(text) === 0 ? '±' : change < 0 ? '−' : '+'}${text} %`;
}

/** How far a number is from another: `+2.1 %`, `−12 %`. */
export function difference(value: number, from: number): string {
  const percent = (100 * (value - from)) / from;
  const size = Math.abs(percent);
  const text = size.toFixed(size < 9.95 ? 1 : 0);
  return `${Number(text) === 0 ? '±' : percent < 0 ? '−' : '+'}${text} %`;
}

/** Three digits after the point below one, fewer above, thousands apart. */
function significant(value: number): string {
  const size = Math.abs(value);
  const digits = size === 0 ? 0 : size < 1 ? 3 : size < 10 ? 2 : size < 100 ? 1 : 0;
  return FORMATS[digits].format(value);
}

/** By digits after the point. Made once: making one costs as much as a hundred uses. */
const FORMATS = [0, 1, 2, 3].map(
  (digits) => new Intl.NumberFormat('en', { minimumFractionDigits: digits, maximumFractionDigits: digits }),
);

export function share(part: number, whole: number): string {
  if (!(whole > 0)) return '–';
  const percent = (100 * part) / whole;
  if (percent === 0) return '0 %';
  if (percent > 0 && percent < 0.005) return '<0.01 %';
  return `${percent.toFixed(percent >= 99.95 ? 0 : percent >= 10 ? 1 : 2)} %`;
}

export function count(value: number): string {
  return FORMATS[0].format(Math.round(value));
}

export function bytes(value: number): string {
  const steps = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(steps.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, value)) / 10)));
  return `${(value / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${steps[power]}`;
}

/** Megabytes as the agents count them, of a million bytes. */
export function megabytes(mb: number): string {
  return mb >= 1000 ? `${short(mb / 1000)} GB` : `${short(mb)} MB`;
}

/** `45 s`, `3 min`, `2 h 5 min`, `4 d`. */
export function duration(length_ms: number): string {
  const seconds = Math.round(length_ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.round(hours / 24)} d`;
}

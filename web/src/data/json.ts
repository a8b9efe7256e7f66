// Reads JSON whose form the API does not fix: what is absent or of another type falls back and never fails.

export type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function number(fields: Fields, name: string): number | null {
  const value = fields[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

export function text(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === 'string' ? value : '';
}

export function isSet(fields: Fields, name: string): boolean {
  return fields[name] === true;
}

export function rows(fields: Fields, name: string): Fields[] {
  const value = fields[name];
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

export function texts(fields: Fields, name: string): string[] {
  const value = fields[name];
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

export interface Ends {
  low: number;
  high: number;
}

/** An interval, as two numbers or as `{low, high}`. */
export function ends(fields: Fields, name: string): Ends | null {
  const value = fields[name];
  const read = Array.isArray(value) ? { low: value[0], high: value[1] } : fieldsOf(value);
  const [low, high] = [number(read, 'low'), number(read, 'high')];
  return low === null || high === null ? null : { low, high };
}

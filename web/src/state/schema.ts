// Typed state of a page in the query part of its URL: one codec per field, printing and parsing inverse.

/** How one field is written. `parse` gives `null` for what it cannot read, and the fallback then holds. */
export interface Codec<T> {
  fallback: T;
  parse(texts: string[]): T | null;
  print(value: T): string[];
}

export type Schema<S> = { [K in keyof S]: Codec<S[K]> };

export function parse<S>(schema: Schema<S>, search: string): S {
  const params = new URLSearchParams(search);
  const state = {} as S;
  for (const name of Object.keys(schema) as (keyof S & string)[]) {
    const texts = params.getAll(name);
    const value = texts.length === 0 ? null : schema[name].parse(texts);
    state[name] = value ?? schema[name].fallback;
  }
  return state;
}

/** Writes what differs from the fallbacks, in the order of the schema. */
export function print<S>(schema: Schema<S>, state: S): string {
  const params = new URLSearchParams();
  for (const name of Object.keys(schema) as (keyof S & string)[]) {
    const texts = schema[name].print(state[name]);
    if (JSON.stringify(texts) === JSON.stringify(schema[name].print(schema[name].fallback))) continue;
    for (const text of texts) params.append(name, text);
  }
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}

export const text = (fallback: string): Codec<string> => ({
  fallback,
  parse: ([first]) => first,
  print: (value) => [value],
});

export const flag = (): Codec<boolean> => ({
  fallback: false,
  parse: ([first]) => first === '1',
  print: (value) => (value ? ['1'] : []),
});

export const choice = <T extends string>(choices: readonly [T, ...T[]]): Codec<T> => ({
  fallback: choices[0],
  parse: ([first]) => choices.find((known) => known === first) ?? null,
  print: (value) => [value],
});

export const list = (): Codec<string[]> => ({
  fallback: [],
  parse: (texts) => texts,
  print: (values) => values,
});

/** A count, or `null` for all of it. */
export const countOrAll = (): Codec<number | null> => ({
  fallback: null,
  parse: ([first]) => (/^\d{1,6}$/.test(first) ? Number(first) : null),
  print: (value) => (value === null ? [] : [String(value)]),
});

/** A part of a whole, `0.25-0.5`; the whole is the fallback. */
export const part = (): Codec<{ start: number; end: number }> => ({
  fallback: { start: 0, end: 1 },
  parse: ([first]) => {
    const [start, end] = first.split('-').map(Number);
    return start >= 0 && end <= 1 && start < end ? { start, end } : null;
  },
  print: ({ start, end }) => [`${decimals(start)}-${decimals(end)}`],
});

/** No exponent: its minus sign would be read as the dash. */
function decimals(value: number): string {
  return String(Number(value.toFixed(7))).includes('e') ? value.toFixed(7) : String(Number(value.toFixed(7)));
}

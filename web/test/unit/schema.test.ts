import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  choice,
  countOrAll,
  flag,
  list,
  parse,
  part,
  print,
  type Schema,
  text,
} from '../../src/state/schema';

interface Page {
  query: string;
  view: 'both' | 'graph' | 'table';
  on: boolean;
  path: string[];
  focus: number | null;
  zoom: { start: number; end: number };
}

const schema: Schema<Page> = {
  query: text('now'),
  view: choice(['both', 'graph', 'table']),
  on: flag(),
  path: list(),
  focus: countOrAll(),
  zoom: part(),
};

const words = fc.string({ unit: 'grapheme' });
/** Zooms as they come from the wheel, to the seven digits that are kept. */
const zoom = fc
  .tuple(fc.integer({ min: 0, max: 9_999_998 }), fc.integer({ min: 1, max: 10_000_000 }))
  .filter(([start, end]) => start < end)
  .map(([start, end]) => ({ start: start / 1e7, end: end / 1e7 }));
const page: fc.Arbitrary<Page> = fc.record({
  query: words,
  view: fc.constantFrom('both', 'graph', 'table'),
  on: fc.boolean(),
  path: fc.array(words, { maxLength: 6 }),
  focus: fc.option(fc.nat(999_999)),
  zoom,
});

describe('state in the address', () => {
  it('is read back as it was written', () => {
    fc.assert(
      fc.property(page, (state) => {
        expect(parse(schema, print(schema, state))).toEqual(state);
      }),
    );
  });

  it('is written once: reading any text and writing it twice gives the same', () => {
    fc.assert(
      fc.property(fc.webQueryParameters(), (search) => {
        const once = print(schema, parse(schema, search));
        expect(print(schema, parse(schema, once))).toBe(once);
      }),
    );
  });

  it('leaves out what nobody changed', () => {
    expect(print(schema, parse(schema, ''))).toBe('');
    expect(print(schema, parse(schema, '?view=graph&stray=1'))).toBe('?view=graph');
  });

  it('falls back where a value cannot be read', () => {
    const state = parse(schema, '?view=cube&focus=-1&zoom=0.9-0.1&on=yes');
    expect(state).toEqual(parse(schema, ''));
  });

  it('never writes an exponent, whose sign would be read as the dash', () => {
    const state = { ...parse(schema, ''), zoom: { start: 1e-7, end: 2e-7 } };
    expect(print(schema, state)).toBe('?zoom=0.0000001-0.0000002');
  });
});

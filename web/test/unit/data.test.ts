import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { complete, quote, wishAt, withBraces, withMatcher } from '../../src/data/selector';
import { covered, parseRange, parseTime, printTime } from '../../src/data/time';
import { amount, bytes, coresOf, cpuSeconds, duration, share } from '../../src/data/units';

const NOW = Date.parse('2026-11-22T12:00:00Z');

describe('units', () => {
  it('gives cores as CPU-seconds per second', () => {
    expect(coresOf(90e9, 60_000)).toBe(1.5);
    expect(coresOf(1, 0)).toBe(0);
    expect(amount(90e9, 'nanoseconds', 60_000)).toEqual({ rate: '1.50 cores', sum: '90.0 CPU-s' });
    expect(amount(1234, 'bytes', 60_000)).toEqual({ rate: '1,234 bytes', sum: '' });
  });

  it('keeps numbers short without lying about nought', () => {
    const check = (cpu_ns: number, text: string) => expect(cpuSeconds(cpu_ns)).toBe(text);
    check(0, '0 CPU-s');
    check(1, '<0.001 CPU-s');
    check(0.25e9, '0.250 CPU-s');
    check(1.234e9, '1.23 CPU-s');
    check(12_345e9, '12,345 CPU-s');
    expect([share(0, 10), share(1, 1e6), share(1, 300), share(1, 3), share(10, 10), share(1, 0)]).toEqual([
      '0 %',
      '<0.01 %',
      '0.33 %',
      '33.3 %',
      '100 %',
      '–',
    ]);
    expect([bytes(0), bytes(1536), bytes(38_400_000)]).toEqual(['0 B', '1.5 KiB', '36.6 MiB']);
    expect([5_000, 300_000, 7_500_000, 4 * 86_400_000].map(duration)).toEqual([
      '5 s',
      '5 min',
      '2 h 5 min',
      '4 d',
    ]);
  });
});

describe('time', () => {
  it('reads what the API reads', () => {
    const check = (text: string, expected: string | null) =>
      expect(parseTime(text, NOW)).toBe(expected && Date.parse(expected));
    check('now', '2026-11-22T12:00:00Z');
    check('now-15m', '2026-11-22T11:45:00Z');
    check('now-2d', '2026-11-20T12:00:00Z');
    check('2026-11-22T10:00:00+02:00', '2026-11-22T08:00:00Z');
    for (const bad of ['', 'now+1h', 'now-1y', 'yesterday', '2026-11-22', '2026-13-45T00:00:00Z'])
      check(bad, null);
  });

  it('prints what it reads', () => {
    const moments = fc.integer({ min: 0, max: 4e12 });
    fc.assert(
      fc.property(moments, (time_ms) => {
        expect(parseTime(printTime(time_ms), NOW)).toBe(time_ms);
      }),
    );
  });

  it('says what is wrong with a range', () => {
    expect(parseRange('now-1h', 'now', NOW)).toEqual({ start_ms: NOW - 3_600_000, end_ms: NOW });
    expect(parseRange('then', 'now', NOW)).toMatch(/start “then”/);
    expect(parseRange('now', 'now-1h', NOW)).toMatch(/not before/);
  });

  it('takes means over the time with data', () => {
    const check = (
      earliest_ms: number | null,
      latest_ms: number | null,
      ends_now: boolean,
      expected: number[],
    ) => {
      const { start_ms, end_ms } = covered(
        { start_ms: 100_000, end_ms: 200_000 },
        { earliest_ms, latest_ms },
        ends_now,
      );
      expect([start_ms, end_ms]).toEqual(expected);
    };
    check(0, 999_000, true, [100_000, 200_000]);
    check(150_000, 170_000, true, [150_000, 170_000]);
    check(150_000, 170_000, false, [150_000, 200_000]);
    check(500_000, 600_000, true, [100_000, 200_000]);
    check(null, null, true, [100_000, 200_000]);
  });
});

describe('selector', () => {
  it('knows what is typed at the cursor, marked |', () => {
    const check = (marked: string, expected: object) =>
      expect(wishAt(marked.replace('|', ''), marked.indexOf('|'))).toMatchObject(expected);
    check('|', { kind: 'name', prefix: '' });
    check('{|', { kind: 'name', prefix: '', from: 1 });
    check('{ serv|', { kind: 'name', prefix: 'serv', from: 2, to: 6 });
    check('serv|', { kind: 'name', prefix: 'serv' });
    check('{endpoint!|', { kind: 'operator', label: 'endpoint', from: 9, to: 10 });
    check('{endpoint |', { kind: 'operator', label: 'endpoint' });
    check('{"odd name"|', { kind: 'operator', label: 'odd name' });
    check('{service.name=|', { kind: 'value', label: 'service.name', prefix: '', from: 14 });
    check('{service.name=~"fe|', { kind: 'value', label: 'service.name', prefix: 'fe', from: 15 });
    check('{a="x, {y=", b|', { kind: 'name', prefix: 'b' });
    check('{a="x"|', { kind: 'next' });
    check('{a="x", b!="\\"|', { kind: 'value', label: 'b' });
  });

  it('puts a completion where it belongs', () => {
    const check = (marked: string, insert: string, expected: string) => {
      const text = marked.replace('|', '');
      const edit = complete(text, wishAt(text, marked.indexOf('|')), insert);
      expect(`${edit.text.slice(0, edit.cursor)}|${edit.text.slice(edit.cursor)}`).toBe(expected);
    };
    check('{ser|', 'service.name=', '{service.name=|');
    check('{service.name="fe|', '"feed"', '{service.name="feed"|');
    check('{service.name="fe|ed", b="1"}', '"feed"', '{service.name="feed"|, b="1"}');
    check('{endpoint |', '=~"', '{endpoint=~"|');
  });

  it('adds a condition once', () => {
    expect(withMatcher('', 'service.name', 'feed')).toBe('{service.name="feed"}');
    expect(withMatcher('{a="1", }', 'b', 'x"y')).toBe('{a="1", b="x\\"y"}');
    expect(withMatcher('{a="1"}', 'a', '1')).toBe('{a="1"}');
    expect(withMatcher('{b="2",a="1"}', 'a', '1')).toBe('{b="2",a="1"}');
    expect(withMatcher('{ba="1"}', 'a', '1')).toBe('{ba="1", a="1"}');
    expect(withMatcher('{}', 'endpoint', '', '!=')).toBe('{endpoint!=""}');
    expect(withMatcher('a="1"', 'odd name', '2')).toBe('{a="1", "odd name"="2"}');
  });

  it('quotes so that the quotes end where the value ends', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        expect(quote(value)).toMatch(/^"(\\.|[^"\\])*"$/su);
      }),
    );
  });

  it('puts braces around what has none, and knows how far that moves an error', () => {
    expect(withBraces(' ')).toEqual({ text: '{}', shift: 0 });
    expect(withBraces('a="1"')).toEqual({ text: '{a="1"}', shift: 1 });
    expect(withBraces('{a="1"')).toEqual({ text: '{a="1"', shift: 0 });
  });
});

import { describe, expect, it } from 'vitest';
import type { Breakdown, BreakdownRow, TimelineSeries } from '../../src/api/types';
import { arrange, costsOf, widest } from '../../src/data/costs';
import { labelGroups, labelTitle, valueTitle } from '../../src/data/labels';
import { meanPerRequest } from '../../src/data/requests';
import { difference, short, shortOrNone } from '../../src/data/units';
import { lines, runs, stack } from '../../src/layout/bands';

const FLAG = 'feature_flag.result.variant.';

function row(value: string, cpu_ms: number, requests: number, rest = 0): BreakdownRow {
  const per = requests === 0 ? null : (cpu_ms * 1e6) / requests;
  return {
    ...{ value, rest, requests, measured: requests, client_errors: 0, server_errors: 0 },
    ...{ cpu_ns: cpu_ms * 1e6, cores: 0, requests_per_s: 0 },
    ...{ cpu_ns_per_request: per, counted_cpu_ns_per_request: per, instructions_per_request: null },
  };
}

const answer: Breakdown = {
  by: 'endpoint',
  seconds: 900,
  values_total: 14,
  rows: [
    row('GET /a', 900, 90),
    row('', 500, 0),
    row('GET /b', 300, 3),
    row('POST /c', 200, 400),
    row('', 100, 7, 10),
  ],
  total: row('', 2000, 500),
};

describe('labels', () => {
  it('shows a flag by its key and what is no value as what it is', () => {
    expect([`${FLAG}new_ranker`, `${FLAG}odd key`, 'endpoint'].map(labelTitle)).toEqual([
      'flag new_ranker',
      'flag odd key',
      'endpoint',
    ]);
    const check = (value: string, rest: number, title: string) =>
      expect(valueTitle({ value, rest })).toBe(title);
    check('GET /a', 0, 'GET /a');
    check('', 0, '(none)');
    check('', 1234, '1,234 more');
  });

  it('offers endpoint and service first, then flags, and always what is chosen', () => {
    const names = (known: string[], chosen: string) =>
      labelGroups(known, chosen).map((group) => [group.title, ...group.names]);
    expect(names(['host.name', 'service.name', `${FLAG}b`, 'endpoint', `${FLAG}a`], 'host.name')).toEqual([
      ['Common', 'endpoint', 'service.name'],
      ['Flags', `${FLAG}a`, `${FLAG}b`],
      ['Other labels', 'host.name'],
    ]);
    expect(names([], 'gone')).toEqual([['Other labels', 'gone']]);
  });
});

describe('costs', () => {
  const { rows, rest, total } = costsOf(answer, 100_000);

  it('takes the cost of a flag from the program, whose clock runs before the flag is evaluated', () => {
    const counted = { ...row('on', 100, 100), counted_cpu_ns_per_request: 5e6 };
    const costOf = (by: string) => costsOf({ ...answer, by, rows: [counted] }, 1).rows[0]?.request_ms;
    expect([costOf('endpoint'), costOf(`${FLAG}new_ranker`)]).toEqual([1, 5]);
  });

  it('takes rates over the time with data, so that rate × CPU per request = cores', () => {
    for (const cost of [...rows, total].filter(({ requests }) => requests > 0)) {
      expect((cost.requests_per_s * cost.request_ms!) / 1000).toBeCloseTo(cost.cores, 12);
    }
    expect(rows[0]).toMatchObject({ cores: 0.009, requests_per_s: 0.9, request_ms: 10, counted_ms: 10 });
    expect(rows[1]).toMatchObject({ value: '', requests_per_s: 0, request_ms: null, counted_ms: null });
    expect(costsOf(answer, 0).total).toMatchObject({ cores: 0, requests_per_s: 0 });
  });

  it('keeps the folded rest apart', () => {
    expect(rows.map(({ value }) => value)).toEqual(['GET /a', '', 'GET /b', 'POST /c']);
    expect(rest).toMatchObject({ rest: 10, requests: 7 });
    expect(costsOf({ ...answer, rows: answer.rows.slice(0, 2) }, 1).rest).toBeNull();
  });

  it('sorts and filters, what has no number last', () => {
    const check = (order: Parameters<typeof arrange>[1], filter: string, expected: string[]) =>
      expect(arrange(rows, order, filter).map(valueTitle)).toEqual(expected);
    check('cores', '', ['GET /a', '(none)', 'GET /b', 'POST /c']);
    check('request', '', ['GET /b', 'GET /a', 'POST /c', '(none)']);
    check('rate', '', ['POST /c', 'GET /a', 'GET /b', '(none)']);
    check('server', '', ['(none)', 'GET /a', 'GET /b', 'POST /c']);
    check('value', 'get', ['GET /a', 'GET /b']);
    check('cores', 'NONE', ['(none)']);
    expect([widest(rows, 'cores'), widest(rows, 'request'), widest([], 'cores')]).toEqual([9e8, 100, 1]);
  });
});

describe('requests', () => {
  const series = (cores: number[], requests: number[], cpu_ms: (number | null)[]): TimelineSeries => ({
    ...{ value: '', rest: 0, cores, requests, cpu_ms_per_request: cpu_ms },
    total: cores.reduce((sum, one) => sum + one * 1e10, 0),
  });
  const both = [
    series([0.5, 0, 0.5], [50, 0, 50], [100, null, 100]),
    series([0.1, 0.1, 0.1], [0, 0, 0], [null, null, null]),
  ];

  it('divides all CPU by all requests', () => {
    expect(meanPerRequest(both.slice(0, 1))).toEqual({ request_ms: 100, requests: 100 });
    expect(meanPerRequest(both)).toEqual({ request_ms: 130, requests: 100 });
    expect(meanPerRequest(both.slice(1))).toEqual({ request_ms: null, requests: 0 });
  });

  it('draws costs of a request as lines that do not add up, and cores as bands that do', () => {
    const timeline = { start_ms: 0, step_ms: 10_000, total: 0, series: both };
    expect(lines(timeline)).toMatchObject({ per: 'request', steps: 3, peak: 100 });
    expect(stack(timeline)).toMatchObject({ per: 'time', steps: 3, peak: 0.6 });
    expect(runs([1, null, null, 2, 3, null, 4])).toEqual([
      [0, 1],
      [3, 5],
      [6, 7],
    ]);
    expect(runs([null])).toEqual([]);
  });

  it('says how far two numbers are apart', () => {
    const check = (value: number, from: number, text: string) => expect(difference(value, from)).toBe(text);
    check(102.1, 100, '+2.1 %');
    check(88, 100, '−12 %');
    check(100.01, 100, '±0.0 %');
    check(90.01, 100, '−10 %');
    expect([short(0), short(0.0001), shortOrNone(null), shortOrNone(1234)]).toEqual([
      '0',
      '<0.001',
      '–',
      '1,234',
    ]);
  });
});

import { describe, expect, it } from 'vitest';
import type { Finding, Range, ReportSummary } from '../../src/api/types';
import {
  arranged,
  counted,
  type FindingOrder,
  ownerOf,
  type Shown,
  servicesOf,
  sinceOf,
} from '../../src/data/findings';
import { arrangedFlags, constantsOf, flagsOf, keyOf } from '../../src/data/flags';
import { lookedAt, measureOf, shownOf, stagesOf } from '../../src/data/funnel';
import { ends, fieldsOf, number, rows, text, texts } from '../../src/data/json';
import { evidenceOf, regressionOf, sidesOf } from '../../src/data/regression';
import { cpuTime, percentage, signed } from '../../src/data/units';

const range = (value: number, spread = 0): Range => ({ value, low: value - spread, high: value + spread });

function finding(id: string, servers: number, rest: Partial<Finding> = {}): Finding {
  return {
    ...{ id, kind: 'regression', service: 'feed', title: id, state: 'new', servers: range(servers) },
    ...{ cores: range(servers * 8), owner: '', endpoints: [], function: '', file: '', line: 0, at_ms: 0 },
    ...{ first_seen_ms: 0, last_seen_ms: 0, acknowledged: null, history: [], banked: {}, detail: null },
    ...rest,
  };
}

const report = (funnel: unknown, at_ms = 0): ReportSummary => ({
  ...{ kind: 'regression', service: '', at_ms, complete: true, funnel },
});

describe('numbers of findings', () => {
  it('have a sign, a unit that fits, and no minus before a zero', () => {
    expect([2.4, -0.31, 0].map(signed)).toEqual(['+2.40', '−0.310', '0']);
    expect([0.0001, -0.0001].map(signed)).toEqual(['<+0.001', '>−0.001']);
    expect([4.2e6, -310_000, 2.5e9, 12, 0].map(cpuTime)).toEqual([
      '4.20 ms',
      '−310 µs',
      '2.50 s',
      '12.0 ns',
      '0 ns',
    ]);
    expect([0.253, -0.004, 0.0001, 12].map(percentage)).toEqual(['+25.3 %', '−0.4 %', '±0.0 %', '+1200 %']);
  });
});

describe('JSON without a fixed form', () => {
  it('falls back where something is absent or of another type', () => {
    const fields = fieldsOf({
      a: 1,
      b: 'x',
      c: [1, 2],
      d: { low: 1, high: 2 },
      e: [{ a: 1 }, 3],
      f: ['x', 1],
    });
    expect([number(fields, 'a'), number(fields, 'b'), number(fields, 'z')]).toEqual([1, null, null]);
    expect([text(fields, 'b'), text(fields, 'a')]).toEqual(['x', '']);
    expect([ends(fields, 'c'), ends(fields, 'd'), ends(fields, 'f')]).toEqual([
      { low: 1, high: 2 },
      { low: 1, high: 2 },
      null,
    ]);
    expect([rows(fields, 'e'), rows(fields, 'a'), texts(fields, 'f')]).toEqual([[{ a: 1 }, {}], [], ['x']]);
    expect([null, 3, [1]].map(fieldsOf)).toEqual([{}, {}, {}]);
  });
});

describe('a list of findings', () => {
  const all = [
    finding('small', 1, { at_ms: 30, function: 'rank', owner: '@b' }),
    finding('large', 9, { at_ms: 10, service: 'search', endpoints: ['GET /q'] }),
    finding('gone', 5, { at_ms: 20, state: 'went_away', function: 'load', owner: '@a' }),
  ];

  it('is counted by state', () => {
    expect(counted(all)).toEqual({ new: 2, acknowledged: 0, fixed: 0, went_away: 1, all: 3 });
    expect(servicesOf([...all, finding('x', 0, { service: '' })])).toEqual(['feed', 'search']);
  });

  it('is filtered and sorted, what has no text last', () => {
    const check = (shown: Shown, order: FindingOrder, filter: string, expected: string[], service = '') =>
      expect(arranged(all, { shown, order, filter, service }).map(({ id }) => id)).toEqual(expected);
    check('new', 'servers', '', ['large', 'small']);
    check('all', 'servers', '', ['large', 'gone', 'small']);
    check('all', 'since', '', ['small', 'gone', 'large']);
    check('all', 'function', '', ['gone', 'small', 'large']);
    check('all', 'owner', '', ['gone', 'small', 'large']);
    check('all', 'state', '', ['large', 'small', 'gone']);
    check('all', 'servers', '/Q', ['large']);
    check('all', 'servers', '', ['large'], 'search');
    check('fixed', 'servers', '', []);
  });

  it('began when its cause did, or when it was first seen', () => {
    expect([5, 0].map((at_ms) => sinceOf(finding('x', 1, { at_ms, first_seen_ms: 7 })))).toEqual([5, 7]);
  });

  it('names who took a finding on before whom the repository names', () => {
    const acknowledged = { owner: 'kim', reason: '', at_ms: 0, expires_ms: 0, servers: 1, at_most: 1 };
    expect(ownerOf(finding('x', 1, { owner: '@a', acknowledged }))).toBe('kim');
    expect(ownerOf(finding('x', 1, { owner: '@a' }))).toBe('@a');
  });
});

describe('the funnel', () => {
  it('adds scopes up, known stages first, and keeps measures apart', () => {
    const reports = [
      report({ findings: 1, series: 10, new_stage: 2, detectable_share: 0.02, why: 'x' }, 500),
      report({ series: 5, small: 3, detectable_share: 0.05 }, 400),
    ];
    expect(stagesOf(reports).map(({ title, count }) => [title, count])).toEqual([
      ['series looked at', 15],
      ['too small to tell', 3],
      ['reported', 1],
      ['new stage', 2],
    ]);
    expect([measureOf(reports, 'detectable_share'), measureOf(reports, 'floor')]).toEqual([0.05, null]);
    expect([lookedAt(reports), lookedAt([])]).toEqual([400, null]);
    expect(stagesOf([report(null)])).toEqual([]);
    const endpoints = [
      { endpoint: 'a', detectable: null, hosts: 1 },
      { endpoint: 'b', detectable: 0.1 },
    ];
    const seen = shownOf([
      report({ endpoints }),
      report({ endpoints: [{ endpoint: 'c', detectable: 0.02, hosts: 9 }] }),
    ]);
    expect(seen.map(({ endpoint, hosts }) => [endpoint, hosts])).toEqual([
      ['c', 9],
      ['b', 0],
      ['a', 1],
    ]);
  });
});

describe('a regression', () => {
  const detail = {
    ...{ before_ns: 4e6, after_ns: 5e6, interval: [0.2, 0.3], unit: 'host.name', units: 10 },
    series: { start_ms: 1_000, step_ms: 60_000, values: [1, null, 'x', 3] },
    suspects: [
      { function: 'rank', place: 'rank.py', before_ns: 1, after_ns: 2 },
      { revision: 'abc', subject: 'Sort' },
    ],
  };

  it('is read from its row, and from less', () => {
    expect(regressionOf(detail)).toMatchObject({
      ...{ before_ns: 4e6, rise: { low: 0.2, high: 0.3 } },
      series: { values: [1, null, null, 3] },
      suspects: [
        { name: 'rank', place: 'rank.py', before_ns: 1, after_ns: 2 },
        { name: 'abc', place: 'Sort', before_ns: null, after_ns: null },
      ],
    });
    expect(regressionOf({ ...detail, is_new: true, endpoint_ns: 9e6 }).base_ns).toBe(9e6);
    expect(regressionOf({ version: '1.2', flag: 'a', flag_variant: 'on', group: '' }).broughtBy).toEqual([
      { title: 'Came with version', value: '1.2' },
      { title: 'Carried by flag', value: 'a = on' },
    ]);
    expect(regressionOf(null)).toMatchObject({ before_ns: null, rise: null, series: null, suspects: [] });
    expect(regressionOf({ series: { start_ms: 0, step_ms: 0, values: [1] } }).series).toBeNull();
    expect(regressionOf({ series: { start_ms: 0, step_ms: 1, values: [null] } }).series).toBeNull();
  });

  it('says what was counted, and that one host says little', () => {
    const check = (unit: string, units: number | null, value: string, note: string) =>
      expect(evidenceOf({ unit, units })).toEqual({ value, note });
    check('host.name', 12, '12 hosts', 'by host.name');
    check('host.name', 1, '1 host', 'by host.name');
    check('k8s.pod', 2, '2 units', 'by k8s.pod');
    check('window', 28, '1 host', '28 stretches of time; other hosts may differ');
    check('', 3, '', '');
  });

  it('is compared over as much time before as after, within what is known', () => {
    const hour = 3_600_000;
    const series = { start_ms: 0, step_ms: hour, values: Array(10).fill(1) };
    const span = (at_ms: number, now_ms: number, known: object = { series }) => {
      const { before, after } = sidesOf(finding('x', 1, { at_ms }), regressionOf(known), now_ms);
      expect([before.range.end_ms, after.range.start_ms, after.version]).toEqual([at_ms, at_ms, '']);
      const [length, other] = [before.range, after.range].map(({ start_ms, end_ms }) => end_ms - start_ms);
      expect(length).toBe(other);
      return length / hour;
    };
    expect([span(4 * hour, 99 * hour), span(8 * hour, 99 * hour), span(4 * hour, 5 * hour)]).toEqual([
      4, 2, 1,
    ]);
    expect(span(9 * hour, 99 * hour, {})).toBe(1);
  });

  it('of a version is compared with the version before, at one time', () => {
    const row = { baseline: '1', version: '2', seconds: 600, hosts: 4 };
    const { before, after } = sidesOf(finding('x', 1, { first_seen_ms: 9e6 }), regressionOf(row), 1e7);
    expect([before.version, after.version]).toEqual(['1', '2']);
    expect([before.range, after.range]).toEqual(Array(2).fill({ start_ms: 78e5, end_ms: 9e6 }));
    expect(regressionOf(row)).toMatchObject({ unit: 'host.name', units: 4 });
  });
});

describe('flags', () => {
  const row = (flag: string, endpoint: string, difference_ns: number, rest: object = {}) =>
    finding(`${flag} ${endpoint}`, 1, {
      kind: 'flag',
      detail: {
        ...{ flag, endpoint, variant: 'on', baseline_variant: 'off', difference_ns },
        ...{
          interval_ns: [difference_ns * 0.5, difference_ns * 1.5],
          cores: 2,
          cores_at_full: 8,
          servers_at_full: 1,
        },
        ...{ is_random: true, unit: 'host.name', units: 4 },
        ...rest,
      },
    });
  const all = [
    row('ranker', 'GET /a', 1e6),
    row('ranker', 'GET /b', -1e6, { cores: -1, cores_at_full: -2, servers_at_full: -0.25, is_random: false }),
    row('banner', 'GET /a', 1e6, { cores_at_full: 40, servers_at_full: 5, sample_ratio_p_value: 1e-6 }),
    finding('over', 1, { state: 'went_away', detail: { flag: 'over', difference_ns: 1 } }),
    finding('never', 0, { detail: { flag: 'never', variant: 'off', evaluations: 7 } }),
  ];

  it('scales one interval to cores and servers, now and at full exposure', () => {
    expect(flagsOf(all.slice(0, 1))[0]).toMatchObject({
      amounts: {
        now: { cores: { value: 2, low: 1, high: 3 }, servers: { value: 0.25, low: 0.125, high: 0.375 } },
        full: { cores: { value: 8, low: 4, high: 12 }, servers: { value: 1, low: 0.5, high: 1.5 } },
      },
      ...{ exposure: 0.25, isRandom: true, isMismatched: false },
    });
    const saving = flagsOf(all.slice(1, 2))[0]?.amounts.full.cores;
    expect(saving).toEqual({ value: -2, low: -3, high: -1 });
  });

  it('takes intervals and the worth of a core as the analysis says', () => {
    const given = {
      cores_interval: [0, 5],
      cores_at_full_interval: [1, 9],
      servers_per_core: 0.5,
      exposure: 0.3,
    };
    expect(flagsOf([row('x', 'GET /a', 0, given)])[0]).toMatchObject({
      amounts: {
        now: { cores: { value: 2, low: 0, high: 5 }, servers: { value: 1, low: 0, high: 2.5 } },
        full: { cores: { value: 8, low: 1, high: 9 }, servers: { value: 4, low: 0.5, high: 4.5 } },
      },
      exposure: 0.3,
    });
  });

  it('adds endpoints up, and is causal only where all of it is', () => {
    const [ranker, banner] = flagsOf(all);
    expect(ranker).toMatchObject({ flag: 'ranker', isRandom: false, endpoints: [{}, {}] });
    expect(ranker?.amounts.full.cores).toEqual({ value: 6, low: 1, high: 11 });
    expect(banner?.isMismatched).toBe(true);
    expect(flagsOf(all)).toHaveLength(2);
  });

  it('reads the endpoints of a flag in one finding too', () => {
    const [, , banner] = all;
    const one = finding('x', 1, {
      detail: { flag: 'one', variant: 'on', rows: [banner?.detail, banner?.detail] },
    });
    expect(flagsOf([one])[0]?.endpoints).toHaveLength(2);
  });

  it('is arranged by cost, by exposure or by name', () => {
    const names = (order: 'cost' | 'flag' | 'exposure', filter = '', id = '') =>
      arrangedFlags(flagsOf(all), { unit: 'servers', exposure: 'full', order, filter, finding: id }).map(
        keyOf,
      );
    expect(names('cost')).toEqual(['banner=on', 'ranker=on']);
    expect(names('exposure')).toEqual(['ranker=on', 'banner=on']);
    expect(names('flag')).toEqual(['banner=on', 'ranker=on']);
    expect(names('flag', 'get /B')).toEqual(['ranker=on']);
    expect(names('flag', '', 'ranker GET /b')).toEqual(['ranker=on']);
  });

  it('that never vary come from findings of their own or from the report', () => {
    const reported = { constant: [{ flag: 'old', variant: 'on', evaluations: 9 }, { flag: 'never' }] };
    expect(constantsOf(all, [report(reported)])).toEqual([
      { flag: 'old', variant: 'on', evaluations: 9 },
      { flag: 'never', variant: '', evaluations: 0 },
    ]);
    expect(constantsOf(all, [])).toEqual([{ flag: 'never', variant: 'off', evaluations: 7 }]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Finding, FindingKind, MemoryReports, ReportSummary } from '../../src/api/types';
import { AS_IT_IS, bindingText, measuresOf, planOf, plansOf, stairsOf } from '../../src/data/capacity';
import { arrangedCode, codeOf, mistakesOf, modulesOf } from '../../src/data/deadCode';
import { arrangedSharing, hostsOf, opportunityOf } from '../../src/data/sharing';
import { megabytes } from '../../src/data/units';
import { stairsPicture } from '../../src/layout/stairs';
import { treemap } from '../../src/layout/treemap';

function finding(kind: FindingKind, id: string, detail: unknown, rest: Partial<Finding> = {}): Finding {
  const none = { value: 0, low: 0, high: 0 };
  return {
    ...{ id, kind, service: 'feed', title: id, state: 'new', servers: none, cores: none, owner: '' },
    ...{ endpoints: [], function: '', file: '', line: 0, at_ms: 0, first_seen_ms: 0, last_seen_ms: 0 },
    ...{ acknowledged: null, history: [], banked: {}, detail },
    ...rest,
  };
}

const report = (kind: FindingKind, funnel: unknown): ReportSummary => ({
  ...{ kind, service: '', at_ms: 0, complete: true, funnel },
});
const costing = (value: number): Partial<Finding> => ({ servers: { value, low: 0, high: value } });

describe('dead code', () => {
  const codes = [
    finding('dead_code', 'a', { state: 'candidate', module: 'm', dead: 0.9, bytes: 100, changed_ms: 5 }),
    finding('dead_code', 'b', { state: 'candidate', module: 'm', dead: 0.95, bytes: 300, owner: '@x' }),
    finding('dead_code', 'c', { state: 'for_nothing', module: 'n', lines: 9 }, costing(2)),
    finding('dead_code', 'd', { flag: 'old', module: 'n' }, { file: 'f.py', line: 3 }),
    finding('dead_code', 'e', null),
  ].map(codeOf);

  it('is doubted where an analysis says nothing that is known', () => {
    expect(codes.map(({ state }) => state)).toEqual([
      'candidate',
      'candidate',
      'for_nothing',
      'off',
      'suspect',
    ]);
    expect(codes[4]).toMatchObject({ function: 'e', module: '', dead: null, bytes: null });
    expect(codeOf(finding('dead_code', 'x', { evidence: 'a', doubts: ['b', 'c'] })).evidence).toBe('a; b; c');
  });

  it('has an expected number of mistakes: as the analysis says, else by the candidates’ chances', () => {
    expect(mistakesOf(codes, [])?.value).toBeCloseTo(0.15);
    expect(mistakesOf(codes, [report('dead_code', { expected_alive: 3 })])).toMatchObject({
      value: 3,
      low: null,
    });
    const both = [2, 3].map((value) => report('dead_code', { expected_alive: { value, low: 1, high: 9 } }));
    expect(mistakesOf(codes, both)).toEqual({ value: 5, low: 2, high: 18 });
    expect(mistakesOf(codes.slice(2), [])).toBeNull();
    expect(mistakesOf([codeOf(finding('dead_code', 'x', { state: 'candidate' }))], [])).toBeNull();
  });

  it('shows the release where the analysis lists it, else the modules of the candidates', () => {
    const modules = [
      { module: 'm', bytes: 10, functions: 4, executed: 1, unexecuted: 2 },
      { module: 'n', functions: 4, observed: 0.3 },
      { module: 'empty' },
    ];
    expect(modulesOf(codes, [report('dead_code', { modules })])).toEqual([
      { name: 'm', size: 10, functions: 4, unexecuted: 2, observed: 0.75 },
      { name: 'n', size: 4, functions: 4, unexecuted: 0, observed: 0.3 },
    ]);
    const other = [
      { module: 'm', bytes: 30, functions: 12, observed: 0.25 },
      { module: 'o', bytes: 1 },
    ];
    const shipped = modulesOf(codes, [
      report('dead_code', { modules }),
      report('dead_code', { modules: other }),
    ]);
    expect(shipped.map(({ name }) => name)).toEqual(['m', 'n', 'o']);
    expect(shipped[0], 'shipped twice').toEqual({
      ...{ name: 'm', size: 40, functions: 16, unexecuted: 2, observed: 0.375 },
    });
    const [m, n] = modulesOf(codes, []);
    expect([m?.name, m?.size, n?.observed]).toEqual(['m', 400, null]);
    expect(m?.observed).toBeCloseTo(0.925);
  });

  it('is arranged: what costs servers first, then what is large', () => {
    const names = (order: Parameters<typeof arrangedCode>[1]['order'], rest: object = {}) =>
      arrangedCode(codes, {
        ...{ service: '', kind: 'all', order, filter: '', module: '', finding: '' },
        ...rest,
      }).map((code) => code.function);
    expect(names('servers')).toEqual(['c', 'b', 'a', 'd', 'e']);
    expect(names('dead')).toEqual(['b', 'a', 'c', 'd', 'e']);
    expect(names('changed')[0]).toBe('a');
    expect(names('owner')[0]).toBe('b');
    expect(names('function', { kind: 'candidate' })).toEqual(['a', 'b']);
    expect(names('function', { module: 'n' })).toEqual(['c', 'd']);
    expect(names('function', { filter: 'F.PY' })).toEqual(['d']);
    expect(names('function', { finding: 'b' })).toEqual(['b']);
    expect(names('function', { service: 'elsewhere' })).toEqual([]);
  });
});

describe('shared memory', () => {
  const found = [
    finding('sharing', 'a', {
      owner: 'm.T',
      hosts: 2,
      processes: 4,
      mb_saved: 30,
      mb_retained: 9,
      cause: 'zeros',
    }),
    finding('sharing', 'b', {
      owner: 'm.U',
      mb_saved: 50,
      ledger: [{ at_ms: 1, stage: 'predicted', servers: 2 }],
    }),
    finding('sharing', 'c', {}),
  ].map(opportunityOf);

  it('is arranged by what it would save, what cannot be said last', () => {
    const ids = (order: 'saved' | 'retained' | 'owner', filter = '') =>
      arrangedSharing(found, { order, filter }).map(({ id }) => id);
    expect(ids('saved')).toEqual(['b', 'a', 'c']);
    expect(ids('retained')[0]).toBe('a');
    expect(ids('owner')).toEqual(['c', 'a', 'b']);
    expect([ids('saved', 'ZERO'), ids('saved', 'm.u'), ids('saved', 'feed').length]).toEqual([
      ['a'],
      ['b'],
      3,
    ]);
    expect(found[1]?.ledger).toEqual([{ at_ms: 1, stage: 'predicted', servers: 2, by: '' }]);
  });

  it('is summed by host, each byte once: pages and values are two looks at the same memory', () => {
    const none = { bytes: 0, flat_saved: 0, processes: 0, saved: 0 };
    const saved = (mb: number) => ({ ...none, saved: mb * 1e6 });
    const group = (own: number, pss: number, pages: number, values: number) => ({
      total: { own: own * 1e6, proportional: pss * 1e6 },
      pages: [{ zero: none, broken: saved(pages), elsewhere: none }],
      owners: [{ loaded: saved(values), dirtied: none }],
    });
    const reports = [
      { host: 'a', groups: [group(40, 50, 10, 4)] },
      { host: 'b', groups: [group(30, 30, 10, 20), group(5, 5, 9, 0)] },
    ] as unknown as MemoryReports['reports'];
    expect(hostsOf({ reports })).toEqual([
      { host: 'b', private_mb: 35, shared_mb: 0, could_mb: 25 },
      { host: 'a', private_mb: 40, shared_mb: 10, could_mb: 10 },
    ]);
    expect([0.5, 320, 1100].map(megabytes)).toEqual(['0.500 MB', '320 MB', '1.10 GB']);
  });
});

describe('capacity', () => {
  const detail = {
    ...{ servers_needed: [22, 20, 25], servers_now: 30, binding: 'cpu', binding_share: 0.9, regions: 3 },
    ...{ servers_for_cpu: { likely: 19.5 }, servers_for_memory: { likely: 10 }, target_utilisation: 0.5 },
  };
  const planWith = (rest: object) => planOf('', 'feed', { ...detail, ...rest });
  const plan = planWith({});
  const measure = (id: string, servers: number, rest: Partial<Finding> = {}) =>
    finding('regression', id, null, { ...costing(servers), ...rest });
  const promised = (findings: Finding[], assumptions = AS_IT_IS, of = plan) =>
    stairsOf(of, measuresOf(of, findings), assumptions).map((one) => one.promised);

  it('is planned for each service, also where the analysis has nothing to find', () => {
    const found = [
      finding('capacity', 'x', detail),
      finding('capacity', 'y', detail, { state: 'went_away' }),
    ];
    const reports = [
      report('capacity', { services: [{ ...detail, service: 'feed', servers_needed: [1, 1, 1] }] }),
      report('capacity', { services: [{ service: 'batch', cannot_say: 'cannot say: no requests' }] }),
    ];
    const plans = plansOf(found, reports);
    expect(plans.map(({ id, service, servers }) => [id, service, servers.value])).toEqual([
      ['x', 'feed', 22],
      ['', 'batch', 0],
    ]);
    expect(plans[0]).toMatchObject({
      servers: { low: 20, high: 25 },
      servers_now: 30,
      for_cpu: 19.5,
      for_memory: 10,
    });
    expect(plans[1]?.cannot_say).toBe('cannot say: no requests');
    expect(planOf('', '', {}).cannot_say).not.toBe('');
    expect(planOf('', '', { servers: { likely: 8, low: 7, high: 9 }, binding: 'memory' })).toMatchObject({
      ...{ for_cpu: null, for_memory: 8, cannot_say: '' },
    });
  });

  it('counts findings of the service that cost something now, after those whose saving was measured', () => {
    const found = [
      measure('a', 1),
      measure('b', 3),
      measure('gone', 9, { state: 'went_away' }),
      measure('fixed', 0, { state: 'fixed', banked: { predicted: 2, observed: 1.5 } }),
      measure('fixed unmeasured', 4, { state: 'fixed' }),
      measure('other', 5, { service: 'search' }),
      finding('flag', 'flag', null, costing(7)),
      finding('capacity', 'feed', detail, costing(22)),
    ];
    expect(measuresOf(plan, found).map(({ id }) => id)).toEqual(['fixed', 'b', 'a']);
  });

  it('takes the word of the plan for what a finding is worth', () => {
    const worth = [
      { id: 'a', name: 'as planned', servers: [2, 1, 3] },
      { id: 'unknown', name: 'only planned', servers: [1, 1, 1] },
      { id: 'b', name: 'worth nothing', servers: [0, 0, 0] },
    ];
    const measures = measuresOf(planWith({ findings: worth }), [measure('a', 9), measure('b', 9)]);
    expect(measures.map(({ id, title, saves }) => [id, title, saves.value])).toEqual([
      ['a', 'a', 2],
      ['unknown', 'only planned', 1],
    ]);
  });

  it('takes of each finding its share of what is left: together never more than there is', () => {
    const halves = [measure('a', 9.75), measure('b', 9.75)];
    expect(promised(halves, AS_IT_IS, planWith({ servers_for_memory: null }))).toEqual([22, 12, 7]);
    expect(promised(halves), 'memory binds then').toEqual([22, 12, 12]);
    expect(promised(halves, AS_IT_IS, planWith({ together: [5, 4, 6] })), 'as the plan says').toEqual([
      22, 17, 17,
    ]);
    const servers = fc.array(fc.double({ min: 0.001, max: 40, noNaN: true }), { maxLength: 12 });
    fc.assert(
      fc.property(servers, (all) => {
        const stairs = promised(all.map((value, idx) => measure(`m${idx}`, value)));
        const beside = 2;
        expect(stairs.every((one, idx) => idx === 0 || one <= (stairs[idx - 1] ?? 0))).toBe(true);
        expect(stairs.at(-1)).toBeGreaterThanOrEqual(beside);
        const sum = all.reduce((total, one) => total + one, 0);
        expect(22 - (stairs.at(-1) ?? 0)).toBeLessThan(sum + 1);
      }),
    );
  });

  it('gives no server for memory where CPU binds, and none for CPU where memory binds', () => {
    const memory = finding('sharing', 's', null, costing(5));
    expect(promised([memory])).toEqual([22, 22]);
    const tight = planWith({ servers_for_memory: { likely: 19.5 } });
    expect(promised([measure('a', 9.75)], AS_IT_IS, tight)).toEqual([22, 22]);
    expect(promised([measure('a', 9.75), { ...memory, ...costing(9.75) }], AS_IT_IS, tight)).toEqual([
      22, 22, 12,
    ]);
  });

  it('shows what was done before now, promised against measured', () => {
    const found = [
      measure('done', 0, { state: 'fixed', banked: { predicted: 9, observed: 4 } }),
      measure('open', 9.75),
    ];
    const stairs = stairsOf(plan, measuresOf(plan, found), AS_IT_IS);
    expect(stairs.map((one) => [one.measure?.id, one.promised, one.measured])).toEqual([
      [undefined, 26, 26],
      ['done', 17, 22],
      [undefined, 22, 22],
      ['open', 12, null],
    ]);
    expect(promised(found, { ...AS_IT_IS, requests: 200 }), 'what was done is no what-if').toEqual([41, 22]);
  });

  it('answers what if: more requests, busier servers, fewer regions', () => {
    const first = (assumptions: object) => promised([], { ...AS_IT_IS, ...assumptions })[0];
    expect([first({}), first({ requests: 200 }), first({ busy: 100 }), first({ regions: 2 })]).toEqual([
      22, 41, 12, 28,
    ]);
    const unknown = planOf('', 'x', { servers: { likely: 10 } });
    expect(promised([], { requests: 100, busy: 90, regions: 2 }, unknown)).toEqual([10]);
  });

  it('says what binds, and how sure that is', () => {
    expect(bindingText({ binding: 'cpu', binding_share: 0.9 })).toMatch(/\(in 90 % of what is possible\)$/);
    expect(bindingText({ binding: 'memory', binding_share: 1 })).toBe('freeing CPU frees no server');
    expect(bindingText({ binding: '', binding_share: null })).toBe('');
  });
});

describe('the stairs', () => {
  it('has one step a measure, measured as far as there is anything', () => {
    const stairs = [
      { promised: 10, measured: 10 },
      { promised: 5, measured: null },
    ];
    const { promised, measured, middles, marks, plot } = stairsPicture(stairs, {
      widthPx: 448,
      heightPx: 128,
    });
    expect(promised).toBe('M40.0,8.0L240.0,8.0L240.0,58.0L440.0,58.0');
    expect(measured).toBe('M40.0,8.0L240.0,8.0');
    expect([middles, marks.at(-1)]).toEqual([[140, 340], { at: plot.top, value: 10 }]);
  });
});

describe('the treemap', () => {
  const sizes = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0.01, max: 1e6, noNaN: true })), {
    maxLength: 60,
  });

  it('gives areas in proportion, inside the frame and without overlap', () => {
    fc.assert(
      fc.property(sizes, (all) => {
        const frame = { x: 10, y: 20, width: 800, height: 200 };
        const boxes = treemap(all, frame);
        const sum = all.reduce((total, size) => total + size, 0) || 1;
        for (const [idx, { x, y, width, height }] of boxes.entries()) {
          expect(width * height).toBeCloseTo(((all[idx] ?? 0) / sum) * 160_000, 3);
          if (all[idx] === 0) continue;
          expect(x >= 10 - 1e-6 && y >= 20 - 1e-6).toBe(true);
          expect(x + width <= 810 + 1e-6 && y + height <= 220 + 1e-6).toBe(true);
        }
        const overlap = (a: (typeof boxes)[0], b: (typeof boxes)[0]) =>
          Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x) > 1e-6 &&
          Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y) > 1e-6;
        expect(boxes.some((a, idx) => boxes.slice(idx + 1).some((b) => overlap(a, b)))).toBe(false);
      }),
    );
  });

  it('keeps boxes of one size nearly square', () => {
    const boxes = treemap(Array(12).fill(1), { x: 0, y: 0, width: 400, height: 300 });
    for (const { width, height } of boxes) expect(Math.max(width / height, height / width)).toBeLessThan(1.5);
    expect(treemap([1], { x: 0, y: 0, width: 0, height: 10 })).toEqual([{ x: 0, y: 0, width: 0, height: 0 }]);
  });
});

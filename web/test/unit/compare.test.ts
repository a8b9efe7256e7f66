import { describe, expect, it } from 'vitest';
import type { FunctionInfo } from '../../src/api/types';
import { decode } from '../../src/data/flame';
import { compare, SHADES, shadesOf, stemOf } from '../../src/layout/compare';
import { layout, type Tree } from '../../src/layout/tree';

/** A tree of `level name self` lines; a name that begins with a number hides that many frames. */
function treeOf(lines: string): Tree {
  const rows = lines
    .trim()
    .split('\n')
    .map((line) => line.trim().split(' '));
  const names = [...new Set(rows.map(([, name]) => name))].filter(
    (name) => name !== 'all' && !/^\d/.test(name),
  );
  const info = (name: string): FunctionInfo => ({
    name,
    kind: 'python',
    file: '',
    executable: '',
    package: '',
  });
  return layout(
    decode({
      ...{
        unit: 'nanoseconds',
        total: 0,
        functions: names.map(info),
        root: [],
        frames_total: 0,
        frames_sent: 0,
      },
      ...{ hidden_share: 0, levels: rows.map(([level]) => Number(level)) },
      names: rows.map(([, name]) => names.indexOf(name)),
      selves: rows.map(([, , self]) => Number(self)),
      hidden: rows.map(([, name]) => (/^\d/.test(name) ? Number.parseInt(name, 10) : 0)),
    }),
  );
}

const before = treeOf(`0 all 0
  1 main 0
    2 view 20
      3 rank 20
      3 3hidden 10
    2 old 50`);
const after = treeOf(`0 all 0
  1 main 0
    2 view 40
      3 rank 140
      3 deep 10
    2 fresh 10`);
const both = compare(before, after, { before: 10, after: 20 });
const idxOf = (name: string) => after.functions.findIndex((one) => one.name === name) + 1;

describe('two trees side by side', () => {
  it('are compared per request, path by path', () => {
    const of = (name: string) => [both.before[idxOf(name)], both.after[idxOf(name)]];
    expect([both.before[0], both.after[0]]).toEqual([10, 10]);
    expect([of('main'), of('view'), of('rank')]).toEqual([
      [10, 10],
      [5, 9.5],
      [2, 7],
    ]);
    expect(of('fresh'), 'new').toEqual([0, 0.5]);
    expect(of('deep'), 'perhaps among what was cut away').toEqual([Number.NaN, 0.5]);
  });

  it('are shaded by how much of the whole change a frame has; what is not known is not', () => {
    const shades = shadesOf(both);
    expect(shades.every((shade) => shade < SHADES)).toBe(true);
    expect([shades[idxOf('rank')], shades[idxOf('deep')], shades[0]]).toEqual([6, 3, 3]);
    const cheaper = shadesOf(compare(after, before, { before: 20, after: 10 }));
    expect(cheaper[3]).toBe(0);
  });

  it('begin below what everything runs through, at the blamed function at last', () => {
    const one = treeOf(`0 all 0
      1 main 0
        2 view 0
          3 rank 10`);
    const two = treeOf(`0 all 0
      1 main 0
        2 view 0
          3 rank 20`);
    const compared = compare(one, two, { before: 1, after: 1 });
    expect(stemOf(two, compared, '')).toBe(3);
    expect(stemOf(two, compared, 'view')).toBe(2);
    expect(stemOf(after, both, 'rank')).toBe(idxOf('view'));
  });
});

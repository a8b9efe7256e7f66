import { describe, expect, it } from 'vitest';
import type { FunctionInfo } from '../../src/api/types';
import { decode } from '../../src/data/flame';
import { compare, SHADES, shadesOf, stemOf } from '../../src/layout/compare';
import { layout, type Tree } from '../../src/layout/tree';

/** A tree of `level name self` lines; a name that begins with a number hides that many frames. All is of one file. */
function treeOf(lines: string, file = ''): Tree {
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
    file,
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

  it('are compared across the folders of releases, and only those', () => {
    const release = (folder: string) =>
      treeOf('0 all 0\n1 main 0\n2 view 10', `/srv/releases/${folder}/views.py`);
    const moved = compare(release('1'), release('2'), { before: 1, after: 1 });
    expect([...moved.before]).toEqual([10, 10, 10]);
    const other = treeOf('0 all 0\n1 main 0\n2 view 10', '/srv/releases/2/models.py');
    const unlike = compare(release('1'), other, { before: 1, after: 1 });
    expect([...unlike.before], 'another file').toEqual([10, 0, 0]);
    // The release before still served a little.
    const both = treeOf('0 all 0\n1 view 1\n1 view_ 9', '/srv/releases/2/views.py');
    const [old, now] = ['1', '2'].map((folder) => ({ ...release(folder).functions[1], name: 'view' }));
    const beside = { ...both, functions: [old, now] } as Tree;
    const alone = treeOf('0 all 0\n1 view 8', '/srv/releases/1/views.py');
    expect([...compare(alone, beside, { before: 1, after: 1 }).before], 'side by side').toEqual([8, 0, 8]);
  });

  it('are shaded by how much of the whole change a frame has; what is not known is not', () => {
    const shades = shadesOf(both);
    expect(shades.every((shade) => shade < SHADES)).toBe(true);
    expect([shades[idxOf('rank')], shades[idxOf('deep')], shades[0]]).toEqual([6, 3, 3]);
    const cheaper = shadesOf(compare(after, before, { before: 20, after: 10 }));
    expect(cheaper[3]).toBe(0);
  });

  it('begin below what everything runs through, and below a blamed function that only calls another', () => {
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
    expect(stemOf(two, compared, 'view')).toBe(3);
    const busy = treeOf(`0 all 0
      1 main 0
        2 view 2
          3 rank 18`);
    expect(stemOf(busy, compare(one, busy, { before: 1, after: 1 }), 'view'), 'it works itself').toBe(2);
    expect(stemOf(after, both, 'rank')).toBe(idxOf('view'));
  });
});

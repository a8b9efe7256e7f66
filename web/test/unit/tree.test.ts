import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, Malformed } from '../../src/data/flame';
import {
  children,
  find,
  findNearest,
  frameName,
  hasHidden,
  layout,
  NONE,
  neighbours,
  pathOf,
} from '../../src/layout/tree';
import { answerOf, PROGRAM, treeOf } from './example';

describe('decode', () => {
  it('refuses what is not a tree, and says where', () => {
    const check = (change: object, message: RegExp) => {
      const answer = { ...answerOf(PROGRAM), ...change };
      expect(() => decode(answer)).toThrow(Malformed);
      expect(() => decode(answer)).toThrow(message);
    };
    const { levels, names } = answerOf(PROGRAM);
    check({ names: [-1] }, /column names/);
    check({ levels: levels.with(0, 1) }, /first frame/);
    check({ levels: levels.with(2, 5) }, /frame 2 at level 5/);
    check({ levels: levels.with(3, 0) }, /frame 3 at level 0/);
    check({ names: names.with(4, 99) }, /frame 4 names function 99 of 8/);
  });

  it('takes an answer without frames as an empty root', () => {
    const none = { levels: [], names: [], selves: [], hidden: [], functions: [] };
    const tree = layout(decode({ ...answerOf(PROGRAM), ...none, root: ['main', 'gone'] }));
    expect([tree.count, tree.total[0], frameName(tree, 0)]).toEqual([1, 0, 'gone']);
  });
});

describe('layout', () => {
  it('folds totals, places children left to right and ends subtrees', () => {
    const tree = treeOf(PROGRAM);
    const rows = Array.from({ length: tree.count }, (_, idx) =>
      [frameName(tree, idx), tree.left[idx], tree.total[idx], tree.end[idx], tree.parent[idx]].join(' '),
    );
    expect(rows).toEqual([
      'all 0 100 10 -1',
      'main 0 90 9 0',
      'a 0 65 5 1',
      'x 0 60 4 2',
      'y 60 5 5 2',
      'b 65 20 8 1',
      'z 65 20 8 5',
      'w 65 20 8 6',
      '3 hidden frames 85 5 9 1',
      'idle 90 10 10 0',
    ]);
    expect([tree.depth, tree.sorted]).toEqual([5, true]);
    expect(treeOf('a 1\nb 2').sorted).toBe(false);
  });

  it('keeps every sum, on any tree', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(4), fc.nat(1000)), { maxLength: 60 }), (steps) => {
        let level = 0;
        const answer = answerOf('');
        for (const [down, self] of steps) {
          level = Math.max(1, level + 1 - down);
          answer.levels.push(level);
          answer.names.push(-1);
          answer.selves.push(self);
          answer.hidden.push(0);
        }
        const tree = layout(decode(answer));
        expect(tree.total[0]).toBe(answer.selves.reduce((sum, self) => sum + self, 0));
        for (let idx = 0; idx < tree.count; idx++) {
          const below = children(tree, idx);
          expect(tree.total[idx]).toBe(below.reduce((sum, child) => sum + tree.total[child], tree.self[idx]));
          below.forEach((child, place) => {
            const before = below[place - 1];
            const left = before === undefined ? tree.left[idx] : tree.left[before] + tree.total[before];
            expect(tree.left[child]).toBe(left);
          });
        }
      }),
    );
  });
});

describe('walking', () => {
  const tree = treeOf(PROGRAM);

  it('finds a frame by its path and back', () => {
    for (let idx = 0; idx < tree.count; idx++) {
      if (tree.hidden[idx] === 0) expect(find(tree, pathOf(tree, idx))).toBe(idx);
    }
    expect(find(tree, ['main', 'gone'])).toBe(NONE);
    expect(frameName(tree, findNearest(tree, ['main', 'b', 'gone', 'too']))).toBe('b');
    expect(pathOf(tree, 8)).toEqual(['main']);
  });

  it('knows paths in a tree that starts below the top', () => {
    const part = treeOf('z 20', ['main', 'b']);
    expect([frameName(part, 0), pathOf(part, 1)]).toEqual(['b', ['main', 'b', 'z']]);
    expect([find(part, ['main', 'b', 'z']), find(part, ['main']), findNearest(part, ['idle'])]).toEqual([
      1,
      NONE,
      NONE,
    ]);
  });

  it('leads to neighbours and stops at the edges', () => {
    expect(neighbours(tree, 2)).toEqual({ parent: 1, firstChild: 3, previous: NONE, next: 5 });
    expect(neighbours(tree, 9)).toEqual({ parent: 0, firstChild: NONE, previous: 1, next: NONE });
    expect(neighbours(tree, 0)).toEqual({ parent: NONE, firstChild: 1, previous: NONE, next: NONE });
  });

  it('says where something is hidden', () => {
    expect([0, 1, 2, 5].map((idx) => hasHidden(tree, idx))).toEqual([true, true, false, false]);
  });
});

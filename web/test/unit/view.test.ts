import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameName, NONE, type Tree } from '../../src/layout/tree';
import {
  between,
  emptyVisible,
  hit,
  pan,
  type View,
  viewOf,
  visible,
  WHOLE,
  ZOOM_MIN,
  zoomAbout,
  zoomed,
} from '../../src/layout/view';
import { PROGRAM, treeOf } from './example';

const tree = treeOf(PROGRAM);

function drawn(of: Tree, view: View, widthPx: number, rows = 20): string[] {
  const out = visible(of, view, widthPx, rows, emptyVisible());
  const frames = Array.from({ length: out.count }, (_, at) =>
    [frameName(of, out.frame[at]), out.x[at], out.width[at]].join(' '),
  );
  const slivers = Array.from({ length: out.slivers }, (_, at) =>
    ['~', frameName(of, out.sliverFrame[at]), out.sliverX[at], out.sliverWidth[at]].join(' '),
  );
  return [...frames, ...slivers];
}

describe('visible', () => {
  it('shows everything that is wide enough', () => {
    expect(drawn(tree, viewOf(tree, 0), 1000)).toHaveLength(tree.count);
    expect(drawn(tree, viewOf(tree, 0), 1000)[3]).toBe('x 0 600');
  });

  it('shows one sliver for a run of narrow siblings', () => {
    const narrow = treeOf('a 996\n  deep 0\nb 1\nc 1\nd 1\ne 1');
    expect(drawn(narrow, viewOf(narrow, 0), 400)).toEqual([
      'all 0 400',
      'a 0 398.3999938964844',
      '~ b 398.3999938964844 1.600000023841858',
    ]);
  });

  it('clamps what reaches out of the view and leaves out what lies beside it', () => {
    const view = zoomed(viewOf(tree, 0), { start: 0.6, end: 0.7 });
    expect(drawn(tree, view, 100)).toEqual([
      'all 0 100',
      'main 0 100',
      'a 0 50',
      'y 0 50',
      'b 50 50',
      'z 50 50',
      'w 50 50',
    ]);
  });

  it('starts at the focused row and ends at the last row of the window', () => {
    expect(drawn(tree, viewOf(tree, 2), 130)).toEqual(['a 0 130', 'x 0 120', 'y 120 10']);
    expect(drawn(tree, viewOf(tree, 0), 100, 1)).toEqual(['all 0 100', 'main 0 90', 'idle 90 10']);
  });

  it('does not trust the order of siblings', () => {
    const unsorted = treeOf('a 1\nb 999');
    expect(drawn(unsorted, viewOf(unsorted, 0), 100)[1]).toMatch(/^b /);
  });
});

describe('hit', () => {
  it('finds what is drawn there', () => {
    const check = (value: number, level: number, name: string | null) => {
      const idx = hit(tree, value, level);
      expect(idx === NONE ? null : frameName(tree, idx)).toBe(name);
    };
    check(0, 0, 'all');
    check(59.9, 3, 'x');
    check(60, 3, 'y');
    check(84.9, 4, 'w');
    check(87, 2, '3 hidden frames');
    check(95, 2, null);
    check(100, 0, null);
    check(-1, 0, null);
  });
});

describe('zoom', () => {
  const zooms = fc
    .tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: ZOOM_MIN, max: 1, noNaN: true }))
    .map(([start, width]) => ({ start: start * (1 - width), end: start * (1 - width) + width }));
  const share = fc.double({ min: 0, max: 1, noNaN: true });

  it('stays within the frame and never turns over', () => {
    fc.assert(
      fc.property(zooms, share, fc.double({ min: 0.01, max: 100, noNaN: true }), (zoom, place, factor) => {
        for (const next of [zoomAbout(zoom, place, factor), pan(zoom, factor - 50)]) {
          expect(next.start).toBeGreaterThanOrEqual(0);
          expect(next.end).toBeLessThanOrEqual(1 + 1e-12);
          expect(next.end - next.start).toBeGreaterThan(ZOOM_MIN / 2);
        }
      }),
    );
  });

  it('keeps the place under the pointer where it is', () => {
    const next = zoomAbout(WHOLE, 0.25, 0.5);
    expect(next).toEqual({ start: 0.125, end: 0.625 });
    expect(zoomAbout(next, 0.25, 2)).toEqual(WHOLE);
  });

  it('moves from one view to the other', () => {
    const [from, to] = [viewOf(tree, 0), viewOf(tree, 7)];
    expect(between(from, to, 0)).toEqual(from);
    expect(between(from, to, 1)).toEqual(to);
  });
});

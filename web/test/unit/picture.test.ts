import { describe, expect, it } from 'vitest';
import { WHOLE } from '../../src/layout/view';
import { cutFor, withRootFunction } from '../../src/state/cut';
import { PROGRAM, treeOf } from './example';

const whole = { root: [], width: 1400, max_frames: 20_000 };
const tree = treeOf(PROGRAM);

describe('the cut to ask for', () => {
  it('is the one at hand while nothing of the focused frame is hidden', () => {
    expect(cutFor(whole, tree, ['main', 'a'], WHOLE, 1390)).toBe(whole);
  });

  it('starts at the focused frame when some of it is hidden', () => {
    expect(cutFor(whole, tree, ['main'], WHOLE, 1390)).toEqual({ ...whole, root: ['main'] });
    expect(cutFor(null, null, ['main'], WHOLE, 1390)).toEqual({ ...whole, root: ['main'] });
  });

  it('has the pixels and frames of the zoom, in powers of two, up to a bound', () => {
    const deepest = cutFor(whole, tree, ['main'], { start: 0.5, end: 0.50001 }, 1390);
    expect(deepest).toEqual({ root: ['main'], width: 100_000, max_frames: 320_000 });
    expect(cutFor(whole, tree, ['main'], { start: 0, end: 0.25 }, 1390).max_frames).toBe(80_000);
    expect(cutFor(whole, tree, ['main'], { start: 0.5, end: 0.8 }, 1390).width).toBe(5600);
    expect(cutFor(whole, tree, ['main'], { start: 0.5, end: 1 }, 1390).width).toBe(2800);
  });

  it('is made anew for a wider window and for a frame outside', () => {
    expect(cutFor(whole, tree, ['main', 'a'], WHOLE, 1900).width).toBe(2000);
    expect(cutFor({ ...whole, root: ['main', 'b'] }, treeOf('z 20', ['main', 'b']), [], WHOLE, 1390)).toEqual(
      whole,
    );
  });
});

describe('a tree below a frame', () => {
  it('learns which function its root is from the tree the frame was chosen in', () => {
    const below = withRootFunction(treeOf('z 20', ['main', 'b']), tree);
    expect(below.functions[below.name[0]].name).toBe('b');
    expect(withRootFunction(treeOf('z 20', ['main', 'gone']), tree).name[0]).toBe(-1);
  });
});

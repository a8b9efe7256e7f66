import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placed, scaleOf } from '../../src/layout/interval';
import { LEFT_PX, type Level, stepPicture } from '../../src/layout/step';

const estimate = fc
  .tuple(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.double({ min: 0, max: 1e6, noNaN: true }))
  .map(([value, spread]) => ({ value, low: value - spread, high: value + spread }));

describe('intervals on a shared scale', () => {
  it('always has zero and every estimate on it, in order', () => {
    fc.assert(
      fc.property(fc.array(estimate, { minLength: 1 }), (all) => {
        const scale = scaleOf(all);
        for (const one of all) {
          const { zero, from, dot, to, cutLow, cutHigh } = placed(one, scale);
          for (const share of [zero, from, dot, to]) expect(share).toBeGreaterThanOrEqual(0);
          for (const share of [zero, from, dot, to]) expect(share).toBeLessThanOrEqual(1);
          expect(from <= dot && dot <= to).toBe(true);
          expect(one.value >= scale.low && one.value <= scale.high).toBe(true);
          expect([cutLow, cutHigh]).toEqual([one.low < scale.low, one.high > scale.high]);
        }
      }),
    );
  });

  it('cuts an interval that would press all others together', () => {
    const narrow = { value: 2, low: 1.9, high: 2.1 };
    const wide = { value: 1, low: -1000, high: 1000 };
    const scale = scaleOf([narrow, wide]);
    expect(scale).toEqual({ low: -3.2, high: 3.2 });
    expect(placed(wide, scale)).toMatchObject({
      from: 0,
      to: 1,
      cutLow: true,
      cutHigh: true,
      side: 'unclear',
    });
    expect(placed(narrow, scale)).toMatchObject({ cutLow: false, cutHigh: false, side: 'more' });
    expect(placed({ value: -2, low: -3, high: -1 }, scale).side).toBe('less');
    expect(scaleOf([])).toEqual({ low: 0, high: 1 });
  });
});

describe('the step chart', () => {
  const series = { start_ms: 0, step_ms: 60_000, values: [4, 4.1, null, 3.9, 5, 5.1] };
  const levels: Level[] = [
    { start_ms: 0, end_ms: 240_000, mean: 4, low: null, high: null },
    { start_ms: 240_000, end_ms: 360_000, mean: 5, low: 4.8, high: 5.2 },
  ];
  const size = { widthPx: 660, heightPx: 228 };
  const draw = (values: (number | null)[], drawn = levels, at_ms = 240_000) =>
    stepPicture({ ...series, values }, drawn, at_ms, size, 0);

  it('draws gaps as gaps, the change where it was, and levels on both sides of it', () => {
    const picture = draw(series.values);
    expect(picture.path.match(/M/g)).toHaveLength(2);
    expect(picture.changeX).toBe(LEFT_PX + 400);
    expect(picture.levels[0]).toMatchObject({ x: LEFT_PX, width: 400, band: null });
    expect(picture.levels[1]?.x).toBe(LEFT_PX + 400);
    const [before, after] = picture.levels;
    expect(before!.y).toBeGreaterThan(after!.y);
    expect(after!.band!.y).toBeLessThan(after!.y);
    expect(after!.band!.y + after!.band!.height).toBeGreaterThan(after!.y);
  });

  it('begins at zero unless that would hide the step', () => {
    expect(draw(series.values).isCut).toBe(true);
    expect(draw([1, 1, 1, 1, 9, 9], []).isCut).toBe(false);
    expect(draw([0, 0], []).valueMarks.map(({ value }) => value)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  });

  it('keeps all values, marks and a change beyond the end inside the plot', () => {
    const values = fc.array(fc.option(fc.nat({ max: 1e12 })), {
      minLength: 1,
      maxLength: 300,
    });
    fc.assert(
      fc.property(values, fc.integer({ min: -1e6, max: 1e9 }), (drawn, at_ms) => {
        const { plot, path, valueMarks, timeMarks, changeX } = draw(drawn, [], at_ms);
        const points = [...path.matchAll(/([\d.]+),([\d.-]+)/g)].map(([, x, y]) => [Number(x), Number(y)]);
        const inside = ([x, y]: number[]) =>
          x >= plot.left - 0.1 && x <= plot.right + 0.1 && y >= plot.top - 0.1 && y <= plot.bottom + 0.1;
        expect(points.every(inside)).toBe(true);
        expect(valueMarks.length).toBeGreaterThan(0);
        expect(valueMarks.every(({ at }) => inside([plot.left, at]))).toBe(true);
        expect(timeMarks.every(({ at }) => inside([at, plot.top]))).toBe(true);
        expect(inside([changeX, plot.top])).toBe(true);
      }),
    );
  });
});

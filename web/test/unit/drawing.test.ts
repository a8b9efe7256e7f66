import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allFills, distinctColours, fillOf, hash, paletteOf } from '../../src/draw/palette';
import { stack, stepAt, ticks, timeTicks } from '../../src/layout/bands';
import { shorten } from '../../src/layout/label';
import { rowWindow } from '../../src/layout/rows';
import { search } from '../../src/layout/search';

const letters = (text: string) => text.length;

describe('labels', () => {
  it('lose what says least first', () => {
    const check = (name: string, room: number, expected: string) =>
      expect(shorten(name, room, letters)).toBe(expected);
    check('main', 10, 'main');
    check('tokio::runtime::task::Core<T,S>::poll', 40, 'tokio::runtime::task::Core<T,S>::poll');
    check('tokio::runtime::task::Core<T,S>::poll', 12, 'Core::poll');
    check('tokio::runtime::task::Core<T,S>::poll', 5, 'poll');
    check('std::vector<int>::push_back(int const&)', 20, 'vector::push_back');
    check('os.path.join', 6, 'join');
    check('/usr/lib/libc.so.6', 11, 'libc.so.6');
    check('finish_task_switch.isra.0', 20, 'finish_task_switch');
    check('finish_task_switch.isra.0', 7, 'finish…');
    check('tick.constprop.0.cold', 4, 'tick');
    check('__libc_start_main@@GLIBC_2.34', 17, '__libc_start_main');
    check('operator<', 5, 'oper…');
    check('abcdef', 2, '');
  });

  it('always fit', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(30), (name, room) => {
        expect(letters(shorten(name, room, letters))).toBeLessThanOrEqual(room);
      }),
    );
  });
});

describe('search', () => {
  const names = (pattern: string) => {
    const functions = ['ExecScan', 'exec_simple', 'main'].map((name) => ({
      name,
      kind: '',
      file: '',
      executable: '',
      package: '',
    }));
    const marks = search(functions, pattern);
    return marks && functions.filter((_, idx) => marks[idx]).map(({ name }) => name);
  };

  it('ignores case until a capital letter is typed', () => {
    expect(names('exec')).toEqual(['ExecScan', 'exec_simple']);
    expect(names('Exec')).toEqual(['ExecScan']);
    expect(names('^main$|scan')).toEqual(['ExecScan', 'main']);
  });

  it('marks nothing without a pattern or with half of one', () => {
    expect([names(''), names('(')]).toEqual([null, null]);
  });
});

describe('colours', () => {
  const item = { name: 'f', kind: 'native', file: '', executable: '', package: 'postgres' };

  it('stay with a name', () => {
    expect(hash('postgres')).toBe(3503662822);
    for (const theme of ['light', 'dark'] as const) {
      const palette = paletteOf(theme);
      expect(fillOf(item, palette)).toBe(hash('postgres') % palette.fills.length);
      expect(allFills(palette)[fillOf({ ...item, kind: 'kernel' }, palette)]).toBe(palette.kernel);
      expect(allFills(palette)[fillOf({ ...item, package: '' }, palette)]).toBe(palette.marker);
    }
  });

  it('differ while there are enough', () => {
    const palette = paletteOf('dark');
    const names = Array.from({ length: palette.fills.length }, (_, idx) => `service ${idx}`);
    expect(new Set(distinctColours(names, palette)).size).toBe(names.length);
    expect(distinctColours([...names, 'more'], palette)).toHaveLength(names.length + 1);
  });

  it('leave the words on them readable: contrast of 4.5 or more', () => {
    for (const theme of ['light', 'dark'] as const) {
      const palette = paletteOf(theme);
      for (const fill of [...palette.fills, palette.kernel, palette.marker, palette.plain]) {
        expect(contrast(fill, palette.text), `${theme} ${fill}`).toBeGreaterThanOrEqual(4.5);
      }
      expect(contrast(palette.plain, palette.plainText)).toBeGreaterThanOrEqual(4.5);
      expect(contrast(palette.background, palette.plainText)).toBeGreaterThanOrEqual(4.5);
      expect(contrast(palette.match, palette.matchText)).toBeGreaterThanOrEqual(4);
    }
  });
});

function contrast(one: string, other: string): number {
  const luminance = (colour: string) => {
    const [red, green, blue] = [1, 3, 5].map((at) => {
      const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

describe('timeline', () => {
  const series = (cores: number[]) => ({ value: '', rest: 0, cores, total: 0 });

  it('stacks, also series of different lengths', () => {
    const bands = stack({
      start_ms: 0,
      step_ms: 1,
      total: 0,
      series: [series([1, 2]), series([3]), series([])],
    });
    expect(bands.tops.map((top) => [...top])).toEqual([
      [1, 2],
      [4, 2],
      [4, 2],
    ]);
    expect([bands.steps, bands.peak]).toEqual([2, 4]);
    expect(stack({ start_ms: 0, step_ms: 1, total: 0, series: [] }).peak).toBe(0);
  });

  it('marks round values that cover the peak', () => {
    expect(ticks(4.4, 4)).toEqual([0, 2, 4, 6]);
    expect(ticks(0.3, 3)).toEqual([0, 0.1, 0.2, 0.3]);
    expect(ticks(0, 4)).toEqual([0, 1]);
    fc.assert(
      fc.property(
        fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
        fc.integer({ min: 1, max: 9 }),
        (peak, most) => {
          const marks = ticks(peak, most);
          expect(marks.at(-1)).toBeGreaterThanOrEqual(peak * 0.999999);
          expect(marks.length).toBeLessThanOrEqual(most + 2);
        },
      ),
    );
  });

  it('marks round times of the viewer’s zone', () => {
    const start = Date.parse('2026-11-22T10:07:30Z');
    const marks = (offset_min: number) =>
      timeTicks(start, start + 900_000, 4, offset_min * 60_000).map((time) =>
        new Date(time).toISOString().slice(11, 16),
      );
    expect(marks(0)).toEqual(['10:10', '10:15', '10:20']);
    expect(
      timeTicks(start, start + 86_400_000, 4, 330 * 60_000).map((time) => new Date(time).getUTCMinutes()),
    ).toEqual([30, 30, 30, 30]);
  });

  it('finds the step under a point', () => {
    expect([-1, 0, 0.49, 0.5, 1, 2].map((share) => stepAt(share, 4))).toEqual([0, 0, 1, 2, 3, 3]);
  });
});

describe('rows of a table', () => {
  it('cover what is seen, and their gaps make up the rest', () => {
    fc.assert(
      fc.property(fc.nat(5000), fc.nat(200_000), fc.nat(2000), (count, scrollPx, heightPx) => {
        const seen = rowWindow(count, 25, scrollPx, heightPx);
        expect(seen.beforePx + seen.afterPx + (seen.end - seen.first) * 25).toBe(count * 25);
        const firstSeen = Math.floor(scrollPx / 25);
        if (firstSeen < count && heightPx > 0) {
          expect(seen.first).toBeLessThanOrEqual(firstSeen);
          expect(seen.end).toBeGreaterThan(firstSeen);
        }
      }),
    );
  });
});

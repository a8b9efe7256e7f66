// The line of servers needed, with a step for each finding: as promised, and as measured so far.
import { useMemo, useRef } from 'preact/hooks';
import type { Stair } from '../data/capacity';
import { short } from '../data/units';
import { stairsPicture } from '../layout/stairs';
import { useSize } from './size';

const HEIGHT_PX = 230;
/** Between numbers below the steps. */
const NUMBER_MIN_PX = 30;

export function Stairs({ stairs }: { stairs: readonly Stair[] }) {
  const box = useRef<HTMLDivElement>(null);
  const { widthPx } = useSize(box);
  const picture = useMemo(
    () => (widthPx > 0 ? stairsPicture(stairs, { widthPx, heightPx: HEIGHT_PX }) : null),
    [stairs, widthPx],
  );
  const now = stairs.findLast(({ measure }) => measure === null) ?? stairs[0];
  const last = stairs[stairs.length - 1];
  const said = `Servers needed: ${short(stairs[0].promised)} at first, ${short(now.promised)} now, ${short(last.promised)} as promised`;
  const every = Math.ceil((stairs.length * NUMBER_MIN_PX) / Math.max(1, widthPx - 48));
  return (
    <div class="stairs" ref={box} role="img" aria-label={said}>
      {picture && (
        <svg height={HEIGHT_PX} aria-hidden="true">
          {picture.marks.map(({ at, value }) => (
            <g key={value}>
              <line class="grid" x1={picture.plot.left} x2={picture.plot.right} y1={at} y2={at} />
              <text x={picture.plot.left - 6} y={at + 4} text-anchor="end">
                {short(value)}
              </text>
            </g>
          ))}
          {namesOf(stairs).map((name, place) =>
            place % every === 0 || stairs[place] === now ? (
              <text key={name} x={picture.middles[place]} y={picture.plot.bottom + 16} text-anchor="middle">
                {name}
              </text>
            ) : null,
          )}
          <path class="promised" d={picture.promised} />
          <path class="measured" d={picture.measured} />
        </svg>
      )}
      <p class="bar-key dim">
        <i data-part="promised" /> promised <i data-part="measured" /> measured · numbers are those of the
        list
      </p>
    </div>
  );
}

/** Numbers of the measures in their order, with words for the two stairs that are none. */
function namesOf(stairs: readonly Stair[]): string[] {
  let number = 0;
  return stairs.map(({ measure }, place) => {
    if (measure) number += 1;
    return measure
      ? String(number)
      : place === 0 && stairs.length > 1 && stairs[1].measured !== null
        ? 'before'
        : 'now';
  });
}

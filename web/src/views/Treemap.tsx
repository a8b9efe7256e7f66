// The release as a treemap: area is size, shade is how well it was observed, a mark is code that has not run.
import { useMemo, useRef } from 'preact/hooks';
import type { Module } from '../data/deadCode';
import { count, share } from '../data/units';
import { type Box, treemap } from '../layout/treemap';
import { useSize } from './size';

const HEIGHT_PX = 220;
/** Smaller ones would be specks; they are one box together. */
const MODULES_MAX = 300;
const LETTER_PX = 6.9;
/** Steps of the shade. */
const SHADES = 5;

interface Props {
  modules: readonly Module[];
  chosen: string;
  onChoice: (module: string) => void;
}

export function Treemap({ modules, chosen, onChoice }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const { widthPx } = useSize(box);
  const shown = useMemo(() => largest(modules), [modules]);
  const boxes = useMemo(
    () =>
      treemap(
        shown.map(({ size }) => size),
        { x: 0, y: 0, width: widthPx, height: HEIGHT_PX },
      ),
    [shown, widthPx],
  );
  return (
    <div class="treemap" ref={box}>
      <svg height={HEIGHT_PX} role="group" aria-label="Modules by size">
        {shown.map((module, idx) => (
          <ModuleBox
            key={module.name}
            module={module}
            box={boxes[idx]}
            isChosen={module.name === chosen}
            onChoice={() => onChoice(module.name === chosen ? '' : module.name)}
          />
        ))}
      </svg>
      <Key />
    </div>
  );
}

function largest(modules: readonly Module[]): Module[] {
  const sorted = modules.toSorted((a, b) => b.size - a.size);
  const rest = sorted.splice(MODULES_MAX);
  if (rest.length === 0) return sorted;
  const sum = (of: (module: Module) => number) => rest.reduce((all, module) => all + of(module), 0);
  return [
    ...sorted,
    {
      name: `${count(rest.length)} smaller modules`,
      size: sum(({ size }) => size),
      functions: sum(({ functions }) => functions),
      unexecuted: sum(({ unexecuted }) => unexecuted),
      observed: null,
    },
  ];
}

interface BoxProps {
  module: Module;
  box: Box;
  isChosen: boolean;
  onChoice: () => void;
}

function ModuleBox({ module, box: { x, y, width, height }, isChosen, onChoice }: BoxProps) {
  const { name, functions, unexecuted, observed } = module;
  const shade = observed === null ? 'none' : Math.min(SHADES - 1, Math.floor(observed * SHADES));
  const label = endOf(name, (width - 8) / LETTER_PX);
  const dead = functions > 0 ? unexecuted / functions : 0;
  const about = `${name}: ${count(unexecuted)} of ${count(functions)} functions not seen running, ${
    observed === null ? 'not known how well observed' : `observed ${share(observed, 1)}`
  }`;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    onChoice();
  };
  return (
    <g
      role="button"
      tabindex={0}
      aria-label={about}
      aria-pressed={isChosen}
      data-shade={shade}
      onClick={onChoice}
      onKeyDown={onKeyDown}
    >
      <title>{about}</title>
      <rect x={x + 0.5} y={y + 0.5} width={Math.max(0, width - 1)} height={Math.max(0, height - 1)} />
      {height > 12 && width > 6 && (
        <rect
          class="unexecuted"
          x={x + 1}
          y={y + height - 5}
          width={Math.max(0, width - 2) * dead}
          height={4}
        />
      )}
      {label !== '' && height > 24 && (
        <svg x={x} y={y} width={width - 2} height={height} aria-label={label}>
          <text x={5} y={16}>
            {label}
          </text>
        </svg>
      )}
    </g>
  );
}

/** Less of a name says nothing. */
const LETTERS_MIN = 4;

/** As much of the end of a path as there is room for, else its last name, which is cut at the edge. */
function endOf(path: string, letters: number): string {
  if (path.length <= letters) return path;
  const cut = path.indexOf('/', path.length - letters - 1);
  if (cut >= 0) return path.slice(cut + 1);
  return letters < LETTERS_MIN ? '' : path.slice(path.lastIndexOf('/') + 1);
}

function Key() {
  return (
    <p class="treemap-key dim">
      observed: little
      {Array.from({ length: SHADES }, (_, shade) => (
        <i key={shade} data-shade={shade} />
      ))}
      well · not known <i data-shade="none" /> · bar below: share of functions not seen running
    </p>
  );
}

// A table that sorts by its columns. Only the rows near the window are in the document.
import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { rowWindow } from '../layout/rows';
import { useSize } from './size';

const ROW_PX = 25;
/** Of its head, and of what its edge and a bar to scroll sideways take. */
const HEAD_PX = 28;
const EDGES_PX = 10;

export interface Column<S> {
  /** Order that a click on its head asks for; none where there is nothing to sort by. */
  sort: S | null;
  title: string;
  hint: string;
  order?: 'ascending' | 'descending';
  /** The first column takes what the others leave, in parts with those that are wide. */
  widthPx?: number;
  isWide?: boolean;
  /** Whether its cells are words, which begin at the left. */
  words?: boolean;
}

interface Props<S, R> {
  label: string;
  columns: readonly Column<S>[];
  sort: S;
  onSort: (sort: S) => void;
  rows: readonly R[];
  /** One `<tr>`; `place` counts from 0. */
  rowOf: (row: R, place: number) => ComponentChildren;
  foot?: ComponentChildren;
  /** Below this the table scrolls to the side; for tables whose other columns have a width. */
  firstMinPx?: number;
}

export function Table<S extends string, R>(props: Props<S, R>) {
  const { label, columns, sort, onSort, rows, rowOf, foot, firstMinPx = 0 } = props;
  const box = useRef<HTMLDivElement>(null);
  const { heightPx } = useSize(box);
  const [scrollPx, setScrollPx] = useState(0);
  const minWidth = columns.reduce(
    (sum, { widthPx, isWide }) => sum + (isWide ? firstMinPx : (widthPx ?? 0)),
    firstMinPx,
  );
  const seen = rowWindow(rows.length, ROW_PX, scrollPx, heightPx);
  return (
    <div
      class="rows"
      ref={box}
      style={{ '--all-px': `${HEAD_PX + rows.length * ROW_PX + EDGES_PX}px` }}
      tabIndex={0}
      role="region"
      aria-label={label}
      onScroll={(event) => setScrollPx(event.currentTarget.scrollTop)}
    >
      <table aria-rowcount={rows.length + 1} style={{ minWidth }}>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column) => (
              <Head key={column.title} column={column} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          <Gap heightPx={seen.beforePx} columns={columns.length} />
          {rows.slice(seen.first, seen.end).map((row, idx) => rowOf(row, seen.first + idx))}
          <Gap heightPx={seen.afterPx} columns={columns.length} />
        </tbody>
        {foot && <tfoot>{foot}</tfoot>}
      </table>
    </div>
  );
}

interface HeadProps<S> {
  column: Column<S>;
  sort: S;
  onSort: (sort: S) => void;
}

function Head<S>({ column, sort, onSort }: HeadProps<S>) {
  const { title, hint, order, widthPx, isWide = false, words = false } = column;
  const active = column.sort === sort;
  return (
    <th
      scope="col"
      class={words ? 'words' : undefined}
      aria-sort={active ? order : undefined}
      style={isWide ? { width: 'auto' } : widthPx ? { width: widthPx } : undefined}
    >
      {column.sort === null ? (
        <span title={hint}>{title}</span>
      ) : (
        <button type="button" class="quiet" title={hint} onClick={() => onSort(column.sort as S)}>
          {title}
          <span aria-hidden="true">{!active ? '' : order === 'ascending' ? ' ↑' : ' ↓'}</span>
        </button>
      )}
    </th>
  );
}

function Gap({ heightPx, columns }: { heightPx: number; columns: number }) {
  if (heightPx === 0) return null;
  return (
    <tr aria-hidden="true">
      <td colSpan={columns} class="gap" style={{ height: heightPx }} />
    </tr>
  );
}

// Which rows of a long table are near enough to the window to be in the document.

export interface RowWindow {
  first: number;
  /** One past the last. */
  end: number;
  beforePx: number;
  afterPx: number;
}

/** Rows drawn beyond each edge, so that scrolling shows no gap. */
const MARGIN = 12;

export function rowWindow(count: number, rowPx: number, scrollPx: number, heightPx: number): RowWindow {
  const first = Math.max(0, Math.min(count, Math.floor(scrollPx / rowPx) - MARGIN));
  const end = Math.max(first, Math.min(count, Math.ceil((scrollPx + heightPx) / rowPx) + MARGIN));
  return { first, end, beforePx: first * rowPx, afterPx: (count - end) * rowPx };
}

// A canvas in CSS pixels at the sharpness of the screen.

export interface Surface {
  context: CanvasRenderingContext2D;
  widthPx: number;
  heightPx: number;
}

/** Sizes a canvas to its box; `null` where it has none or 2D drawing is not to be had. */
export function surfaceOf(canvas: HTMLCanvasElement): Surface | null {
  const widthPx = canvas.clientWidth;
  const heightPx = canvas.clientHeight;
  const context = canvas.getContext('2d', { alpha: false });
  if (!context || widthPx === 0 || heightPx === 0) return null;
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(widthPx * ratio);
  const height = Math.round(heightPx * ratio);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { context, widthPx, heightPx };
}

/** The typeface of everything drawn; the same as the page's. */
export const FONT = '11.5px system-ui, sans-serif';

const widths = new Map<string, number>();

/** Width of a text, summed from letters measured once: hundreds of labels are fitted on each redraw. */
export function measureWith(context: CanvasRenderingContext2D): (text: string) => number {
  return (text) => {
    let sum = 0;
    for (const letter of text) {
      let width = widths.get(letter);
      if (width === undefined) {
        context.font = FONT;
        width = context.measureText(letter).width;
        if (widths.size < 4_096) widths.set(letter, width);
      }
      sum += width;
    }
    return sum;
  };
}

// The size of an element as state.
import type { RefObject } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';

export interface Size {
  widthPx: number;
  heightPx: number;
}

export function useSize(element: RefObject<HTMLElement>): Size {
  const [size, setSize] = useState<Size>({ widthPx: 0, heightPx: 0 });
  useLayoutEffect(() => {
    const watched = element.current;
    if (!watched) return;
    const read = () => {
      const next = { widthPx: watched.clientWidth, heightPx: watched.clientHeight };
      setSize((last) => (last.widthPx === next.widthPx && last.heightPx === next.heightPx ? last : next));
    };
    read();
    const observer = new ResizeObserver(read);
    observer.observe(watched);
    return () => observer.disconnect();
  }, [element]);
  return size;
}

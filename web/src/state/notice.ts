// One short message at a time, shown and spoken: what was copied, what was selected.
import { signal } from '@preact/signals';

export const notice = signal('');
/** What a screen reader is told; unlike a notice it is not shown. */
export const spoken = signal('');

let clear: ReturnType<typeof setTimeout> | undefined;

export function notify(text: string): void {
  notice.value = text;
  clearTimeout(clear);
  clear = setTimeout(() => {
    notice.value = '';
  }, 2_500);
}

/** Copies a text and says so; where the browser forbids it (plain HTTP on another host), says that instead. */
export async function copy(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    notify(`${what} copied`);
  } catch {
    notify(`The browser does not allow copying here. ${what}: ${text}`);
  }
}

// Light or dark: the system's choice unless the reader made one, which is kept in this browser.
import { computed, signal } from '@preact/signals';

export type Theme = 'light' | 'dark';

const system = window.matchMedia('(prefers-color-scheme: dark)');
const systemTheme = signal<Theme>(system.matches ? 'dark' : 'light');
const chosen = signal<Theme | null>((document.documentElement.dataset.theme as Theme | undefined) ?? null);

system.addEventListener('change', () => {
  systemTheme.value = system.matches ? 'dark' : 'light';
});

export const theme = computed(() => chosen.value ?? systemTheme.value);

/** Changes to the other theme; going back to the system's forgets the choice. */
export function toggleTheme(): void {
  const next = theme.value === 'dark' ? 'light' : 'dark';
  chosen.value = next === systemTheme.value ? null : next;
  try {
    if (chosen.value) localStorage.setItem('theme', chosen.value);
    else localStorage.removeItem('theme');
  } catch {
    // Storage is switched off: the choice holds until the page is closed.
  }
  if (chosen.value) document.documentElement.dataset.theme = chosen.value;
  else delete document.documentElement.dataset.theme;
}

const calm = window.matchMedia('(prefers-reduced-motion: reduce)');

/** Whether the reader asked for a page without movement. */
export function reducedMotion(): boolean {
  return calm.matches;
}

// The address bar as a signal. Every change of the state goes through here, so back and forward always work.
import { computed, signal } from '@preact/signals';

const address = signal({ path: location.pathname, search: location.search });

window.addEventListener('popstate', () => {
  address.value = { path: location.pathname, search: location.search };
});

export const path = computed(() => address.value.path);
export const query = computed(() => address.value.search);

/** Goes to an address of the app. `replace` leaves no entry in the history: for what is not a step of its own. */
export function navigate(to: string, replace = false): void {
  if (to === location.pathname + location.search) return;
  if (replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  address.value = { path: location.pathname, search: location.search };
}

/** Lets plain clicks on links of the app change the page without loading it. */
export function followLink(event: MouseEvent): void {
  const link = (event.target as Element).closest?.('a');
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!link || !plain || link.origin !== location.origin || link.hasAttribute('download') || link.target)
    return;
  if (link.dataset.page === undefined) return;
  event.preventDefault();
  navigate(link.pathname + link.search);
}

// The frame of every page: header, the page of the address, help, and what is spoken to a screen reader.
import { useEffect } from 'preact/hooks';
import { notice, spoken } from '../state/notice';
import { followLink, path, query } from '../state/router';
import { theme, toggleTheme } from '../state/theme';
import { Explore } from './Explore';
import { Help } from './Help';
import { HELP_ID, obeyKeys } from './keys';
import { lazy } from './lazy';
import { Message } from './Message';

interface Page {
  paths: readonly string[];
  title: string;
  view: () => preact.JSX.Element;
}

const Endpoints = lazy(async () => (await import('./Endpoints')).Endpoints);
const Regressions = lazy(async () => (await import('./Regressions')).Regressions);
const Flags = lazy(async () => (await import('./Flags')).Flags);
const DeadCode = lazy(async () => (await import('./DeadCode')).DeadCode);
const Sharing = lazy(async () => (await import('./Sharing')).Sharing);
const Capacity = lazy(async () => (await import('./Capacity')).Capacity);
const Hosts = lazy(async () => (await import('./Hosts')).Hosts);

/** Pages in the order of the navigation; the first path is the one linked to. */
const PAGES: readonly Page[] = [
  { paths: ['/explore', '/'], title: 'Explore', view: Explore },
  { paths: ['/endpoints'], title: 'Endpoints', view: Endpoints },
  { paths: ['/regressions'], title: 'Regressions', view: Regressions },
  { paths: ['/flags'], title: 'Flags', view: Flags },
  { paths: ['/dead-code'], title: 'Dead code', view: DeadCode },
  { paths: ['/sharing'], title: 'Shared memory', view: Sharing },
  { paths: ['/capacity'], title: 'Capacity', view: Capacity },
  { paths: ['/hosts'], title: 'Hosts', view: Hosts },
];

export function App() {
  const page = PAGES.find(({ paths }) => paths.includes(path.value));
  useEffect(() => {
    document.title = page ? `${page.title} · fewer` : 'fewer';
  }, [page]);
  useEffect(() => {
    document.addEventListener('keydown', obeyKeys);
    document.addEventListener('click', followLink);
    return () => {
      document.removeEventListener('keydown', obeyKeys);
      document.removeEventListener('click', followLink);
    };
  }, []);
  return (
    <>
      <Header current={page} />
      <main class={page && page.view !== Hosts ? 'page filled' : 'page'}>
        {page ? <page.view key={page.title} /> : <NotFound />}
      </main>
      <Help />
      <div class="notice" role="status" data-shown={notice.value !== ''}>
        {notice}
      </div>
      <div class="spoken" aria-live="polite">
        {spoken}
      </div>
    </>
  );
}

function Header({ current }: { current: Page | undefined }) {
  const other = theme.value === 'dark' ? 'light' : 'dark';
  const time = timeOf(query.value);
  return (
    <header class="header">
      <a class="brand" href="/explore" data-page>
        <svg viewBox="0 0 16 16" width="18" height="18" aria-hidden="true">
          <rect width="16" height="16" rx="3" />
          <path d="M3 4h10v2H3zM3 7h7v2H3zM3 10h4v2H3z" />
        </svg>
        fewer
      </a>
      <nav aria-label="Pages">
        {PAGES.map((page) => (
          <a
            key={page.title}
            href={page.paths[0] + time}
            data-page
            aria-current={page === current ? 'page' : undefined}
          >
            {page.title}
          </a>
        ))}
      </nav>
      <div class="spring" />
      <button type="button" class="quiet" onClick={toggleTheme} title={`Change to ${other} colours (t)`}>
        {other === 'dark' ? 'Dark' : 'Light'}
      </button>
      <button
        type="button"
        class="quiet"
        title="Keys (?)"
        onClick={() => (document.getElementById(HELP_ID) as HTMLDialogElement).showModal()}
      >
        Keys
      </button>
    </header>
  );
}

/** The time that every page takes over from the one before. */
function timeOf(search: string): string {
  const params = new URLSearchParams(search);
  const kept = [...params].filter(([name]) => ['start', 'end', 'refresh'].includes(name));
  return kept.length === 0 ? '' : `?${new URLSearchParams(kept)}`;
}

function NotFound() {
  return (
    <Message title="There is no such page">
      <p>
        Nothing is at <code>{path.value}</code>. Everything starts from{' '}
        <a href="/explore" data-page>
          Explore
        </a>
        .
      </p>
    </Message>
  );
}

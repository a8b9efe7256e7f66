// What a page says when it has nothing to draw: why, and what to do.
import type { ComponentChildren } from 'preact';
import type { Failure } from '../api/client';

export function Message({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <section class="message">
      <h2>{title}</h2>
      {children}
    </section>
  );
}

export function FailureMessage({ failure, retry }: { failure: Failure; retry: () => void }) {
  const { message, fix, code } = failure.detail;
  return (
    <section class="message" role="alert">
      <h2>{message}</h2>
      {fix && <p>{fix}</p>}
      <p>
        <button type="button" onClick={retry}>
          Try again
        </button>
        <small>{code}</small>
      </p>
    </section>
  );
}

/**
 * Whether a failure takes the place of what a panel shows. The selector's box shows its own errors, and the last
 * answer stays while the collector is away.
 */
export function isFatal(failure: Failure, has_answer: boolean): boolean {
  return failure.detail.field !== 'query' && (failure.status !== 0 || !has_answer);
}

/** The same over a page that still shows its last answer. */
export function FailureBanner({ failure, retry }: { failure: Failure; retry: () => void }) {
  return (
    <div class="banner" role="alert">
      <span>{failure.detail.message} What follows is the last answer.</span>
      <button type="button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

/** Says what the collector could not read and left out. */
export function Incomplete({ missing }: { missing: string }) {
  if (missing === '') return null;
  return (
    <div class="banner" role="alert">
      Some stored data cannot be read and is missing here: {missing}
    </div>
  );
}

/** A thin line at the top of a part that waits for an answer. */
export function Waiting({ active }: { active: boolean }) {
  return <div class="waiting" data-active={active} aria-hidden="true" />;
}

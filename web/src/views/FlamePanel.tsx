// The flame graph with what belongs to it: search, breadcrumb, the frame at hand.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Match } from '../api/types';
import { match as matchUrl, type Question } from '../api/urls';
import { amount, count, share } from '../data/units';
import { search } from '../layout/search';
import { findNearest, frameName, type Tree } from '../layout/tree';
import { refresh } from '../state/clock';
import { change, type Explore, explore, fields, focusPath } from '../state/explore';
import { copy } from '../state/notice';
import { useTree } from '../state/picture';
import { useResource } from '../state/resource';
import { Export } from './Export';
import { FlameCanvas } from './FlameCanvas';
import { SEARCH_ID } from './keys';
import { FailureMessage, isFatal, Waiting } from './Message';
import { useSize } from './size';
import { ViewSwitch } from './ViewSwitch';

const SEARCH_DELAY_MS = 200;

interface Props {
  question: Question;
  over_ms: number;
}

export function FlamePanel({ question, over_ms }: Props) {
  const state = explore.value;
  const body = useRef<HTMLDivElement>(null);
  const size = useSize(body);
  const { value: tree, error, loading } = useTree(question, size.widthPx);
  const match = useResource<Match>(state.search === '' ? null : matchUrl(question, state.search));
  const matches = useMemo(() => tree && search(tree.functions, state.search), [tree, state.search]);
  const failed = error && isFatal(error, tree !== null) ? error : null;
  return (
    <section class="panel flame-panel" aria-label="Flame graph">
      <Waiting active={loading} />
      <div class="panel-head">
        <SearchBox />
        <MatchResult
          match={match.value}
          error={match.error?.detail.message ?? null}
          over_ms={over_ms}
          tree={tree}
        />
        <div class="spring" />
        <Switches state={state} />
        <Export question={question} />
      </div>
      {tree && <Breadcrumb tree={tree} />}
      <div class="flame-body" ref={body}>
        {failed ? (
          <FailureMessage failure={failed} retry={refresh} />
        ) : (
          tree && <FlameCanvas tree={tree} matches={matches} over_ms={over_ms} size={size} />
        )}
      </div>
      {tree && <StatusLine tree={tree} over_ms={over_ms} />}
    </section>
  );
}

function SearchBox() {
  const asked = fields.search.value;
  const [text, setText] = useState(asked);
  useEffect(() => setText(asked), [asked]);
  useEffect(() => {
    if (text === fields.search.peek()) return;
    const timer = setTimeout(() => change({ search: text }, true), SEARCH_DELAY_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <input
      id={SEARCH_ID}
      type="search"
      placeholder="search functions  /"
      aria-label="Search functions by regular expression"
      spellcheck={false}
      value={text}
      onInput={(event) => setText(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.preventDefault();
        change({ search: '' }, true);
        event.currentTarget.blur();
      }}
    />
  );
}

interface MatchProps {
  match: Match | null;
  error: string | null;
  over_ms: number;
  tree: Tree | null;
}

function MatchResult({ match, error, over_ms, tree }: MatchProps) {
  if (fields.search.value === '') return null;
  if (error) return <output class="bad">{error}</output>;
  if (!match) return <output />;
  if (match.functions === 0) return <output>no function matches</output>;
  const { rate } = amount(match.matched, tree?.unit ?? 'nanoseconds', over_ms);
  return (
    <output title="Samples with a matching function anywhere in their stack, over the whole selection">
      <b>{share(match.matched, match.total)}</b> · {rate} · {count(match.functions)}{' '}
      {match.functions === 1 ? 'function' : 'functions'}
    </output>
  );
}

function Switches({ state }: { state: Explore }) {
  const inverted = state.direction === 'callers';
  return (
    <>
      <button
        type="button"
        aria-pressed={inverted}
        title="Functions on top, their callers below (i)"
        onClick={() =>
          change({
            direction: inverted ? 'callees' : 'callers',
            path: [],
            focus: null,
            zoom: { start: 0, end: 1 },
          })
        }
      >
        Invert
      </button>
      <button
        type="button"
        aria-pressed={state.flip}
        title="Root at the bottom (u)"
        onClick={() => change({ flip: !state.flip }, true)}
      >
        Flip
      </button>
      <ViewSwitch />
    </>
  );
}

function Breadcrumb({ tree }: { tree: Tree }) {
  const state = explore.value;
  const focus = focusPath(state);
  const all = state.direction === 'callers' ? 'all functions' : 'all';
  return (
    <nav class="crumbs" aria-label="Focused frame">
      <ol>
        {[all, ...focus].map((name, depth) => (
          <li key={depth}>
            <button
              type="button"
              class="quiet"
              aria-current={depth === focus.length ? 'true' : undefined}
              title={name}
              onClick={() => change({ focus: depth, zoom: { start: 0, end: 1 } })}
            >
              {name}
            </button>
          </li>
        ))}
      </ol>
      <small title="Frames too narrow to draw are hatched. Click one to ask for it.">
        {count(tree.framesSent)}
        {tree.framesTotal > tree.framesSent && ` of ${count(tree.framesTotal)}`} frames
      </small>
    </nav>
  );
}

function StatusLine({ tree, over_ms }: { tree: Tree; over_ms: number }) {
  const path = fields.path.value;
  const idx = Math.max(0, findNearest(tree, path));
  const item = tree.name[idx] >= 0 ? tree.functions[tree.name[idx]] : null;
  const total = amount(tree.total[idx], tree.unit, over_ms);
  const self = amount(tree.self[idx], tree.unit, over_ms);
  return (
    <div class="status-line">
      <b>{frameName(tree, idx)}</b>
      {item && <span class="dim">{[item.package, item.file].filter((text) => text !== '').join(' · ')}</span>}
      <div class="spring" />
      <span>
        {total.rate} · {total.sum} · <b>{share(tree.total[idx], tree.selectionTotal)}</b>
      </span>
      <span class="dim">
        self {share(tree.self[idx], tree.selectionTotal)} · {self.sum}
      </span>
      <button
        type="button"
        class="quiet"
        title="Copy the name (n)"
        onClick={() => void copy(frameName(tree, idx), 'Name')}
      >
        Copy name
      </button>
      <button
        type="button"
        class="quiet"
        title="Copy a link to this view (y)"
        onClick={() => void copy(location.href, 'Link')}
      >
        Copy link
      </button>
    </div>
  );
}

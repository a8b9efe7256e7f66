// Where do the cores of this selection go? Timeline on top, flame graph and function table below.
import { useEffect, useMemo } from 'preact/hooks';
import { incomplete } from '../api/client';
import type { Status, Timeline } from '../api/types';
import { type Question, STATUS, timeline as timelineUrl } from '../api/urls';
import { withBraces } from '../data/selector';
import { covered, parseRange, type Range } from '../data/time';
import { now_ms, refresh, setServerClock } from '../state/clock';
import { change, fields, NO_PLACE } from '../state/explore';
import { useResource } from '../state/resource';
import { EmptyMessage } from './Empty';
import { FlamePanel } from './FlamePanel';
import { FailureBanner, FailureMessage, Message } from './Message';
import { SelectorBox } from './SelectorBox';
import { TimelinePanel } from './TimelinePanel';
import { TimePicker } from './TimePicker';
import { TopTable } from './TopTable';

/** Steps of the timeline: about five pixels each on a common screen. */
const STEPS = 180;
const REFRESH_MS = 10_000;
/** How often a page without samples looks for the first. */
const EMPTY_MS = 5_000;

export function Explore() {
  const [start, end] = [fields.start.value, fields.end.value];
  const [query, type, by] = [fields.query.value, fields.type.value, fields.by.value];
  const asked = now_ms.value;
  const range = useMemo(() => parseRange(start, end, asked), [start, end, asked]);
  const question = useMemo<Question | null>(
    () => (typeof range === 'string' ? null : { selector: withBraces(query).text, range, type }),
    [range, query, type],
  );
  const status = useResource<Status>(STATUS, { fleeting: true });
  const timeline = useResource<Timeline>(question && timelineUrl(question, by, STEPS));
  const { value: known } = status;
  useEffect(() => {
    if (known) setServerClock(known.now_ms);
  }, [known]);
  const empty = timeline.value !== null && timeline.value.total === 0 && !timeline.error;
  useRefresh(end === 'now', fields.refresh.value, empty);

  const badSelector = timeline.error?.detail.field === 'query' ? timeline.error.detail : null;
  return (
    <>
      <h1 class="spoken">Explore</h1>
      <div class="asking">
        <SelectorBox question={question} error={badSelector} />
        <TypePicker types={known?.profile_types ?? []} />
        <TimePicker />
      </div>
      {typeof range === 'string' || question === null ? (
        <Message title="This time range cannot be read">
          <p>{String(range)}. Pick one at the top right.</p>
        </Message>
      ) : timeline.error && !badSelector && !timeline.value ? (
        <FailureMessage failure={timeline.error} retry={refresh} />
      ) : badSelector && !timeline.value ? (
        <Message title="The selector cannot be read">
          <p>The mark under it shows where. Correct it, or clear it to see everything.</p>
        </Message>
      ) : empty ? (
        <EmptyMessage status={known} question={question} />
      ) : (
        <>
          {timeline.error && !badSelector && <FailureBanner failure={timeline.error} retry={refresh} />}
          {incomplete.value !== '' && (
            <div class="banner" role="alert">
              Some stored data cannot be read and is missing here: {incomplete}
            </div>
          )}
          <Panels
            question={question}
            timeline={timeline}
            counted={known ? covered(range, known, end === 'now') : range}
          />
        </>
      )}
    </>
  );
}

interface PanelsProps {
  question: Question;
  timeline: ReturnType<typeof useResource<Timeline>>;
  /** The time that means are taken over. */
  counted: Range;
}

function Panels({ question, timeline, counted }: PanelsProps) {
  const view = fields.view.value;
  const over_ms = counted.end_ms - counted.start_ms;
  return (
    <>
      <TimelinePanel question={question} timeline={timeline} over_ms={over_ms} />
      <div class="split" data-view={view}>
        {view !== 'table' && <FlamePanel question={question} over_ms={over_ms} />}
        {view !== 'graph' && <TopTable question={question} over_ms={over_ms} />}
      </div>
    </>
  );
}

/** Asks again on its own: when switched on, and while there is nothing to show yet. */
function useRefresh(relative: boolean, on: boolean, empty: boolean): void {
  const every_ms = !relative ? 0 : empty ? EMPTY_MS : on ? REFRESH_MS : 0;
  useEffect(() => {
    if (every_ms === 0) return;
    const timer = setInterval(() => {
      if (!document.hidden) refresh();
    }, every_ms);
    return () => clearInterval(timer);
  }, [every_ms]);
}

function TypePicker({ types }: { types: string[] }) {
  const type = fields.type.value;
  if (types.length < 2 && (types.length === 0 || types[0] === type)) return null;
  const all = types.includes(type) ? types : [type, ...types];
  return (
    <select
      aria-label="Profile type"
      value={type}
      onChange={(event) => change({ type: event.currentTarget.value, ...NO_PLACE })}
    >
      {all.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}

// Where do the cores of this selection go? Timeline on top, flame graph and function table below.
import { useMemo } from 'preact/hooks';
import { incomplete } from '../api/client';
import type { Timeline } from '../api/types';
import { type Question, timeline as timelineUrl } from '../api/urls';
import { withBraces } from '../data/selector';
import { covered, type Range } from '../data/time';
import { useRange, useRefresh, useStatus } from '../state/asking';
import { refresh } from '../state/clock';
import { change, fields, NO_PLACE } from '../state/explore';
import { useResource } from '../state/resource';
import { EmptyMessage } from './Empty';
import { FlamePanel } from './FlamePanel';
import { FailureBanner, FailureMessage, Incomplete, Message } from './Message';
import { SelectorBox } from './SelectorBox';
import { TablePanel } from './TablePanel';
import { TimelinePanel } from './TimelinePanel';
import { TimePicker, type Times } from './TimePicker';

/** Steps of the timeline: about five pixels each on a common screen. */
const STEPS = 180;

export function Explore() {
  const [start, end] = [fields.start.value, fields.end.value];
  const [query, type] = [fields.query.value, fields.type.value];
  const [by, per] = [fields.by.value, fields.per.value];
  const range = useRange(start, end);
  const question = useMemo<Question | null>(
    () => (typeof range === 'string' ? null : { selector: withBraces(query).text, range, type }),
    [range, query, type],
  );
  const known = useStatus();
  const timeline = useResource<Timeline>(question && timelineUrl(question, { by, per, steps: STEPS }));
  const empty = timeline.value !== null && timeline.value.total === 0 && !timeline.error;
  useRefresh(end === 'now', fields.refresh.value, empty);

  const badSelector = timeline.error?.detail.field === 'query' ? timeline.error.detail : null;
  return (
    <>
      <h1 class="spoken">Explore</h1>
      <div class="asking">
        <SelectorBox question={question} error={badSelector} />
        <TypePicker types={known?.profile_types ?? []} />
        <TimePicker times={{ start, end, refresh: fields.refresh.value }} onTimes={changeTimes} />
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
          <Incomplete missing={incomplete.value} />
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
        {view !== 'graph' && <TablePanel question={question} over_ms={over_ms} />}
      </div>
    </>
  );
}

/** Another time has other frames: the picture is shown whole. */
function changeTimes(patch: Partial<Times>, replace = false): void {
  change(patch.start === undefined ? patch : { ...patch, zoom: NO_PLACE.zoom }, replace);
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

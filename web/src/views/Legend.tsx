// The series of the timeline by name and number: over the whole time, or at the cursor. A click narrows to one.
import type { Timeline, TimelineSeries } from '../api/types';
import { labelTitle, valueTitle } from '../data/labels';
import { meanPerRequest } from '../data/requests';
import { withMatcher } from '../data/selector';
import { dayAndClock } from '../data/time';
import { cores, coresOf, share, short, shortOrNone } from '../data/units';
import { change, fields, NO_PLACE } from '../state/explore';
import { RATE_HINT, REQUEST_HINT } from './costs';

interface Props {
  timeline: Timeline;
  colours: readonly string[];
  cursor: number | null;
  over_ms: number;
  setLit: (series: number | null) => void;
}

export function Legend({ timeline, colours, cursor, over_ms, setLit }: Props) {
  const by = timeline.by ?? fields.by.value;
  const query = fields.query.value;
  const per_request = timeline.per === 'request';
  const time = cursor === null ? null : timeline.start_ms + cursor * timeline.step_ms;
  const numbers = per_request ? requestNumbers : coreNumbers;
  return (
    <div class="legend">
      <div class="legend-head">
        <span>{time === null ? labelTitle(by) : dayAndClock(time)}</span>
        <span title={per_request ? REQUEST_HINT : undefined}>
          {per_request ? 'ms/req' : time === null ? 'mean cores' : 'cores'}
        </span>
        <span title={per_request ? RATE_HINT : undefined}>{per_request ? 'req/s' : 'share'}</span>
      </div>
      <ul>
        {timeline.series.map((series, idx) => (
          <li
            key={`${series.rest}${series.value}`}
            onPointerEnter={() => setLit(idx)}
            onPointerLeave={() => setLit(null)}
            onFocusIn={() => setLit(idx)}
            onFocusOut={() => setLit(null)}
          >
            <button
              type="button"
              class="quiet"
              disabled={series.rest > 0}
              title={`Show only ${labelTitle(by)}="${series.value}"`}
              onClick={() => change({ query: withMatcher(query, by, series.value), ...NO_PLACE })}
            >
              <i style={{ background: colours[idx] }} />
              <span class="legend-name">{valueTitle(series)}</span>
              {numbers(timeline, series, cursor, over_ms).map((text, place) => (
                <span key={place}>{text}</span>
              ))}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

type Numbers = (
  timeline: Timeline,
  series: TimelineSeries,
  cursor: number | null,
  over_ms: number,
) => [string, string];

const coreNumbers: Numbers = (timeline, series, cursor, over_ms) => [
  cores(cursor === null ? coresOf(series.total, over_ms) : (series.cores[cursor] ?? 0)),
  share(series.total, timeline.total),
];

const requestNumbers: Numbers = (timeline, series, cursor, over_ms) => {
  if (cursor === null) {
    const { request_ms, requests } = meanPerRequest([series]);
    return [shortOrNone(request_ms), rate(requests, over_ms)];
  }
  const requests = series.requests?.[cursor] ?? 0;
  return [shortOrNone(series.cpu_ms_per_request?.[cursor] ?? null), rate(requests, timeline.step_ms)];
};

function rate(requests: number, over_ms: number): string {
  return shortOrNone(requests === 0 ? null : (requests * 1000) / over_ms);
}

/** The whole selection in one number. */
export function Mean({ timeline, over_ms }: { timeline: Timeline; over_ms: number }) {
  if (timeline.per !== 'request') {
    return (
      <output>
        <b>{cores(coresOf(timeline.total, over_ms))}</b> cores on average
      </output>
    );
  }
  const { request_ms, requests } = meanPerRequest(timeline.series);
  if (request_ms === null) return <output>no requests</output>;
  return (
    <output title={REQUEST_HINT}>
      <b>{short(request_ms)}</b> ms per request · {rate(requests, over_ms)} requests/s
    </output>
  );
}

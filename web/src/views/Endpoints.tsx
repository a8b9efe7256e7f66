// Which request is expensive? One row an endpoint: rate × CPU per request = cores.
import '../styles/endpoints.css';
import { useMemo } from 'preact/hooks';
import { incomplete } from '../api/client';
import type { Breakdown, LabelValues } from '../api/types';
import { breakdown as breakdownUrl, labelValues, type Question } from '../api/urls';
import { ENDPOINT, SERVICE } from '../data/labels';
import { covered } from '../data/time';
import { count } from '../data/units';
import { useRange, useRefresh, useStatus } from '../state/asking';
import { refresh } from '../state/clock';
import { change, fields, selectorOf } from '../state/endpoints';
import { useResource } from '../state/resource';
import { NothingYet } from './Empty';
import { EndpointTable } from './EndpointTable';
import { FilterBox } from './FilterBox';
import { FailureBanner, FailureMessage, Incomplete, Message, Waiting } from './Message';
import { NoEndpoints } from './NoEndpoints';
import { TimePicker } from './TimePicker';

const ENDPOINTS_MAX = 2_000;
const SERVICES_MAX = 200;

export function Endpoints() {
  const [start, end, live] = [fields.start.value, fields.end.value, fields.refresh.value];
  const [service, outside, filter] = [fields.service.value, fields.outside.value, fields.filter.value];
  const range = useRange(start, end);
  const question = useMemo<Question | null>(
    () =>
      typeof range === 'string' ? null : { selector: selectorOf({ service, outside }), range, type: 'cpu' },
    [range, service, outside],
  );
  const status = useStatus();
  const answer = useResource<Breakdown>(question && breakdownUrl(question, ENDPOINT, ENDPOINTS_MAX));
  const { value, error, loading } = answer;
  const empty = value !== null && !value.rows.some((row) => row.value !== '' || row.rest > 0);
  useRefresh(end === 'now', live, empty);
  const over_ms = useMemo(() => {
    if (typeof range === 'string') return 0;
    const { start_ms, end_ms } = status ? covered(range, status, end === 'now') : range;
    return end_ms - start_ms;
  }, [range, status, end]);
  return (
    <>
      <div class="asking endpoints-asking">
        <h1>
          Endpoints <small>{value && !empty && count(endpointCount(value))}</small>
        </h1>
        <ServicePicker question={question} service={service} />
        <FilterBox
          label="Filter endpoints by name"
          filter={filter}
          onFilter={(text) => change({ filter: text }, true)}
        />
        <label class="tick" title="Samples that no endpoint was known for, and their share">
          <input
            type="checkbox"
            checked={outside}
            onChange={(event) => change({ outside: event.currentTarget.checked }, true)}
          />
          CPU outside endpoints
        </label>
        <div class="spring" />
        <TimePicker times={{ start, end, refresh: live }} onTimes={change} />
      </div>
      {typeof range === 'string' ? (
        <Message title="This time range cannot be read">
          <p>{range}. Pick one at the top right.</p>
        </Message>
      ) : error && !value ? (
        <FailureMessage failure={error} retry={refresh} />
      ) : status && status.latest_ms == null ? (
        <NothingYet />
      ) : empty ? (
        <NoEndpoints service={service} />
      ) : (
        <>
          {error && <FailureBanner failure={error} retry={refresh} />}
          <Incomplete missing={incomplete.value} />
          <section class="panel table-panel endpoints" aria-label="Endpoints">
            <Waiting active={loading} />
            {value && <EndpointTable breakdown={value} over_ms={over_ms} at={{ service, start, end }} />}
          </section>
          <Footnote />
        </>
      )}
    </>
  );
}

function endpointCount({ rows, values_total }: Breakdown): number {
  return values_total - (rows.some(({ value, rest }) => value === '' && rest === 0) ? 1 : 0);
}

function ServicePicker({ question, service }: { question: Question | null; service: string }) {
  const url = question && labelValues({ ...question, selector: `{${ENDPOINT}!=""}` }, SERVICE, SERVICES_MAX);
  const values = useResource<LabelValues>(url);
  const known = (values.value?.values ?? []).map(({ value }) => value).filter((value) => value !== '');
  const shown = service === '' || known.includes(service) ? known : [service, ...known];
  return (
    <label class="by">
      service
      <select value={service} onChange={(event) => change({ service: event.currentTarget.value })}>
        <option value="">all</option>
        {shown.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}

function Footnote() {
  return (
    <p class="footnote">
      Requests/s × CPU per request = cores. CPU is sampled from outside, requests are what the programs
      counted; the rest and the total divide all of their CPU by the counted requests, also CPU of endpoints
      that counted none.
    </p>
  );
}

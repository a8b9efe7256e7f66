// The table of the selection: its functions, or what it costs by the values of a label.
import type { Breakdown as BreakdownAnswer, Top } from '../api/types';
import { breakdown as breakdownUrl, type Question, top as topUrl } from '../api/urls';
import { labelTitle } from '../data/labels';
import { count } from '../data/units';
import { refresh } from '../state/clock';
import { change, type Explore, fields } from '../state/explore';
import { useResource } from '../state/resource';
import { Breakdown } from './Breakdown';
import { FilterBox } from './FilterBox';
import { Functions } from './Functions';
import { TABS_ID } from './keys';
import { FailureMessage, isFatal, Waiting } from './Message';
import { ViewSwitch } from './ViewSwitch';

const FUNCTIONS_MAX = 2_000;
const VALUES_MAX = 2_000;
const BODY_ID = 'table-body';

const TABS: readonly { list: Explore['list']; title: string }[] = [
  { list: 'functions', title: 'Functions' },
  { list: 'breakdown', title: 'Breakdown' },
];

interface Props {
  question: Question;
  over_ms: number;
}

export function TablePanel({ question, over_ms }: Props) {
  const [list, by, filter] = [fields.list.value, fields.by.value, fields.filter.value];
  const asked = { sort: fields.sort.value, filter, limit: FUNCTIONS_MAX };
  const top = useResource<Top>(list === 'functions' ? topUrl(question, asked) : null);
  const breakdown = useResource<BreakdownAnswer>(
    list === 'breakdown' ? breakdownUrl(question, by, VALUES_MAX) : null,
  );
  const { value, error, loading } = list === 'functions' ? top : breakdown;
  return (
    <section class="panel table-panel" aria-label="Table">
      <Waiting active={loading} />
      <div class="panel-head">
        <Tabs list={list} />
        <FilterBox
          label={list === 'functions' ? 'Filter functions by name' : `Filter values of ${labelTitle(by)}`}
          filter={filter}
          onFilter={(text) => change({ filter: text }, true)}
        />
        {fields.view.value === 'table' && <ViewSwitch />}
        <div class="spring" />
        {list === 'functions'
          ? top.value && <FunctionCount top={top.value} />
          : breakdown.value && <small>{count(breakdown.value.values_total)} values</small>}
      </div>
      <div id={BODY_ID} class="tab-body" role="tabpanel" aria-labelledby={`${TABS_ID}-${list}`}>
        {error && isFatal(error, value !== null) ? (
          <FailureMessage failure={error} retry={refresh} />
        ) : list === 'functions' ? (
          top.value && <Functions top={top.value} over_ms={over_ms} />
        ) : (
          breakdown.value && <Breakdown breakdown={breakdown.value} over_ms={over_ms} />
        )}
      </div>
    </section>
  );
}

function FunctionCount({ top: { rows, functions_total, unit } }: { top: Top }) {
  const cut = rows.length < functions_total;
  return (
    <small title={cut ? `The first ${count(rows.length)} are listed` : undefined}>
      {count(functions_total)} · {unit === 'nanoseconds' ? 'cores' : unit}
    </small>
  );
}

function Tabs({ list: current }: { list: Explore['list'] }) {
  const open = (list: Explore['list']) => change({ list, filter: '' }, true);
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const at = TABS.findIndex(({ list }) => list === current);
    const next = TABS[(at + step + TABS.length) % TABS.length].list;
    open(next);
    document.getElementById(`${TABS_ID}-${next}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label="Table of" onKeyDown={onKeyDown}>
      {TABS.map(({ list, title }) => (
        <button
          key={list}
          id={`${TABS_ID}-${list}`}
          type="button"
          class="quiet"
          role="tab"
          title={`${title} (d changes)`}
          aria-selected={list === current}
          aria-controls={BODY_ID}
          tabIndex={list === current ? 0 : -1}
          onClick={() => open(list)}
        >
          {title}
        </button>
      ))}
    </div>
  );
}

// CPU over time by one label: cores in bands, or CPU per request in lines.
import { useMemo, useState } from 'preact/hooks';
import type { Timeline } from '../api/types';
import type { Question } from '../api/urls';
import { distinctColours, opposite, paletteOf } from '../draw/palette';
import { change, type Explore, fields } from '../state/explore';
import type { Resource } from '../state/resource';
import { theme } from '../state/theme';
import { ByPicker } from './ByPicker';
import { Chart } from './Chart';
import { Legend, Mean } from './Legend';
import { Waiting } from './Message';
import { type Choice, Segments } from './Segments';

interface Props {
  question: Question;
  timeline: Resource<Timeline>;
  over_ms: number;
}

const PER: readonly Choice<Explore['per']>[] = [
  { value: 'time', title: 'Cores', hint: 'CPU-seconds per second (p changes)' },
  { value: 'request', title: 'Per request', hint: 'Sampled CPU per counted request (p changes)' },
];

export function TimelinePanel({ question, timeline, over_ms }: Props) {
  const { value, loading } = timeline;
  const [cursor, setCursor] = useState<number | null>(null);
  const [lit, setLit] = useState<number | null>(null);
  const colours = useColours(value);
  const counted = value?.per !== 'request' || value.series.some(({ requests }) => requests?.some(Boolean));
  return (
    <section class="panel timeline" aria-label="Timeline">
      <Waiting active={loading} />
      <div class="panel-head">
        <h2>CPU over time</h2>
        <ByPicker question={question} />
        <Segments
          label="CPU as"
          choices={PER}
          value={fields.per.value}
          onChoice={(per) => change({ per }, true)}
        />
        <div class="spring" />
        {value && <Mean timeline={value} over_ms={over_ms} />}
      </div>
      <div class="timeline-body">
        {value && counted && <Chart {...{ timeline: value, colours, cursor, setCursor, lit }} />}
        {!value && <div class="chart" />}
        {value && !counted && (
          <p class="chart-note">
            No request was counted in this selection. Programs count them with the fewer SDK:{' '}
            <a href="/endpoints" data-page>
              Endpoints
            </a>{' '}
            says how.
          </p>
        )}
        {value && <Legend {...{ timeline: value, colours, cursor, over_ms, setLit }} />}
      </div>
    </section>
  );
}

/** One colour a series, greys for the rest and for none. Lines are thin: they take the stronger of the two palettes. */
function useColours(timeline: Timeline | null): string[] {
  const per = timeline?.per;
  const palette = paletteOf(per === 'request' ? opposite(theme.value) : theme.value);
  return useMemo(() => {
    const series = timeline?.series ?? [];
    const distinct = distinctColours(
      series.map(({ value }) => value),
      palette,
    );
    const none = per === 'request' ? palette.hatch : palette.plain;
    return series.map(({ rest, value }, idx) =>
      rest > 0 ? palette.marker : value === '' && timeline?.by ? none : distinct[idx],
    );
  }, [timeline, palette]);
}

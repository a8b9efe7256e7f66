// What if there were more requests, busier servers or another number of regions? Arithmetic of the page alone.
import type { Assumed, Plan } from '../data/capacity';

interface Props {
  plan: Plan;
  assumptions: Assumed;
  onAssume: (patch: { requests?: number | null; busy?: number | null; regions?: number | null }) => void;
}

export function WhatIf({ plan, assumptions: { requests, busy, regions }, onAssume }: Props) {
  const target = plan.target_utilisation;
  const isChanged = requests !== 100 || busy !== null || regions !== null;
  return (
    <section class="panel inset" aria-label="What if">
      <h2>What if</h2>
      <div class="what-if">
        <Slider
          label="Requests"
          value={requests}
          {...{ min: 50, max: 300, step: 5 }}
          text={`${requests} % of now`}
          onValue={(value) => onAssume({ requests: value === 100 ? null : value })}
        />
        {target !== null && (
          <Slider
            label="Utilisation aimed for"
            value={busy ?? Math.round(100 * target)}
            {...{ min: 20, max: 95, step: 1 }}
            text={`${busy ?? Math.round(100 * target)} %`}
            onValue={(value) => onAssume({ busy: value === Math.round(100 * target) ? null : value })}
          />
        )}
        {plan.regions !== null && (
          <Slider
            label="Regions, one of which may be lost"
            value={regions ?? plan.regions}
            {...{ min: 1, max: 6, step: 1 }}
            text={(regions ?? plan.regions) === 1 ? '1, no reserve' : String(regions ?? plan.regions)}
            onValue={(value) => onAssume({ regions: value === plan.regions ? null : value })}
          />
        )}
      </div>
      {isChanged && (
        <button type="button" onClick={() => onAssume({ requests: null, busy: null, regions: null })}>
          As it is
        </button>
      )}
    </section>
  );
}

interface SliderProps {
  label: string;
  value: number;
  min: number;
  max: number;
  step: number;
  text: string;
  onValue: (value: number) => void;
}

function Slider({ label, value, min, max, step, text, onValue }: SliderProps) {
  return (
    <label>
      <span>
        {label} <output>{text}</output>
      </span>
      <input
        type="range"
        {...{ min, max, step, value }}
        aria-valuetext={text}
        onInput={(event) => onValue(Number(event.currentTarget.value))}
      />
    </label>
  );
}

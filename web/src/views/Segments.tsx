// A row of buttons of which one is chosen.

export interface Choice<T> {
  value: T;
  title: string;
  hint: string;
}

interface Props<T> {
  /** Accessible name of the group. */
  label: string;
  choices: readonly Choice<T>[];
  value: T;
  onChoice: (value: T) => void;
}

export function Segments<T extends string>({ label, choices, value: chosen, onChoice }: Props<T>) {
  return (
    <fieldset class="segments">
      <legend class="spoken">{label}</legend>
      {choices.map(({ value, title, hint }) => (
        <button
          key={value}
          type="button"
          aria-pressed={value === chosen}
          title={hint}
          onClick={() => onChoice(value)}
        >
          {title}
        </button>
      ))}
    </fieldset>
  );
}

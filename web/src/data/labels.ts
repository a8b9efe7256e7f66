// Names and values of labels as people read them.

export const ENDPOINT = 'endpoint';
export const SERVICE = 'service.name';
export const VERSION = 'service.version';

const FLAG_PREFIX = 'feature_flag.result.variant.';

export function flagLabel(flag: string): string {
  return FLAG_PREFIX + flag;
}

export function isFlag(name: string): boolean {
  return name.startsWith(FLAG_PREFIX);
}

/** A flag's label by the flag's key, any other label by its name. */
export function labelTitle(name: string): string {
  return isFlag(name) ? `flag ${name.slice(FLAG_PREFIX.length)}` : name;
}

/** What is shown for one value of a label, or for `rest` values folded into one. */
export function valueTitle({ value, rest }: { value: string; rest: number }): string {
  if (rest > 0) return `${rest.toLocaleString('en')} more`;
  return value === '' ? '(none)' : value;
}

export interface LabelGroup {
  title: string;
  names: string[];
}

/** First what requests are told apart by, then what programs are. */
const FIRST = [ENDPOINT, SERVICE, 'thread.name'];

/** Labels to choose from, the chosen one among them even where it does not occur: requests first, then flags. */
export function labelGroups(known: readonly string[], chosen: string): LabelGroup[] {
  const names = [...new Set([chosen, ...known])].sort();
  const flags = names.filter((name) => name.startsWith(FLAG_PREFIX));
  const groups = [
    { title: 'Common', names: FIRST.filter((name) => names.includes(name)) },
    { title: 'Flags', names: flags },
    { title: 'Other labels', names: names.filter((name) => !FIRST.includes(name) && !flags.includes(name)) },
  ];
  return groups.filter((group) => group.names.length > 0);
}

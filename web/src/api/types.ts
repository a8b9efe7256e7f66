// The JSON of the query API, field for field as the collector's `wire::api` writes it.
// Every import of these shapes goes through this file, so that generated types can take its place.

/** The body of every answer that is not a success. */
export interface ErrorBody {
  error: ApiError;
}

/** An error a person can act on. */
export interface ApiError {
  code: string;
  message: string;
  field?: string;
  /** Character in the field's value that the error points at, from 0. */
  position?: number;
  limit?: number;
  fix?: string;
}

/** `GET /api/v1/labels` */
export interface LabelNames {
  names: string[];
}

/** `GET /api/v1/labels/{name}/values`, most CPU first. */
export interface LabelValues {
  values: LabelValue[];
  values_total: number;
}

export interface LabelValue {
  value: string;
  total: number;
}

/** `GET /api/v1/timeline` */
export interface Timeline {
  start_ms: number;
  step_ms: number;
  by?: string;
  series: TimelineSeries[];
  total: number;
}

export interface TimelineSeries {
  value: string;
  /** How many groups are folded into this one; 0 for a group of its own. */
  rest: number;
  cores: number[];
  total: number;
}

/** A function as it is shown. */
export interface FunctionInfo {
  name: string;
  /** `native`, `kernel`, `jit`, `python` or `marker`. */
  kind: string;
  file: string;
  executable: string;
  package: string;
}

/** `GET /api/v1/flamegraph`: depth first, widest child first. */
export interface FlameGraph {
  unit: string;
  /** Sum of the whole selection, whatever is cut or focused. */
  total: number;
  functions: FunctionInfo[];
  levels: number[];
  /** Index into `functions`; the root and hidden groups have -1. */
  names: number[];
  selves: number[];
  /** How many frames a hidden group stands for; 0 for a real frame. */
  hidden: number[];
  frames_total: number;
  frames_sent: number;
  hidden_share: number;
  /** Names from the top to the frame shown as root; empty for the whole. */
  root: string[];
}

/** `GET /api/v1/top` */
export interface Top {
  unit: string;
  total: number;
  functions_total: number;
  rows: TopRow[];
}

export interface TopRow {
  function: FunctionInfo;
  self: number;
  total: number;
}

/** `GET /api/v1/match` */
export interface Match {
  matched: number;
  total: number;
  functions: number;
}

/** `GET /api/v1/hosts` */
export interface Hosts {
  hosts: Host[];
}

export interface Host {
  agent: string;
  at_ms: number;
  facts: Record<string, string>;
  measures: Record<string, number>;
}

/** `GET /api/v1/status` */
export interface Status {
  version: string;
  earliest_ms: number | null;
  latest_ms: number | null;
  now_ms: number;
  profile_types: string[];
}

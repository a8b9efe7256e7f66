// The JSON of the query API, written from the collector's OpenAPI document by its tests. Change `wire::api` instead.

/** The acknowledgement of a push: it is on the disk. */
export interface Acknowledged {
  /** False when the push had been stored before; it is not counted again. */
  stored: boolean;
}

/** An error a person can act on. */
export interface ApiError {
  /** Stable name of the kind of error, e.g. `bad_selector`. */
  code: string;
  /** Which parameter or field it is about. */
  field?: string | null;
  /** What to do about it. */
  fix?: string | null;
  /** The limit that was hit, if one was. */
  limit?: number | null;
  /** One sentence that says what is wrong. */
  message: string;
  /** Character in the field's value that the error points at, from 0. */
  position?: number | null;
}

/** `GET /api/v1/breakdown`: cost, requests and cost per request by the values of one label. */
export interface Breakdown {
  /** The label that was grouped by. */
  by: string;
  /** Most sampled CPU first. Past the limit one last row has `rest` set, so the rows always sum to `total`. */
  rows: BreakdownRow[];
  /** Length of the time range in seconds: what rates were divided by. */
  seconds: number;
  /** Everything selected. */
  total: BreakdownRow;
  /** How many values there are in all. */
  values_total: number;
}

/** What one value of a label costs. */
export interface BreakdownRow {
  /** Errors of the client. */
  client_errors: number;
  /** Sampled CPU-seconds per second of the time range. */
  cores: number;
  /** The program's own CPU per measured request, in nanoseconds; null when none was measured. */
  counted_cpu_ns_per_request?: number | null;
  /** Sampled CPU in nanoseconds. */
  cpu_ns: number;
  /** Sampled CPU per request, in nanoseconds; null when no request ended. */
  cpu_ns_per_request?: number | null;
  /** Instructions per measured request; null unless all measured requests have them. */
  instructions_per_request?: number | null;
  /** Of how many requests the program measured its CPU. */
  measured: number;
  /** Requests that ended. */
  requests: number;
  /** Requests per second of the time range. */
  requests_per_s: number;
  /** How many values are folded into this row; 0 for a row of its own. */
  rest: number;
  /** Errors of the server. */
  server_errors: number;
  /** The value; empty where the label is absent, in `rest` and in `total`. */
  value: string;
}

/** The body of every answer that is not a success. */
export interface ErrorBody {
  /** What went wrong. */
  error: ApiError;
}

/** Evaluations of one flag to one variant for one reason. */
export interface Evaluation {
  /** How often. */
  count: number;
  /** The flag's key. */
  flag: string;
  /** Why, by OpenFeature's names such as `split`; empty when it is not known. */
  reason: string;
  /** The variant it had. */
  variant: string;
}

/** `GET /api/v1/evaluations`: how often feature flags were evaluated. */
export interface Evaluations {
  /** By flag, variant and reason, in this order. */
  rows: Evaluation[];
  /** How many rows there are in all. */
  rows_total: number;
}

/**
 * `GET /api/v1/flamegraph`: layout rows of the call tree, cut to what fits on the screen, as columns.
 *
 * Frames come in depth-first order, widest child first. Totals fold from `selves`: a frame's total is its self
 * plus its children's totals. A hidden group stands for the children that were cut: its self is their total.
 */
export interface FlameGraph {
  /** Frames in this answer that are not hidden groups. */
  frames_sent: number;
  /** Frames in the whole tree below the root shown. */
  frames_total: number;
  /** Functions, once each. */
  functions: FunctionInfo[];
  /** How many frames a hidden group stands for; 0 for a real frame. */
  hidden: number[];
  /** Share of the shown total that lies in hidden groups' own selves, 0 to 1. */
  hidden_share: number;
  /** Depth of each frame; the root has 0. */
  levels: number[];
  /** Index into `functions` of each frame; the root and hidden groups have -1. */
  names: number[];
  /** Names from the top to the frame shown as root; empty for the whole. */
  root: string[];
  /** Self value of each frame. */
  selves: number[];
  /** Sum of the whole selection, whatever is cut or focused. */
  total: number;
  /** Unit of `selves`. */
  unit: string;
}

/** A function as it is shown. */
export interface FunctionInfo {
  /** Executable, or empty. */
  executable: string;
  /** Source file, or empty. */
  file: string;
  /** `native`, `kernel`, `jit`, `python` or `marker`. */
  kind: string;
  /** Readable name, or `executable+0xaddress`. */
  name: string;
  /** What colour and grouping go by: executable's file name, Python package, or `kernel`. */
  package: string;
}

/** One agent's last account of itself. */
export interface Host {
  /** The agent's id in hexadecimal. */
  agent: string;
  /** When it reported, milliseconds since the Unix epoch. */
  at_ms: number;
  /** Facts in words. */
  facts: Record<string, string>;
  /** Measures by name. */
  measures: Record<string, number>;
}

/** `GET /api/v1/hosts`: the agents that reported, freshest first. */
export interface Hosts {
  /** One entry per agent. */
  hosts: Host[];
}

/** `GET /api/v1/labels`: names of the labels that occur. */
export interface LabelNames {
  /** Names in order. */
  names: string[];
}

/** One value of a label. */
export interface LabelValue {
  /** Sum of the samples that carry it. */
  total: number;
  /** The value; empty where the label is absent. */
  value: string;
}

/** `GET /api/v1/labels/{name}/values`: values of one label, most CPU first. */
export interface LabelValues {
  /** Values with their cost. */
  values: LabelValue[];
  /** How many values there are in all; more than `values` when `limit` cut the list. */
  values_total: number;
}

/** `GET /api/v1/match`: how much of the selection has a matching function anywhere in its stack. */
export interface Match {
  /** Distinct functions that match. */
  functions: number;
  /** Sum of the samples whose stack matches. */
  matched: number;
  /** Sum of the whole selection. */
  total: number;
}

/** The requests of one group over time. */
export interface RequestSeries {
  /** Errors of the client in each step. */
  client_errors: number[];
  /** CPU of the measured requests in each step, in nanoseconds. */
  counted_cpu_ns: number[];
  /** Of how many the program measured its CPU, in each step. */
  measured: number[];
  /** Requests that ended in each step. */
  requests: number[];
  /** How many groups are folded into this one; 0 for a group of its own. */
  rest: number;
  /** Errors of the server in each step. */
  server_errors: number[];
  /** Sum over the steps. */
  total: RequestTotals;
  /** Value of the label; empty where it is absent or nothing was grouped by. */
  value: string;
}

/** Sums over requests. */
export interface RequestTotals {
  /** Errors of the client. */
  client_errors: number;
  /** CPU of the measured requests, in nanoseconds. */
  counted_cpu_ns: number;
  /** Instructions of the measured requests, where all of them were counted. */
  instructions?: number | null;
  /** Of how many the program measured its CPU. */
  measured: number;
  /** How many ended. */
  requests: number;
  /** Errors of the server. */
  server_errors: number;
}

/** `GET /api/v1/requests`: requests over time as the programs counted them, by one label when `by` is given. */
export interface Requests {
  /** The label that was grouped by. */
  by?: string | null;
  /** Most requests first; the rest of many groups is one last series with `rest` set. */
  series: RequestSeries[];
  /** Start of the first step, milliseconds since the Unix epoch. */
  start_ms: number;
  /** Length of a step in milliseconds. */
  step_ms: number;
  /** Sum over all series and steps. */
  total: RequestTotals;
}

/** `GET /api/v1/status`: the collector's own state. */
export interface Status {
  /** Earliest time with data, milliseconds since the Unix epoch; absent in an empty store. */
  earliest_ms?: number | null;
  /** Latest time with data. */
  latest_ms?: number | null;
  /** The collector's clock, so that a page can show the same `now`. */
  now_ms: number;
  /** Profile types that occur. */
  profile_types: string[];
  /** Version of the collector. */
  version: string;
}

/** `GET /api/v1/timeline`: cost over time, stacked by one label when `by` is given. */
export interface Timeline {
  /** The label that was grouped by. */
  by?: string | null;
  /** What cost was divided by, beside time: `request`, or nothing. */
  per?: string | null;
  /** Biggest first; the rest of many groups is one last series with `rest` set. */
  series: TimelineSeries[];
  /** Start of the first step, milliseconds since the Unix epoch. */
  start_ms: number;
  /** Length of a step in milliseconds. */
  step_ms: number;
  /** Sum over all series and steps. */
  total: number;
}

/** One band of the timeline. */
export interface TimelineSeries {
  /** Cores (CPU-seconds per second) in each step. */
  cores: number[];
  /** Sampled CPU-milliseconds per request in each step, null where no request ended; only with `per=request`. */
  cpu_ms_per_request?: (number | null)[] | null;
  /** Requests that ended in each step; only with `per=request`. */
  requests?: number[] | null;
  /** How many groups are folded into this one; 0 for a group of its own. */
  rest: number;
  /** Sum over the steps. */
  total: number;
  /** Value of the label; empty where it is absent or nothing was grouped by. */
  value: string;
}

/** `GET /api/v1/top`: functions with their self and total values over the whole selection. */
export interface Top {
  /** How many functions there are in all that pass the filter. */
  functions_total: number;
  /** The rows asked for. */
  rows: TopRow[];
  /** Sum of the whole selection. */
  total: number;
  /** Unit of the values. */
  unit: string;
}

/** One function's cost. */
export interface TopRow {
  /** Which function. */
  function: FunctionInfo;
  /** Value of samples whose leaf it is. */
  self: number;
  /** Value of samples that have it anywhere. */
  total: number;
}

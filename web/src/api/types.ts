// The JSON of the query API, written from the collector's OpenAPI document by its tests. Change `wire::api` instead.
// house: long list, one entry for each type of the API.

/** The body of `POST /api/v1/findings/{id}/acknowledge`. */
export interface Acknowledge {
  /** By how many percent it may grow before it is new again. */
  at_most_percent: number;
  /** The last day on which it counts, `YYYY-MM-DD`, or a time in RFC 3339. */
  expires: string;
  /** Who answers for it. */
  owner: string;
  /** Why it is put up with. */
  reason: string;
}

/** The acknowledgement of a push: it is on the disk. */
export interface Acknowledged {
  /** False when the push had been stored before; it is not counted again. */
  stored: boolean;
}

/** Who answers for a finding, until when and up to which size. */
export interface Acknowledgement {
  /** Up to how many times those servers it counts: 1.25 is a quarter more. */
  at_most: number;
  /** When it was acknowledged, milliseconds since the Unix epoch. */
  at_ms: number;
  /** From when on it counts no longer. */
  expires_ms: number;
  /** Who. */
  owner: string;
  /** Why it is put up with. */
  reason: string;
  /** Servers it cost when it was acknowledged. */
  servers: number;
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

/** `GET /api/v1/code`: one service's functions, or which services are known. */
export interface CodeAnswer {
  /** Blocks in the time asked for. */
  blocks: number;
  days?: CodeDays | null;
  /** Every function that is in a block, by file, line and name. */
  functions: CodeFunctionRow[];
  /** Hosts that they are of. */
  hosts: number;
  /** Functions that fell at a bound, in the block in which most did. */
  left_out: number;
  /** Regions that they are of, in order. */
  regions: string[];
  /** Releases that they are of, those seen last first; at most 1,000. */
  releases: string[];
  /** Roles that they are of, in order. */
  roles: string[];
  /** The service asked for; empty when none was, and then only `services` says anything. */
  service: string;
  /** All services of which code is known, by name; empty when one was asked for. */
  services: CodeService[];
}

/** Days, both included, each as the number of days (UTC) since the Unix epoch. */
export interface CodeDays {
  /** The first. */
  first: number;
  /** The last. */
  last: number;
}

/**
 * One function: what has this name in this file and does this, wherever in the file it stands. Times are the starts of
 * days (UTC), in milliseconds since the Unix epoch.
 */
export interface CodeFunctionRow {
  /**
   * Hash of what it does, in 32 hexadecimal digits; empty when not known, and then all of this name in this file are
   * one.
   */
  body: string;
  /**
   * Its conditions that were asked, whenever that was, each as line, column and outcomes: lines after its first, which is
   * 0; bytes before the condition in its line; and bits, of which 1 is for false, 2 for true and 4 for the same in all of
   * the last outcomes that the runtime keeps.
   */
  branches: number[][];
  /** Memory of its code in each process, where it was seen last. */
  bytes: number;
  /** Blocks in which it ran. */
  executed_blocks: number;
  /** The file it is written in. */
  file: string;
  /** The first day on which it ran, if it did. */
  first_executed_ms?: number | null;
  /** The first day with a block that has it. */
  first_seen_ms: number;
  /** Its qualified name. */
  function: string;
  /** It ran, but since the start of the time asked for only as importing runs code, or before the fork. */
  is_import_only: boolean;
  /** The last day on which it ran, if it did. */
  last_executed_ms?: number | null;
  /** The last day with a block that has it. */
  last_seen_ms: number;
  /** Its first line, where it was seen last. */
  line: number;
  /** Roles whose blocks have it, in order. */
  roles: string[];
  /** Blocks in which every mark says that it did not. */
  silent_blocks: number;
  /** Blocks in which no mark says either. */
  unknown_blocks: number;
}

/** One service of which code is known. */
export interface CodeService {
  /** Blocks that are kept. */
  blocks: number;
  /** Functions of all its releases that are kept. */
  functions: number;
  /** Its name. */
  service: string;
}

/** An endpoint's cells, one for each step of each host. */
export interface EndpointCells {
  /** CPU of the measured requests, in microseconds. */
  counted_us: number[];
  /** The endpoint. */
  endpoint: string;
  /** Of how many the program measured its CPU. */
  measured: number[];
  /** Requests that ended. */
  requests: number[];
  /** Sampled CPU, in microseconds. */
  sampled_us: number[];
}

/** Memory with equal content in several processes. */
export interface EqualMemory {
  /** In all of them together. */
  bytes: number;
  /** Of that, what reading writes nothing to. */
  flat_saved: number;
  /** How many processes hold it. */
  processes: number;
  /** What would be left over if each content were there once. */
  saved: number;
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
 * One finding. Whoever posts it fills what describes the cause; `state`, `first_seen_ms`, `last_seen_ms`,
 * `acknowledged` and `history` are the collector's and are not read from a report.
 */
export interface Finding {
  acknowledged?: Acknowledgement | null;
  /** When the cause began, milliseconds since the Unix epoch. */
  at_ms: number;
  /** What can be saved. */
  banked: Ledger;
  /** What it costs, in cores. */
  cores: Range;
  /** The analysis' own row, whose form goes with `kind`. `{"resolved": true}` in it says that the cause is gone. */
  detail: unknown;
  /** Endpoints it shows in, the dearest first. */
  endpoints: string[];
  /** That function's file; empty when it is not known. */
  file: string;
  /** When it was first reported. */
  first_seen_ms: number;
  /** The function it is blamed on; empty when there is none. */
  function: string;
  /** Its states, the oldest first. */
  history: StateChange[];
  /** The same cause has the same id in every report. */
  id: string;
  /** Which analysis found it. */
  kind: FindingKind;
  /** When it was last reported. */
  last_seen_ms: number;
  /** That function's line; 0 when it is not known. */
  line: number;
  /** Who is told, from the repository's CODEOWNERS; empty when nobody is known. */
  owner: string;
  /** What it costs, in servers. */
  servers: Range;
  /** The service it is in; empty when it is not in one. */
  service: string;
  /** What became of it. */
  state: FindingState;
  /** One line that says what it is. */
  title: string;
}

/** Which analysis found it. */
export type FindingKind = 'regression' | 'flag' | 'dead_code' | 'sharing' | 'capacity';

/** What became of a finding. */
export type FindingState = 'new' | 'acknowledged' | 'fixed' | 'went_away';

/** `GET /api/v1/findings`: what was found, most servers first. */
export interface Findings {
  /** The findings, up to the limit. */
  findings: Finding[];
  /** How many there are in all. */
  findings_total: number;
  /** The newest report of each kind and scope asked for. */
  reports: ReportSummary[];
}

/** `POST /api/v1/findings`: everything that one analysis of one scope sees now. */
export interface FindingsReport {
  /** When it looked, milliseconds since the Unix epoch. */
  at_ms: number;
  /** True when it looked at the whole scope: what it does not report then went away. */
  complete: boolean;
  /** What it found; at most [`FINDINGS_MAX`]. */
  findings: Finding[];
  /** How many candidates fell at each stage. */
  funnel: unknown;
  /** Which analysis. */
  kind: FindingKind;
  /** The scope: a service, or empty for all of them. */
  service: string;
}

/** What came of a report. */
export interface FindingsReported {
  /** Findings that were not kept: too long, or too many of the kind. */
  dropped: number;
  /** Findings that were known. */
  known: number;
  /** Findings that were not known before, or came back. */
  new: number;
  /** Findings of the scope that are over since this report. */
  over: number;
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

/** The cells of one function in one endpoint that are not zero. */
export interface FunctionCells {
  /** Indices into `series` of the functions that call it most, the first the most; none for what calls nothing known. */
  callers: number[];
  /** Which cells, in order. */
  cells: number[];
  /** Index into `endpoints`. */
  endpoint: number;
  /** Index into `functions`. */
  function: number;
  /** Samples that have it, over everything. */
  samples: number;
  /** Sampled CPU of its own, in microseconds, of these cells. */
  self_us: number[];
  /** Sampled CPU with what it calls, in microseconds, of these cells. */
  total_us: number[];
}

/**
 * `GET /api/v1/functions`: CPU of functions by endpoint, host and step, with the requests to divide it by.
 *
 * A cell is one step of one host: `host * steps + step`. Which functions are listed depends on their pooled cost alone,
 * never on how it changed; what falls is counted.
 */
export interface Functions {
  /** The endpoints with the most CPU. */
  endpoints: EndpointCells[];
  /** How many endpoints there are in all. */
  endpoints_total: number;
  /** Functions, once each. */
  functions: FunctionInfo[];
  /** The hosts with the most CPU. */
  hosts: string[];
  /** How many hosts there are in all; those beyond `hosts` are in no cell. */
  hosts_total: number;
  /** One for each function in each endpoint, most CPU first. */
  series: FunctionCells[];
  /** Of these, how many were left out to bound the answer. */
  series_cut: number;
  /** Of these, how many were left out for too few samples. */
  series_rare: number;
  /** How many functions in endpoints there are in all. */
  series_total: number;
  /** Start of the first step, milliseconds since the Unix epoch. */
  start_ms: number;
  /** Length of a step in milliseconds. */
  step_ms: number;
  /** How many steps. */
  steps: number;
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

/** The four numbers of a saving, in servers; what nobody measured is null. */
export interface Ledger {
  /** What it costs now. */
  at_stake?: number | null;
  /** What was given back for good. */
  banked?: number | null;
  /** What the change saved when it was made. */
  observed?: number | null;
  /** What a change was said to save. */
  predicted?: number | null;
}

/** One kind of mapping. */
export interface MappingMemory {
  /** `heap`, `anonymous`, `stack`, `file data`, `file`, `shared memory` or `other`. */
  kind: string;
  /** How much there is. */
  size: MemorySizes;
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

/** Processes of one executable with one parent: the workers of a service, as a rule. */
export interface MemoryGroup {
  /** What of them is resident. */
  arena_bytes: number;
  /** Heaps that the C library keeps for further threads. */
  arenas: number;
  /** How many were compared with each other; `pages` and `owners` are theirs alone. */
  compared: number;
  /** True when they were forked from a process that still runs. */
  forked: boolean;
  /** Labels of the first of them, without its id. */
  labels: Record<string, string>;
  /** The same by the kind of mapping. */
  mappings: MappingMemory[];
  /** Values, by owner; those that could save most first. */
  owners: OwnerMemory[];
  /** Owners left out. */
  owners_left_out: number;
  /** Private pages, by the kind of mapping. */
  pages: PageMemory[];
  /** One of so many private pages was read. */
  pages_read_one_in: number;
  /** How many there are. */
  processes: number;
  /** The first words of the command that runs them, without options. */
  program: string;
  /** Minor version of their CPython; 0 for other programs. */
  python_minor: number;
  /** Their service. */
  service: string;
  /** All their memory. */
  total: MemorySizes;
  /** How many could not be read. */
  unread: number;
  /** What became of their values: `walked`, `cut` at a limit, `none`, or why not. */
  values: string;
}

/** What one agent found on its host at one time. */
export interface MemoryReport {
  /** When the last of its groups was looked at, milliseconds since the Unix epoch. */
  at_ms: number;
  /** The largest groups of processes. */
  groups: MemoryGroup[];
  /** The host's name. */
  host: string;
}

/** `GET /api/v1/memory`: the newest reports of each host. */
export interface MemoryReports {
  /** By host, the newest of each first. */
  reports: MemoryReport[];
  /** How many there are in all. */
  reports_total: number;
}

/** Memory by how many have it. */
export interface MemorySizes {
  /** In huge pages. */
  huge: number;
  /** Merged by the kernel's own search for equal pages. */
  merged: number;
  /** No other process has it. */
  own: number;
  /** Its proportional share. */
  proportional: number;
  /** Resident: shared or not. */
  resident: number;
  /** Swapped out. */
  swapped: number;
}

/** What processes hold by one attribute of a module. */
export interface OwnerMemory {
  /** Its attribute; empty for the module's code. */
  attribute: string;
  /** Of `dirtied`, what the collector alone made private. */
  collector: number;
  /** Equal content from before the fork, private since. */
  dirtied: EqualMemory;
  /** The type of its value. */
  kind: string;
  /** Equal content that each made for itself. */
  loaded: EqualMemory;
  /** The module. */
  module: string;
  /** What they hold by it that no other process has. */
  own: number;
  /** Of `dirtied`, what either the collector or reading made private: nothing tells which. */
  unexplained: number;
}

/** Private pages of one kind of mapping. */
export interface PageMemory {
  /** Shared at the fork and still equal, but private: copy-on-write was broken. */
  broken: EqualMemory;
  /** Equal elsewhere. */
  elsewhere: EqualMemory;
  /** What the mapping is for. */
  kind: string;
  /** Like no other. */
  unique: number;
  /** Nothing but zeros. */
  zero: EqualMemory;
}

/** An estimate with its 95 % interval. */
export interface Range {
  /** Upper end of the interval. */
  high: number;
  /** Lower end of the interval. */
  low: number;
  /** The best guess. */
  value: number;
}

/** When an analysis last looked at a scope. */
export interface ReportSummary {
  /** When it looked, milliseconds since the Unix epoch. */
  at_ms: number;
  /** True when it looked at the whole scope. */
  complete: boolean;
  /** How many candidates fell at each stage. */
  funnel: unknown;
  /** Which analysis. */
  kind: FindingKind;
  /** The scope: a service, or empty for all of them. */
  service: string;
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

/** One step of a finding's life. */
export interface StateChange {
  /** When, milliseconds since the Unix epoch. */
  at_ms: number;
  /** What it became. */
  state: FindingState;
  /** Why, in a few words. */
  why: string;
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

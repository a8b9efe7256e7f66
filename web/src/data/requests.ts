// CPU per request over a whole time.
import type { TimelineSeries } from '../api/types';

export interface PerRequest {
  /** All CPU of the series by all their requests; `null` when none was counted. */
  request_ms: number | null;
  requests: number;
}

export function meanPerRequest(series: readonly TimelineSeries[]): PerRequest {
  let [cpu_ns, requests] = [0, 0];
  for (const one of series) {
    cpu_ns += one.total;
    for (const ended of one.requests ?? []) requests += ended;
  }
  return { request_ms: requests === 0 ? null : cpu_ns / 1e6 / requests, requests };
}

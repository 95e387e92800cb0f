/** Metrics of the process, under the names that Prometheus' own clients use. */
import { readdirSync, readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import type { Instruments } from "./instruments.ts";

export function addProcessMetrics(add: Instruments): void {
  add.counter("process_cpu_seconds_total", "Processor time, of all threads.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  add.gauge("process_resident_memory_bytes", "Memory that is really there.", () => process.memoryUsage.rss());
  add.gauge("process_anonymous_memory_bytes", "Of that, what no file stands behind.", () => anonymousBytes());
  add.gauge("process_start_time_seconds", "When it started, since 1970.", () => performance.timeOrigin / 1000);
  add.gauge("process_open_fds", "Open file descriptors.", () => openFiles());
  add.gauge("nodejs_heap_size_used_bytes", "JavaScript heap of the main thread.", () => process.memoryUsage().heapUsed);
  add.counter(
    "nodejs_eventloop_active_seconds_total",
    "Time that the main thread's loop was busy.",
    () => performance.eventLoopUtilization().active / 1000,
  );
  add.counter(
    "nodejs_eventloop_idle_seconds_total",
    "Time that it waited.",
    () => performance.eventLoopUtilization().idle / 1000,
  );
}

/** Where the system tells. */
function openFiles(): number | undefined {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return undefined;
  }
}

/** The state store's pages, which are a file's, leave when memory is short; these do not. Where the system tells. */
function anonymousBytes(): number | undefined {
  try {
    const found = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "latin1"));
    return found === null ? undefined : 1024 * Number(found[1]);
  } catch {
    return undefined;
  }
}

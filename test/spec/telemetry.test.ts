/** What Prometheus and a collector of traces get from a daemon, and what a dashboard may ask for. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { METRICS } from "../../src/console/model/prometheus.ts";
import { Histogram, Instruments } from "../../src/observability/instruments.ts";
import { spansText } from "../../src/observability/request-spans.ts";
import { nanoseconds } from "../../src/observability/span.ts";
import { Telemetry } from "../../src/observability/telemetry.ts";
import { parseTraceparent } from "../../src/observability/trace-context.ts";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import { ALICE, BOB, deployment, temporaryDirectory, transfer } from "../support/engine.ts";
import { parseScrape } from "../support/scrape.ts";

const OPS = new URL("../../ops/", import.meta.url).pathname;
const PORT_LINE = /"http":"(http:[^"]+)"/;

interface Exported {
  resourceSpans: { scopeSpans: { spans: ExportedSpan[] }[] }[];
}
interface ExportedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: Record<string, unknown> }[];
}

/** A collector that keeps what it is sent. */
async function openCollector() {
  const spans: ExportedSpan[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      for (const { scopeSpans } of (JSON.parse(body) as Exported).resourceSpans)
        spans.push(...scopeSpans.flatMap((scope) => scope.spans));
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { spans, endpoint: `http://127.0.0.1:${port}/v1/traces`, close: () => server.close() };
}

describe("the span of an execution", () => {
  /** Of a request that began at 10 ms and whose block was executed at 20 ms: start and end, in us from the first. */
  const placed = (microseconds: number, microsecondsAfter: number): number[] => {
    const transaction = {
      address: "0x01",
      entrypoint: "transfer",
      hash: "0x02",
      gasUsed: 1,
      status: "success",
      microseconds,
      microsecondsAfter,
      executedAtMs: 20,
      durableAtMs: undefined,
      blockHeight: 1,
      blockTransactions: 2,
      blockMicroseconds: 1,
      blockGasUsed: 1,
      blockBytes: 1,
    } as const;
    const request = { method: "tx_submit", startedAtMs: 10, endedAtMs: 30, parent: undefined, error: undefined };
    const spans = JSON.parse(`[${spansText({ ...request, query: undefined, transaction }, "journal")}]`);
    const { startTimeUnixNano, endTimeUnixNano } = (spans as ExportedSpan[]).find(
      ({ name }) => name === "contract.execute",
    )!;
    const began = BigInt(nanoseconds(10));
    return [startTimeUnixNano, endTimeUnixNano].map((time) => Number(BigInt(time) - began) / 1000);
  };

  it("ends before those begin that are behind it in its block", () => {
    expect(placed(300, 0)).toEqual([9_700, 10_000]);
    expect(placed(300, 2_000)).toEqual([7_700, 8_000]);
  });

  it("is in its request and its block, though helpers' times add up to more than that", () => {
    expect(placed(300, 30_000)).toEqual([0, 300]);
    expect(placed(0, 0)).toEqual([10_000, 10_000]);
  });
});

describe("a daemon", () => {
  const directory = temporaryDirectory();
  let daemon: DaemonProcess;
  let collector: Awaited<ReturnType<typeof openCollector>>;
  let url: string;
  let token: string;

  const post = async (method: string, params: unknown, headers: Record<string, string> = {}) => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
    });
    return (await response.json()) as { result?: Record<string, unknown>; error?: { data: { code: string } } };
  };
  const scrape = async () => parseScrape(await (await fetch(`${url}/metrics`)).text());

  beforeAll(async () => {
    collector = await openCollector();
    daemon = await startDaemon(join(directory.path, "data"), {
      args: ["--http", "127.0.0.1:0", "--dev"],
      environment: {
        POLYTORUS_DEV_SAMPLES: "false",
        POLYTORUS_MONITORING__TRACING: "true",
        POLYTORUS_MONITORING__TRACE_ONE_IN: "0",
        POLYTORUS_MONITORING__OTLP_ENDPOINT: collector.endpoint,
        POLYTORUS_MONITORING__INTERVAL_SECS: "1",
      },
    });
    [, url] = PORT_LINE.exec(daemon.stderr()) as unknown as [string, string];
    token = (await post("tx_submit", { transaction: deployment() })).result!["contractAddress"] as string;
  });
  afterAll(async () => {
    await daemon.kill("SIGTERM");
    collector.close();
    directory.remove();
  });

  it("answers /metrics in Prometheus' format with what happened", async () => {
    await post("tx_submit", { transaction: transfer(token, ALICE, BOB, 1) });
    await post("tx_submit", { transaction: transfer(token, BOB, ALICE, 1000) });
    for (let i = 0; i < 3; i++) await post("contract_query", { address: token, entrypoint: "totalSupply", args: [] });
    await post("tx_receipt", { transactionHash: "0x12" });
    const { samples, types } = await scrape();
    expect(Object.fromEntries(samples)).toMatchObject({
      'contract_executions_total{status="success"}': 2,
      'contract_executions_total{status="reverted"}': 1,
      'contract_cache_queries_total{result="hit"}': 2,
      'contract_cache_queries_total{result="miss"}': 1,
      'rpc_server_call_duration_seconds_count{rpc_method="tx_submit",rpc_system_name="jsonrpc"}': 3,
      'rpc_server_errors_total{rpc_method="tx_receipt",error_type="VALIDATION_ERROR"}': 1,
      contract_transactions_total: 3,
      contract_block_execution_duration_seconds_count: 3,
      'contract_engine_status{status="ready"}': 1,
      contract_event_subscriptions: 0,
      contract_event_subscriptions_max: 4_096,
      contract_query_waiting: 0,
      'contract_query_thread_queries_total{outcome="answered"}': 0,
    });
    for (const [name, type] of types) if (type === "counter") expect(name).toMatch(/_total$/);
  });

  it("says what the state takes of its memory, once the state store has written it", async () => {
    const treeBytes = async () => (await scrape()).samples.get("contract_state_tree_bytes");
    await expect.poll(treeBytes).toBeGreaterThan(0);
    const { samples } = await scrape();
    const [tree, table] = [samples.get("contract_state_tree_bytes")!, samples.get("contract_state_table_bytes")!];
    const anonymous = samples.get("process_anonymous_memory_bytes")!;
    expect(table).toBeGreaterThan(0);
    expect(anonymous).toBeGreaterThan(tree + table);
    expect(samples.get("process_resident_memory_bytes")).toBeGreaterThan(anonymous);
  });

  it("has no address and no key in a label, whatever is called", async () => {
    await post(`0x${"ab".repeat(20)}`, {});
    await post("contract_get", { address: token });
    const text = await (await fetch(`${url}/metrics`)).text();
    expect(text).not.toMatch(/0x[0-9a-f]{8}/i);
    expect(text).toContain('rpc_method="_OTHER"');
  });

  it("joins request, block, execution with its gas, and journal in the caller's trace", async () => {
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    const { result } = await post(
      "tx_submit",
      { transaction: transfer(token, ALICE, BOB, 2) },
      { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
    );
    await expect.poll(() => collector.spans.length).toBeGreaterThan(0);
    const { spans } = collector;
    expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
    const [root, block, execute, append] = ["tx_submit", "contract.block", "contract.execute", "log.append"].map(
      (name) => spans.find((span) => span.name === name)!,
    );
    expect(root!.parentSpanId).toBe("00f067aa0ba902b7");
    expect([block!.parentSpanId, append!.parentSpanId]).toEqual([root!.spanId, root!.spanId]);
    expect(execute!.parentSpanId).toBe(block!.spanId);
    const system = append!.attributes.find(({ key }) => key === "db.system.name");
    expect(system!.value).toEqual({ stringValue: "polytorus.journal" });
    // Of the namespaces rpc and db, only what OpenTelemetry's semantic conventions have.
    const names = new Set(spans.flatMap(({ attributes }) => attributes.map(({ key }) => key)));
    expect([...names].filter((key) => /^(rpc|db|http)\./.test(key)).sort()).toEqual([
      "db.operation.name",
      "db.system.name",
      "rpc.method",
      "rpc.system.name",
    ]);
    const attribute = (key: string) => execute!.attributes.find((each) => each.key === key)?.value;
    expect(attribute("contract.address")).toEqual({ stringValue: token });
    expect(attribute("contract.gas.used")).toEqual({ intValue: String(result!["gasUsed"]) });
    for (const span of spans) {
      expect(BigInt(span.startTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(root!.startTimeUnixNano));
      expect(BigInt(span.endTimeUnixNano)).toBeLessThanOrEqual(BigInt(root!.endTimeUnixNano));
    }
  });

  it("measures HTTP by method, route and status, with nothing of a path in a label", async () => {
    const address = `0x${"ab".repeat(20)}`;
    for (const path of [
      "/v1/info",
      `/v1/contracts/${token}`,
      `/v1/contracts/${address}`,
      "/livez",
      `/nothing/${address}`,
    ])
      await (await fetch(`${url}${path}`)).text();
    await (await fetch(`${url}/v1/info`, { method: "DELETE" })).text();
    const { samples } = await scrape();
    const count = (method: string, route: string, status: number) =>
      samples.get(
        `http_server_request_duration_seconds_count{http_request_method="${method}",http_route="${route}",http_response_status_code="${status}",url_scheme="http"}`,
      );
    expect([
      count("GET", "/v1/info", 200),
      count("GET", "/v1/contracts/{address}", 200),
      count("GET", "/v1/contracts/{address}", 404),
      count("GET", "/livez", 200),
      count("GET", "", 404),
      count("DELETE", "/v1/info", 405),
    ]).toEqual([1, 1, 1, 1, 1, 1]);
    expect(count("POST", "/", 200)).toBeGreaterThan(0);
    expect([...samples.keys()].filter((key) => /0x[0-9a-f]{8}/i.test(key))).toEqual([]);
  });

  it("does not trace a request whose caller says not to", async () => {
    const before = (await scrape()).samples.get("contract_traces_total");
    await post("engine_info", {}, { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00" });
    expect((await scrape()).samples.get("contract_traces_total")).toBe(before);
  });

  it("says in its log, every interval in which something happened, how much", async () => {
    await post("engine_info", {});
    await expect.poll(() => daemon.stderr()).toMatch(/"requestsPerSecond":\d+.*"msg":"activity"/);
  });
});

describe("monitoring", () => {
  const started = async (environment: Record<string, string>) => {
    const directory = temporaryDirectory();
    const daemon = await startDaemon(join(directory.path, "data"), { args: ["--http", "127.0.0.1:0"], environment });
    const [, url] = PORT_LINE.exec(daemon.stderr()) as unknown as [string, string];
    const stop = async () => {
      await daemon.kill("SIGTERM");
      directory.remove();
    };
    return { url, stop };
  };

  it("without performance has no /metrics", async () => {
    const { url, stop } = await started({ POLYTORUS_MONITORING__PERFORMANCE: "false" });
    expect((await fetch(`${url}/metrics`)).status).toBe(404);
    await stop();
  });

  it("counts errors by method and code, and none with errors off", async () => {
    for (const [errors, samples] of [
      ["true", ['rpc_server_errors_total{rpc_method="tx_receipt",error_type="VALIDATION_ERROR"} 1']],
      ["false", []],
    ] as const) {
      const { url, stop } = await started({ POLYTORUS_MONITORING__ERRORS: errors });
      await fetch(`${url}/v1/receipts/0x12`);
      const text = await (await fetch(`${url}/metrics`)).text();
      expect(text.split("\n").filter((line) => line.startsWith("rpc_server_errors_total{"))).toEqual(samples);
      await stop();
    }
  });

  it("with a listener of its own has /metrics there and nowhere else", async () => {
    const probe = createServer();
    await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
    const { port } = probe.address() as AddressInfo;
    await new Promise<void>((resolve) => probe.close(() => resolve()));
    const { url, stop } = await started({ POLYTORUS_MONITORING__LISTEN: `127.0.0.1:${port}` });
    expect((await fetch(`${url}/metrics`)).status).toBe(404);
    const own = `http://127.0.0.1:${port}`;
    expect(parseScrape(await (await fetch(`${own}/metrics`)).text()).samples.get("contract_block_height")).toBe(0);
    expect((await fetch(`${own}/`)).status).toBe(404);
    await stop();
  });
});

describe("traces", () => {
  const ASKED = { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" };
  /** How many of `count` requests are traced, the first of which asks for it; and what the daemon wrote. */
  const tracedOf = async (count: number, settings: Record<string, string>) => {
    const directory = temporaryDirectory();
    const environment = Object.fromEntries(
      Object.entries(settings).map(([key, value]) => [`POLYTORUS_MONITORING__${key.toUpperCase()}`, value]),
    );
    const daemon = await startDaemon(join(directory.path, "data"), { args: ["--http", "127.0.0.1:0"], environment });
    const [, url] = PORT_LINE.exec(daemon.stderr()) as unknown as [string, string];
    try {
      for (let i = 0; i < count; i++) await fetch(`${url}/v1/info`, i === 0 ? { headers: ASKED } : {});
      const text = async () => parseScrape(await (await fetch(`${url}/metrics`)).text()).samples;
      const traced = (await text()).get("contract_traces_total");
      if (settings["tracing"] === "true")
        await expect.poll(async () => (await text()).get("contract_spans_dropped_total")).toBe(traced);
      return { traced, stderr: daemon.stderr() };
    } finally {
      await daemon.kill("SIGTERM");
      directory.remove();
    }
  };
  // Nobody listens there.
  const endpoint = { otlp_endpoint: "http://user:pw-1@127.0.0.1:9/v1/traces?token=pw-2" };

  it("are made of one request in trace_one_in, and of those that ask, and a collector that is away is named without its secrets", async () => {
    const { traced, stderr } = await tracedOf(11, { tracing: "true", trace_one_in: "5", ...endpoint });
    expect(traced).toBe(3);
    expect(stderr).toContain("http://user:***@127.0.0.1:9/v1/traces?token=***");
    expect(stderr).not.toMatch(/pw-\d/);
  });

  it("are not made with tracing off, whoever asks", async () => {
    expect(await tracedOf(3, { tracing: "false", trace_one_in: "1", ...endpoint })).toMatchObject({ traced: 0 });
  });
});

describe("the dashboard and the alert rules", () => {
  const { names } = new Telemetry({
    version: "0",
    performance: true,
    errors: true,
    tracer: undefined,
    logSystem: "test",
  });
  /** What queries name that is no metric: labels, functions, words of PromQL, Prometheus' own `up`. */
  const known = new Set([...names.samples, "up"]);
  const metricsIn = (query: string) =>
    query
      .replace(/\{[^}]*\}|\[[^\]]*\]|"[^"]*"|by \([^)]*\)/g, " ")
      .match(/\b[a-z_][a-z0-9_]*\b(?!\s*\()/g)!
      .filter((word) => !["and", "or", "unless", "offset", "sum", "by"].includes(word) && !/^\d/.test(word));

  it("ask only for metrics that the daemon has", () => {
    const dashboard = JSON.parse(readFileSync(join(OPS, "grafana/polytorus.json"), "utf8")) as {
      panels: { title: string; targets: { expr: string }[] }[];
    };
    const rules = readFileSync(join(OPS, "prometheus/alerts.yaml"), "utf8");
    const expressions = [...rules.matchAll(/expr: (?:>-\n\s+)?(.+)/g)].map(([, expression]) => expression!);
    const queries = [...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)), ...expressions];
    expect(queries.length).toBeGreaterThan(30);
    const unknown = queries.flatMap(metricsIn).filter((name) => !known.has(name));
    expect(unknown).toEqual([]);
  });

  it("are not alone in that: so does the console", () => {
    expect(METRICS.filter((name) => !known.has(name))).toEqual([]);
  });
});

describe("the format", () => {
  it("counts a value into the first bucket that it is not above", async () => {
    const histogram = new Histogram({ of: 'a"b' }, [1, 2]);
    for (const value of [0.5, 1, 1.5, 2, 3]) histogram.observe(value);
    const instruments = new Instruments();
    instruments.histogram("seconds", "Some.", () => [histogram]);
    expect(Object.fromEntries(parseScrape(await instruments.text()).samples)).toEqual({
      'seconds_bucket{of="a\\"b",le="1"}': 2,
      'seconds_bucket{of="a\\"b",le="2"}': 4,
      'seconds_bucket{of="a\\"b",le="+Inf"}': 5,
      'seconds_sum{of="a\\"b"}': 8,
      'seconds_count{of="a\\"b"}': 5,
    });
  });

  it("takes a traceparent of version 00, and of later ones what it knows", () => {
    const ids = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";
    expect(parseTraceparent(`00-${ids}-01`)).toMatchObject({ isSampled: true });
    expect(parseTraceparent(`00-${ids}-00`)).toMatchObject({ isSampled: false });
    expect(parseTraceparent(`01-${ids}-01-more`)).toMatchObject({ isSampled: true });
    for (const bad of [
      `00-${ids}-01-more`,
      `ff-${ids}-01`,
      `00-${ids}`,
      `00-${"0".repeat(32)}-${"1".repeat(16)}-01`,
      "",
    ])
      expect(parseTraceparent(bad)).toBeUndefined();
  });
});

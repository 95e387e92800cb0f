/** GET /metrics over HTTP: what may be asked for, and what is answered when it can't be read. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Histogram, Instruments } from "../../src/observability/instruments.ts";
import { hashToken } from "../../src/rpc/http-access.ts";
import { METRIC_NAMES_MAX, MetricsEndpoint, MetricsServer } from "../../src/rpc/metrics-endpoint.ts";
import { type FakeDaemon, type LogLine, openFakeDaemon } from "../support/rpc-target.ts";

describe("/metrics", () => {
  let daemon: FakeDaemon;
  let logLines: LogLine[];
  /** Metrics that were read, in order. */
  let read: string[];
  let problem: Error | undefined;
  let endpoint: MetricsEndpoint;

  beforeEach(async () => {
    read = [];
    logLines = [];
    problem = undefined;
    const instruments = new Instruments();
    const reads = <T>(name: string, value: T) => {
      read.push(name);
      return value;
    };
    instruments.gauge("height", "Of the chain.", () => reads("height", 7));
    instruments.counter("asked_total", "Of somebody else.", async () => reads("asked_total", 3));
    instruments.gauge("broken", "At times.", () => {
      if (problem !== undefined) throw problem;
      return reads("broken", 1);
    });
    const histogram = new Histogram({ of: "x" }, [1]);
    histogram.observe(0.5);
    instruments.histogram("seconds", "Of something.", () => reads("seconds", [histogram]));
    const log = {
      warn: (facts: Record<string, unknown>, message: string) => void logLines.push({ level: "warn", facts, message }),
      error: (facts: Record<string, unknown>, message: string) =>
        void logLines.push({ level: "error", facts, message }),
    };
    endpoint = new MetricsEndpoint({ names: instruments.knownNames(), text: (names) => instruments.text(names) }, log);
    daemon = await openFakeDaemon({
      http: { metrics: endpoint, host: "0.0.0.0", tokens: new Map([[hashToken("read-me"), "reader"]]) },
    });
  });
  afterEach(() => daemon.close());

  const get = (query = "", init: RequestInit = {}) =>
    fetch(`${daemon.url.replace("0.0.0.0", "127.0.0.1")}/metrics${query}`, {
      ...init,
      headers: { authorization: "Bearer read-me" },
    });
  const samples = async (query: string) =>
    (await (await get(query)).text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));

  it("reads and writes what is asked for by name, and nothing else", async () => {
    expect(await samples("?name[]=height&name%5B%5D=asked_total")).toEqual(["height 7", "asked_total 3"]);
    expect(read).toEqual(["height", "asked_total"]);
  });

  it("gives of a histogram all, or the samples that are named", async () => {
    const buckets = ['seconds_bucket{of="x",le="1"} 1', 'seconds_bucket{of="x",le="+Inf"} 1'];
    const [sum, count] = ['seconds_sum{of="x"} 0.5', 'seconds_count{of="x"} 1'];
    expect(await samples("?name[]=seconds")).toEqual([...buckets, sum, count]);
    expect(await samples("?name[]=seconds_bucket")).toEqual(buckets);
    expect(await samples("?name[]=seconds_count&name[]=seconds_sum")).toEqual([sum, count]);
  });

  it("gives a metric once, however often it is named, and everything where nothing is", async () => {
    expect(await samples("?name[]=height&name[]=height")).toEqual(["height 7"]);
    expect(await samples("?")).toHaveLength(7);
  });

  it("refuses what is no metric, other parameters, and more names than there may be, reading nothing", async () => {
    const names = (count: number) => `?${Array(count).fill("name[]=height").join("&")}`;
    expect(await samples(names(METRIC_NAMES_MAX))).toEqual(["height 7"]);
    read = [];
    for (const [query, detail] of [
      ["?name[]=hieght", 'name[]: expected a metric of this daemon, perhaps height, received "hieght"'],
      ["?name[]=", 'name[]: expected a metric of this daemon, received ""'],
      ["?name[]=height&name[]=__proto__", 'name[]: expected a metric of this daemon, received "__proto__"'],
      ["?name=height", 'name: expected no parameter but name[], once for each metric, received "height"'],
      [
        names(METRIC_NAMES_MAX + 1),
        `name[]: expected at most ${METRIC_NAMES_MAX} names, received ${METRIC_NAMES_MAX + 1}`,
      ],
    ] as const) {
      const response = await get(query);
      expect([response.status, await response.json()]).toMatchObject([400, { code: "VALIDATION_ERROR", detail }]);
    }
    expect(read).toEqual([]);
  });

  it("answers HEAD as GET, without the body, and refuses other verbs", async () => {
    const body = await (await get("?name[]=height")).text();
    const head = await get("?name[]=height", { method: "HEAD" });
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([
      200,
      String(body.length),
      "",
    ]);
    expect((await get("?name[]=x", { method: "HEAD" })).status).toBe(400);
    const post = await get("", { method: "POST" });
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  it("asks for a token with the role reader before it reads anything", async () => {
    const response = await fetch(`${daemon.url.replace("0.0.0.0", "127.0.0.1")}/metrics`);
    expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    expect(read).toEqual([]);
  });

  it("names the metric that can't be read, logs each reason once, and gives the others", async () => {
    problem = new Error("the disk is gone");
    for (let n = 0; n < 3; n++) {
      const response = await get();
      const detail = "the metric broken can't be read; the daemon's log says why";
      expect([response.status, await response.json()]).toMatchObject([500, { code: "INTERNAL_ERROR", detail }]);
      expect(await samples("?name[]=height")).toEqual(["height 7"]);
    }
    expect(logLines.map(({ level, message }) => `${level}: ${message}`)).toEqual(["error: metrics can't be read"]);
    expect((logLines[0]!.facts["err"] as Error).cause).toBe(problem);
    problem = undefined;
    expect((await get()).status).toBe(200);
    problem = new Error("again");
    expect((await get()).status).toBe(500);
    expect(logLines).toHaveLength(2);
  });

  it("answers the same on a listener of its own", async () => {
    const own = await MetricsServer.open({ host: "127.0.0.1", port: 0 }, endpoint);
    const ask = async (path: string, init?: RequestInit) => (await fetch(own.url + path, init)).status;
    expect(await (await fetch(`${own.url}/metrics?name[]=height`)).text()).toContain("height 7");
    expect(read).toEqual(["height"]);
    expect(await ask("/metrics", { method: "HEAD" })).toBe(200);
    expect(await ask("/metrics", { method: "POST" })).toBe(405);
    expect(await ask("/metrics?name[]=x")).toBe(400);
    expect(await ask("//")).toBe(404);
    problem = new Error("the disk is gone");
    expect(await ask("/metrics")).toBe(500);
    await own.close();
  });
});

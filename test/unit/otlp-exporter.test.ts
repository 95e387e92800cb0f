/** How spans reach a collector, and what happens to those that it does not take. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { OtlpExporter } from "../../src/observability/otlp-exporter.ts";
import { countAttribute, nanoseconds, spanText, textAttribute } from "../../src/observability/span.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A collector that answers with `status` when `answer` is called. */
async function openCollector(status: number) {
  const bodies: string[] = [];
  const waiting: (() => void)[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      bodies.push(body);
      waiting.push(() => response.writeHead(status).end("{}"));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  const reports: string[] = [];
  const exporter = new OtlpExporter({
    endpoint: `http://127.0.0.1:${port}/v1/traces`,
    version: "1",
    report: (message) => reports.push(message),
  });
  const answer = () => {
    for (const respond of waiting.splice(0)) respond();
  };
  return { exporter, bodies, reports, answer };
}

const traceOf = (...spans: string[]) => ({ spanCount: spans.length, spansText: () => spans.join(",") });

const span = (name: string, attributes = "") =>
  spanText(
    { traceId: "a".repeat(32), spanId: "b".repeat(16) },
    undefined,
    name,
    "internal",
    nanoseconds(1),
    nanoseconds(2),
    attributes,
  );

it("sends a full batch at once and the rest after a while, no trace divided, as OTLP in JSON", async () => {
  const { exporter, bodies, answer } = await openCollector(200);
  const attributes = textAttribute("name", 'a "word"') + countAttribute("count", 7);
  for (let i = 0; i < 171; i++) exporter.add(traceOf(span(`call ${i}`), span("execute"), span("append", attributes)));
  await expect.poll(() => bodies.length).toBe(1);
  answer();
  await expect.poll(() => bodies.length).toBe(2);
  answer();
  await expect.poll(() => exporter.exported).toBe(513);
  const [full, rest] = bodies.map((body) => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans);
  expect([full.length, rest.length, exporter.dropped]).toEqual([510, 3, 0]);
  expect(rest[0]).toMatchObject({ name: "call 170", kind: 1, traceId: "a".repeat(32) });
  expect(rest[2].attributes).toEqual([
    { key: "name", value: { stringValue: 'a "word"' } },
    { key: "count", value: { intValue: "7" } },
  ]);
});

it("drops and counts what is more than a slow collector takes", async () => {
  const { exporter, bodies, answer } = await openCollector(200);
  for (let i = 0; i < 6 * 512; i++) exporter.add(traceOf(span("each")));
  await expect.poll(() => bodies.length).toBe(1);
  expect(exporter.dropped).toBe(512);
  answer();
});

it("drops what a collector refuses, and says so once", async () => {
  const { exporter, bodies, reports, answer } = await openCollector(503);
  for (const dropped of [1, 2]) {
    exporter.add(traceOf(span("each")));
    await expect.poll(() => bodies.length).toBe(dropped);
    answer();
    await expect.poll(() => exporter.dropped).toBe(dropped);
  }
  expect(reports).toEqual(["traces are dropped: the collector does not take them"]);
});

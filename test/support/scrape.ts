/** Prometheus' text format, as far as tests look into it. */
export interface Scrape {
  /** By name and labels as they stand: `rpc_server_errors_total{rpc_method="…",error_type="…"}`. */
  samples: Map<string, number>;
  types: Map<string, string>;
}

const SAMPLE = /^([a-z_][a-z0-9_]*)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*\})? (-?[0-9.e+-]+|NaN|[+-]Inf)$/;

/** @throws when a line is not of the format, or a sample has no type. */
export function parseScrape(text: string): Scrape {
  const scrape: Scrape = { samples: new Map(), types: new Map() };
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("# HELP ")) continue;
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
    if (type !== null) {
      scrape.types.set(type[1]!, type[2]!);
      continue;
    }
    const sample = SAMPLE.exec(line);
    if (sample === null) throw new Error(`not Prometheus' text format: ${line}`);
    const [, name, labels = "", value] = sample;
    if (!scrape.types.has(name!.replace(/_(bucket|sum|count)$/, "")) && !scrape.types.has(name!))
      throw new Error(`no type before ${line}`);
    scrape.samples.set(`${name}${labels}`, Number(value));
  }
  return scrape;
}

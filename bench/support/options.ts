/** Options of a bench: `--name value`. Those of other benches are let through, so that one command line serves them all. */

/** Every option that some bench knows. */
const KNOWN = ["holders", "seconds", "rounds", "rows", "transfers", "connections", "anvil", "entries"];

/** @returns `defaults` with what the command line says. Exits with 2 for what no bench knows. */
export function readOptions<T extends Record<string, number | string>>(defaults: T): T {
  const options: Record<string, number | string> = { ...defaults };
  const args = process.argv.slice(2);
  for (let i = 0; i < args.length; i += 2) {
    const name = args[i]!.replace(/^--/, "");
    const value = args[i + 1];
    if (!args[i]!.startsWith("--") || !KNOWN.includes(name) || value === undefined)
      refuse(`${args[i]} ${value ?? ""}`, defaults);
    const known = defaults[name];
    if (known === undefined) continue;
    options[name] = typeof known === "number" ? Number(value) : value;
    if (Number.isNaN(options[name])) refuse(`${args[i]} ${value}`, defaults);
  }
  return options as T;
}

function refuse(what: string, defaults: Record<string, number | string>): never {
  const usage = Object.entries(defaults).map(([name, value]) => `--${name} ${value}`);
  process.stderr.write(`bench: ${what.trim()} is no option; this one knows, with their defaults: ${usage.join(" ")}\n`);
  process.exit(2);
}

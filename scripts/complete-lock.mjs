/**
 * Adds to package-lock.json the optional packages of other platforms that npm left out, because the registry it asked
 * does not carry them. Without them `npm ci` of npm 11 calls the lockfile out of sync; with them it passes them over, as
 * they are not for this platform. Run it after `npm install` has changed the lockfile:
 *   node scripts/complete-lock.mjs
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const path = fileURLToPath(new URL("../package-lock.json", import.meta.url));
const lock = JSON.parse(readFileSync(path, "utf8"));

const SYSTEMS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const PROCESSORS = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"];
const LIBRARIES = { musl: "musl", musleabihf: "musl", gnu: "glibc", gnueabihf: "glibc" };

/** What a platform package of the usual naming is for: `…-linux-arm64-musl`. */
function platformOf(name) {
  const words = name.split(/[-/]/);
  const os = words.find((word) => SYSTEMS.includes(word));
  const cpu = words.find((word) => PROCESSORS.includes(word));
  const libc =
    os === "linux" ? words.map((word) => LIBRARIES[word]).find((library) => library !== undefined) : undefined;
  if (os === undefined || cpu === undefined) throw new Error(`${name} does not name its platform`);
  return { cpu: [cpu], ...(libc === undefined ? {} : { libc: [libc] }), os: [os] };
}

/** True when Node would find `name` from the package at `from`: in its own node_modules, or in one above. */
function isLocked(name, from) {
  const folders = from.split("/node_modules/");
  return (
    folders.some((_, i) => {
      const above = folders.slice(0, folders.length - i).join("/node_modules/");
      return lock.packages[`${above}/node_modules/${name}`] !== undefined;
    }) || lock.packages[`node_modules/${name}`] !== undefined
  );
}

const added = [];
for (const [from, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (isLocked(name, from)) continue;
    if (!/^\d+\.\d+\.\d+/.test(version)) throw new Error(`${name}@${version} of ${from} is no exact version`);
    lock.packages[`node_modules/${name}`] = {
      version,
      ...platformOf(name),
      ...(entry.dev ? { dev: true } : {}),
      optional: true,
    };
    added.push(`${name}@${version}`);
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(added.length === 0 ? "the lockfile is complete\n" : `added ${added.join(", ")}\n`);

/**
 * The files in ops/ that others run: compose, systemd, Kubernetes, ready configurations. What can be checked without Docker and
 * a cluster is: every key, variable, port, path, image and command that they name is one that there is.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { loadConfig } from "../../src/config/load.ts";
import { environmentName, SETTING_KEYS } from "../../src/config/settings.ts";
import { itWith } from "../support/describe-with.ts";
import { SYSTEMD_ANALYZE } from "../support/need.ts";
import { runCli } from "../support/run-cli.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const TOP = new URL("../..", import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(TOP, path), "utf8");
const CONFIGURATIONS = readdirSync(join(TOP, "ops/config")).map((name) => join("ops/config", name));
/** A repository, and a tag that says which build: no `latest`, no bare major version. */
const PINNED = /^[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9.]+)?$/;
const SETTING_VARIABLES = new Set(SETTING_KEYS.map(environmentName));
/** Of the command line, and of the seed documents. */
const OTHER_VARIABLES = /^(POLYTORUS_(IPC|URL|TOKEN|CONFIG|FROM)|DATABASE_URL|(POSTGRES|REDIS)_[A-Z_]+)$/;
const PROBES = ["/livez", "/readyz", "/readyz?role=read", "/health"];

// biome-ignore lint/suspicious/noExplicitAny: whatever the file holds.
type Yaml = any;

const isKnownVariable = (name: string): boolean => SETTING_VARIABLES.has(name) || OTHER_VARIABLES.test(name);

describe("ready configurations", () => {
  it.each(CONFIGURATIONS)("%s passes `config check`", async (path) => {
    const { code, stderr } = await runCli(["config", "check", "--config", join(TOP, path)]);
    expect([code, stderr]).toEqual([0, ""]);
  });

  it("are as safe as their names say", () => {
    const load = (name: string) =>
      loadConfig({ file: join(TOP, "ops/config", name), environment: {}, cwd: TOP }).config;
    expect(load("production.toml")).toMatchObject({
      dev: false,
      http: { admin: false, tlsCertFile: expect.any(String), tokensFile: expect.any(String) },
      storage: { kind: "embedded", durability: "journal" },
    });
    expect(load("development.toml")).toMatchObject({ dev: true, http: { host: "127.0.0.1" } });
    expect(load("testing.toml")).toMatchObject({ storage: { kind: "memory" }, http: undefined });
  });
});

describe("docker-compose.yml", () => {
  const compose: Yaml = parse(read("docker-compose.yml"), { merge: true });
  const services = Object.entries<Yaml>(compose.services);
  const example = Object.fromEntries(
    [...read(".env.example").matchAll(/^([A-Z_]+)="?([^"\n]*)"?$/gm)].map(([, name, value]) => [name, value]),
  );
  const filled = (text: string): string =>
    text.replace(/\$\{([A-Z_]+)(:\?[^}]*)?\}/g, (_, name) => example[name] ?? "");

  it("pins every image, and gives every service that goes on a health check", () => {
    for (const [name, { image, healthcheck, restart }] of services) {
      expect(image, name).toMatch(PINNED);
      if (restart !== "no") expect(healthcheck?.test, name).toBeDefined();
    }
  });

  it("names only files that are there, volumes and secrets that it declares, and services that it has", () => {
    for (const [name, service] of services) {
      for (const volume of service.volumes ?? []) {
        const [source] = volume.split(":");
        const isThere = source.startsWith("./") ? existsSync(join(TOP, source)) : source in compose.volumes;
        expect(isThere, `${name}: ${volume}`).toBe(true);
      }
      for (const secret of service.secrets ?? []) expect(compose.secrets, name).toHaveProperty(secret);
      for (const other of Object.keys(service.depends_on ?? {})) expect(compose.services, name).toHaveProperty(other);
      if (service.build !== undefined) expect(existsSync(join(TOP, service.build.dockerfile))).toBe(true);
    }
  });

  it("asks .env.example for every variable, and for no other", () => {
    const text = read("docker-compose.yml");
    const asked = new Set([...text.matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => name));
    for (const { environment } of Object.values<Yaml>(compose.secrets)) asked.add(environment);
    expect([...asked].sort()).toEqual(Object.keys(example).sort());
  });

  it.each(["engine", "migrate"])(
    "gives %s an environment that the program takes, and commands that it has",
    async (name) => {
      const { environment, command = ["serve"] } = compose.services[name];
      for (const key of Object.keys(environment)) expect(isKnownVariable(key), key).toBe(true);
      const variables = Object.fromEntries(
        Object.entries<string>(environment).map(([key, value]) => [key, filled(value)]),
      );
      const { config } = loadConfig({
        environment: { ...imageEnvironment(), ...variables },
        cwd: temporaryDirectory(),
      });
      expect(config.storage).toMatchObject({
        kind: "postgres",
        postgres: { host: "postgres", port: 5432, tls: { mode: "disable" }, password: example["POSTGRES_PASSWORD"] },
      });
      expect((await runCli([...command, "--help"])).code).toBe(0);
    },
  );

  it("asks for health, and publishes, where the engine listens", () => {
    const { engine } = compose.services;
    const { config } = loadConfig({ environment: imageEnvironment(), cwd: temporaryDirectory() });
    const { port } = config.http!;
    expect(engine.ports).toEqual([`127.0.0.1:${port}:${port}`]);
    expect(engine.healthcheck.test.at(-1)).toContain(`http://127.0.0.1:${port}/readyz'`);
    expect(config.dataDir).toBe("/var/lib/polytorus");
    expect(engine.volumes).toContain(`engine:${config.dataDir}`);
    const [job] = (parse(read("ops/prometheus/prometheus.yml")) as Yaml).scrape_configs;
    expect(job).toMatchObject({
      job_name: "polytorus",
      static_configs: [{ targets: [`engine:${config.monitoring.listen!.port}`] }],
    });
  });

  it("gives Prometheus its rules, and Grafana its source and dashboard, at the paths where they look", () => {
    const { prometheus, grafana } = compose.services;
    const [rules] = (parse(read("ops/prometheus/prometheus.yml")) as Yaml).rule_files;
    expect(prometheus.volumes).toContain(`./ops/prometheus/${rules}:/etc/prometheus/${rules}:ro`);
    const [provider] = (parse(read("ops/grafana/provisioning/dashboards/polytorus.yml")) as Yaml).providers;
    expect(grafana.volumes).toContain(`./ops/grafana/polytorus.json:${provider.options.path}/polytorus.json:ro`);
    const [source] = (parse(read("ops/grafana/provisioning/datasources/prometheus.yml")) as Yaml).datasources;
    expect(prometheus.ports).toContain(`127.0.0.1:${new URL(source.url).port}:${new URL(source.url).port}`);
    expect(new URL(source.url).hostname in compose.services).toBe(true);
  });
});

describe("the image", () => {
  const dockerfile = read("ops/docker/Dockerfile");

  it("starts from pinned images of a Node that the package runs on", () => {
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base!);
    expect(bases).toHaveLength(2);
    for (const base of bases) expect(base).toMatch(/^node:20\.(19|[2-9]\d)\.\d+-bookworm(-slim)?$/);
  });

  it("copies what is there and what its ignore file lets through", () => {
    const ignored = read("ops/docker/Dockerfile.dockerignore").split("\n");
    for (const [, paths] of dockerfile.matchAll(/^COPY ((?:[\w./-]+ )+)\S+$/gm))
      for (const path of paths!.trim().split(" ")) {
        expect(existsSync(join(TOP, path)), path).toBe(true);
        expect(ignored, path).toContain(`!${path.replace("./", "")}`);
      }
  });

  it("sets variables that the program knows, and exposes the ports that they say", () => {
    const environment = imageEnvironment();
    for (const name of Object.keys(environment)) expect(isKnownVariable(name) || name === "NODE_ENV", name).toBe(true);
    const { config } = loadConfig({ environment, cwd: temporaryDirectory() });
    expect(/^EXPOSE (.*)$/m.exec(dockerfile)![1]).toBe(`${config.http!.port} ${config.monitoring.listen!.port}`);
    expect(dockerfile).toContain(`http://127.0.0.1:${config.http!.port}/livez`);
  });
});

describe("the systemd unit", () => {
  const unit = read("ops/systemd/polytorus.service");

  it("runs commands that there are, with the configuration that is ready for production", async () => {
    const { config } = loadConfig({ file: join(TOP, "ops/config/production.toml"), environment: {}, cwd: TOP });
    for (const [, args] of unit.matchAll(
      /^ExecStart(?:Pre)?=\/usr\/bin\/node \/opt\/polytorus\/dist\/main\.js (.*)$/gm,
    )) {
      const words = args!.split(" --config ");
      expect(words[1]).toBe("/etc/polytorus/polytorus.toml");
      expect((await runCli([...words[0]!.split(" "), "--help"])).code).toBe(0);
    }
    const value = (key: string): string => new RegExp(`^${key}=(.*)$`, "m").exec(unit)![1]!;
    expect(config.dataDir).toBe(`/var/lib/${value("StateDirectory")}`);
    expect(config.ipc.path.startsWith(`/run/${value("RuntimeDirectory")}/`)).toBe(true);
    expect(value("SupplementaryGroups")).toBe(config.ipc.group);
    expect(config.backup!.to).toEqual({ directory: value("ReadWritePaths").replace(/^-/, "") });
    expect(Number(value("TimeoutStopSec")) * 1000).toBeGreaterThan(config.shutdownMs);
    expect(Number(value("LimitNOFILE"))).toBeGreaterThan(4 * config.limits.connectionsMax + 256);
  });

  itWith(SYSTEMD_ANALYZE, "lets the daemon give its socket to ipc.group, and the node's user come to it", () => {
    const syscalls = (set: string): string[] => {
      const { stdout } = spawnSync("systemd-analyze", ["syscall-filter", set], { encoding: "utf8" });
      const names = stdout.split("\n").flatMap((line) => /^\s+([@\w-]+)$/.exec(line)?.[1] ?? []);
      return names.flatMap((name) => (name.startsWith("@") ? syscalls(name) : name));
    };
    const allowed = new Set<string>();
    for (const [, minus, set] of unit.matchAll(/^SystemCallFilter=(~?)(@[\w-]+)$/gm))
      for (const name of syscalls(set!)) minus === "~" ? allowed.delete(name) : allowed.add(name);
    expect(["chown", "fchownat", "fdatasync", "renameat", "linkat"].filter((name) => !allowed.has(name))).toEqual([]);
    expect(["setuid", "chroot", "bpf", "mount"].filter((name) => allowed.has(name))).toEqual([]);
    expect(Number.parseInt(/^RuntimeDirectoryMode=(\d+)$/m.exec(unit)![1]!, 8) & 0o001).toBe(1);
  });

  itWith(SYSTEMD_ANALYZE, "is what systemd understands", () => {
    const path = join(temporaryDirectory(), "polytorus.service");
    // A node of this machine: where the unit looks for one there may be none.
    writeFileSync(path, unit.replaceAll("/usr/bin/node", process.execPath));
    const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", path], { encoding: "utf8" });
    const said = `${stdout}${stderr}`.split("\n").filter((line) => line.includes(path) || line.includes("polytorus"));
    expect(said).toEqual([]);
    expect(status).toBe(0);
  });
});

describe("Kubernetes manifests", () => {
  const objects: Yaml[] = ["engine.yaml", "migrate.yaml"].flatMap((name) =>
    parseAllDocuments(read(`ops/kubernetes/${name}`)).map((document) => {
      expect(document.errors).toEqual([]);
      return document.toJS();
    }),
  );
  const ofKind = (kind: string): Yaml[] => objects.filter((object) => object.kind === kind);
  const workloads = [...ofKind("StatefulSet"), ...ofKind("Job")];

  it("hold a configuration that the program takes", () => {
    const [{ data }] = ofKind("ConfigMap");
    const directory = temporaryDirectory();
    const file = join(directory, "polytorus.toml");
    // Of the paths only the password's is read when the configuration is.
    const password = join(directory, "password");
    writeFileSync(password, "secret\n", { mode: 0o600 });
    writeFileSync(file, data["polytorus.toml"].replace("/etc/polytorus/postgres/password", password));
    const environment = { POLYTORUS_HTTP__ADVERTISE: "http://polytorus-0.polytorus:8645" };
    const { config } = loadConfig({ file, environment, cwd: directory });
    expect(config.storage).toMatchObject({ kind: "postgres", durability: "strict", postgres: { password: "secret" } });
    const [{ spec }] = ofKind("StatefulSet");
    const [container] = spec.template.spec.containers;
    const ports = Object.fromEntries(container.ports.map(({ name, containerPort }: Yaml) => [name, containerPort]));
    expect(ports).toEqual({ http: config.http!.port, metrics: config.monitoring.listen!.port });
    expect(spec.template.spec.terminationGracePeriodSeconds * 1000).toBeGreaterThan(config.shutdownMs);
    const paths = [config.dataDir, "/etc/polytorus/postgres", "/etc/polytorus/tokens"];
    expect(container.volumeMounts.map(({ mountPath }: Yaml) => mountPath)).toEqual(expect.arrayContaining(paths));
  });

  it("run pinned images with commands and variables that there are", async () => {
    for (const { spec } of workloads) {
      const [{ image, args, env = [] }] = spec.template.spec.containers;
      expect(image).toMatch(PINNED);
      expect((await runCli([...args.slice(0, args.indexOf("--config")), "--help"])).code).toBe(0);
      for (const { name } of env) if (name !== "POD_NAME") expect(isKnownVariable(name), name).toBe(true);
    }
  });

  it("mount nothing that they do not declare", () => {
    for (const { spec } of workloads) {
      const pod = spec.template.spec;
      const claims = (spec.volumeClaimTemplates ?? []).map(({ metadata }: Yaml) => metadata.name);
      const declared = [...pod.volumes.map(({ name }: Yaml) => name), ...claims];
      for (const { name } of pod.containers[0].volumeMounts) expect(declared).toContain(name);
    }
  });

  it("probe paths that the daemon answers, on a port that it has, and select the pods that they are for", () => {
    const [{ spec }] = ofKind("StatefulSet");
    const [container] = spec.template.spec.containers;
    for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"]) {
      const { path, port } = container[probe].httpGet;
      expect(PROBES).toContain(path);
      expect(container.ports.map(({ name }: Yaml) => name)).toContain(port);
    }
    const { labels } = spec.template.metadata;
    expect(spec.selector.matchLabels).toEqual(labels);
    expect(ofKind("PodDisruptionBudget")[0].spec.selector.matchLabels).toEqual(labels);
    for (const service of ofKind("Service")) {
      expect(service.spec.selector).toEqual(labels);
      for (const { targetPort } of service.spec.ports)
        expect(container.ports.map(({ name }: Yaml) => name)).toContain(targetPort);
    }
    expect(ofKind("Service").map(({ metadata }) => metadata.name)).toContain(spec.serviceName);
    const advertised = container.env.find(({ name }: Yaml) => name === "POLYTORUS_HTTP__ADVERTISE").value;
    expect(advertised).toBe(`http://$(POD_NAME).${spec.serviceName}:${container.ports[0].containerPort}`);
  });
});

/** What the Dockerfile's ENV lines set. */
function imageEnvironment(): Record<string, string> {
  const lines = read("ops/docker/Dockerfile")
    .replaceAll("\\\n", " ")
    .matchAll(/^ENV (.*)$/gm);
  return Object.fromEntries(
    [...lines].flatMap(([, pairs]) =>
      pairs!.split(/\s+/).map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
    ),
  );
}

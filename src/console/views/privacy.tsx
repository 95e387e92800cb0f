/** Jobs that evaluate circuits on ciphertexts, with their progress, and what the schemes hide and what not. */
import { useEffect, useState } from "preact/hooks";
import type { JobJson, SchemeJson } from "../../client/privacy-methods.ts";
import { compact, duration, percent, whole } from "../format.ts";
import { Pager } from "../parts/pager.tsx";
import { Meter, PageHead, Panel } from "../parts/panel.tsx";
import { BlockReference, ContractReference, HexText } from "../parts/reference.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { PartStatus } from "../parts/status.tsx";
import { Table } from "../parts/table.tsx";
import { setQuery, usePlace } from "../router.ts";
import { usePages, useRpc } from "../use-rpc.ts";

/** Jobs progress between blocks; where none is open, one begins with a block. */
const REFRESH_MS = 1_500;
const PAGE = 50;
const STATUSES = ["waiting", "ready", "running", "done", "failed", "cancelled"] as const;

export function PrivacyView() {
  const { query } = usePlace();
  const status = STATUSES.find((name) => name === query["status"]);
  const [isBusy, setBusy] = useState(false);
  const params = { limit: PAGE, ...(status === undefined ? {} : { status }) };
  const jobs = usePages("privacy_jobs", params, { isLive: true, everyMs: isBusy ? REFRESH_MS : undefined });
  const open = jobs.data?.open ?? 0;
  useEffect(() => setBusy(open > 0), [open]);
  const schemes = useRpc("privacy_schemes", {});
  return (
    <>
      <PageHead title="Privacy jobs" sub={jobs.data && `${whole(jobs.data.open)} open`} />
      <div class="filters">
        <label class="field">
          <span>status</span>
          <select value={status ?? ""} onChange={(event) => setQuery({ status: event.currentTarget.value })}>
            <option value="">any</option>
            {STATUSES.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Panel title="Jobs" isPadded={false}>
        <Shown answer={jobs}>
          {({ items }) => (items.length > 0 ? <Jobs items={items} /> : <Empty title="No job is here" />)}
        </Shown>
        <Pager paged={jobs} first="first" />
      </Panel>
      <Panel title="Schemes" isPadded={false}>
        <Shown answer={schemes}>
          {(items) => (
            <ul class="list">
              {items.map((scheme) => (
                <li key={scheme.id}>
                  <Scheme scheme={scheme} />
                </li>
              ))}
            </ul>
          )}
        </Shown>
      </Panel>
    </>
  );
}

function Jobs({ items }: { items: readonly JobJson[] }) {
  return (
    <Table
      items={items}
      keyOf={({ jobId }) => jobId}
      columns={[
        { head: "job", cell: ({ jobId }) => <HexText hex={jobId} what="the job's id" /> },
        { head: "contract", cell: ({ contract }) => <ContractReference address={contract} /> },
        { head: "block", class: "number", cell: ({ height }) => <BlockReference height={height} /> },
        {
          head: "status",
          cell: ({ status, because }) => (
            <>
              <PartStatus status={status} />
              {because !== null && <div class="quiet">{because}</div>}
            </>
          ),
        },
        {
          head: "progress",
          cell: (job) => (
            <>
              <Meter share={job.percent / 100} label={`${job.phase} of the job`} />
              <span class="quiet">
                {job.phase} {percent(job.percent / 100)}
              </span>
            </>
          ),
        },
        {
          head: "gates",
          class: "number wide",
          cell: ({ gatesDone, gatesTotal }) => `${whole(gatesDone)} of ${whole(gatesTotal)}`,
        },
        {
          head: "rate",
          class: "number wide",
          cell: ({ ratePerSecond }) => (ratePerSecond > 0 ? `${compact(ratePerSecond)}/s` : "–"),
        },
        { head: "left", class: "number wide", cell: ({ etaMs }) => duration(etaMs) },
      ]}
    />
  );
}

function Scheme({ scheme: { id, security, claim, leaks, missing, parameterSets } }: { scheme: SchemeJson }) {
  return (
    <>
      <strong>{id}</strong> <span class="quiet">{security}</span>
      {missing !== null && <span class="chip warn">{missing}</span>}
      <div>{claim}</div>
      <div class="quiet">does not hide: {leaks.join("; ")}</div>
      <div class="quiet">
        parameter sets: {parameterSets.map((set) => `${set.id} (${set.securityBits} bits)`).join(", ")}
      </div>
    </>
  );
}

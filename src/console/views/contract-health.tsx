/** A contract's health: the score, each part that it is made of, why executions failed, and what would make it better. */
import type { ContractHealthJson } from "../../client/metrics.ts";
import { duration, percent, whole } from "../format.ts";
import { Age } from "../parts/clock.tsx";
import { Meter, Panel, Tile } from "../parts/panel.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { Table } from "../parts/table.tsx";
import { useRpc } from "../use-rpc.ts";
import { Mark } from "./overview.tsx";

const RADIUS = 40;
const PART_NAMES: Record<string, string> = {
  successRate: "success rate",
  gasEfficiency: "gas efficiency",
  executionTime: "execution time",
};

export function ContractHealth({ address }: { address: string }) {
  const answer = useRpc("contract_health", { address }, { isLive: true });
  return <Shown answer={answer}>{(report) => <Report report={report} />}</Shown>;
}

function Report({ report }: { report: ContractHealthJson }) {
  if (!report.analytics)
    return (
      <Empty title="Executions are not counted">
        <p>Set enhanced.enable_analytics to have them counted.</p>
      </Empty>
    );
  return (
    <>
      <div class="tiles">
        <Tile name="executions" value={whole(report.totalExecutions)} more={<Last report={report} />} />
        <Tile name="succeeded" value={percent(report.successRate)} />
        <Tile
          name="gas an execution"
          value={whole(report.gasEfficiency)}
          more={`${whole(report.totalGasUsed)} in all`}
        />
        <Tile name="time an execution" value={duration(report.avgExecutionTimeMs)} />
        <Tile
          name="cached queries"
          value={percent(report.cache.hitRate)}
          more={`${whole(report.cache.hits)} hits, ${whole(report.cache.invalidated)} invalidated`}
        />
      </div>
      <div class="grid">
        <Panel title="Health">
          {report.healthScore === null ? (
            <Empty title="No score: it was never called" />
          ) : (
            <Score score={report.healthScore} report={report} />
          )}
        </Panel>
        <Panel title="Failures by reason" isPadded={false}>
          {report.errorReasons.length === 0 ? <Empty title="No execution failed" /> : <Reasons report={report} />}
        </Panel>
      </div>
      <Advice report={report} />
    </>
  );
}

function Last({ report: { lastExecutionMs } }: { report: ContractHealthJson }) {
  return lastExecutionMs === null ? null : <Age atMs={lastExecutionMs} />;
}

const TONES = { Healthy: "good", Warning: "warn", Critical: "bad" } as const;

function Score({ score, report }: { score: number; report: ContractHealthJson }) {
  const tone = TONES[report.status ?? "Critical"];
  const round = 2 * Math.PI * RADIUS;
  return (
    <div class={`score is-${tone}`}>
      <svg viewBox="0 0 100 100" role="img" aria-label={`score ${score.toFixed(2)} of 1: ${report.status}`}>
        <circle class="ring" cx="50" cy="50" r={RADIUS} fill="none" stroke-width="9" />
        <circle
          class="arc"
          cx="50"
          cy="50"
          r={RADIUS}
          fill="none"
          stroke-width="9"
          stroke-linecap="round"
          stroke-dasharray={`${score * round} ${round}`}
          transform="rotate(-90 50 50)"
        />
        <text x="50" y="57" text-anchor="middle">
          {score.toFixed(2)}
        </text>
      </svg>
      <Table
        items={report.parts}
        keyOf={({ name }) => name}
        columns={[
          {
            head: "part",
            isName: true,
            cellClass: "wrap",
            cell: ({ name, measured }) => (
              <>
                {PART_NAMES[name] ?? name}
                <div class="quiet">{measured}</div>
              </>
            ),
          },
          { head: "value", cell: ({ name, value }) => <Meter share={value} label={PART_NAMES[name] ?? name} /> },
          { head: "weight", class: "number", cell: ({ weight }) => weight.toFixed(1) },
          { head: "adds", class: "number", cell: ({ contribution }) => contribution.toFixed(3) },
        ]}
      />
    </div>
  );
}

function Reasons({ report: { errorReasons } }: { report: ContractHealthJson }) {
  return (
    <Table
      items={errorReasons}
      keyOf={({ reason }) => reason}
      columns={[
        { head: "reason", cellClass: "wrap", cell: ({ reason }) => reason },
        { head: "times", class: "number", cell: ({ count }) => whole(count) },
      ]}
    />
  );
}

function Advice({ report: { marks, suggestions, recommendations } }: { report: ContractHealthJson }) {
  return (
    <Panel title="What stands out, and what would make it better" isPadded={false}>
      <ul class="list">
        {marks.map((mark) => (
          <li key={`${mark.kind} ${mark.what} ${mark.window}`}>
            <Mark mark={mark} />
          </li>
        ))}
        {suggestions.map(({ kind, entrypoint, advice, evidence, expectedGain }) => (
          <li key={`${kind} ${entrypoint}`}>
            {entrypoint !== undefined && <code>{entrypoint}</code>} {advice} <span class="quiet">({expectedGain})</span>
            <div class="quiet">
              {Object.entries(evidence)
                .map(([name, value]) => `${name} ${whole(value)}`)
                .join(", ")}
            </div>
          </li>
        ))}
        {recommendations.map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
    </Panel>
  );
}

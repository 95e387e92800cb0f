/** A flame graph of gas, from the top down. A cell can be clicked, or reached by the keyboard, to see its part alone. */
import { useState } from "preact/hooks";
import type { TraceJson } from "../../client/methods.ts";
import { percent, whole } from "../format.ts";
import { type Cell, cellsOf } from "../model/flame.ts";

const ROW = 22;
/** Narrower ones can't be seen or hit; their parent shows their gas. */
const SHARE_MIN = 0.0015;
/** Wide enough for text. */
const TITLED_SHARE_MIN = 0.02;
const COUNTED_SHARE_MIN = 0.14;

export function Flame({ trace }: { trace: TraceJson }) {
  const cells = cellsOf(trace);
  const [chosen, setChosen] = useState("all");
  const top = cells.find(({ id }) => id === chosen) ?? cells[0]!;
  const shown = cells.filter((cell) => isWithin(cell, top) && cell.gas / Math.max(1, top.gas) >= SHARE_MIN);
  const depth = Math.max(...shown.map((cell) => cell.depth)) - top.depth;
  return (
    <div class="stack">
      <section class="flame" style={{ height: `${(depth + 1) * ROW}px` }} aria-label="gas by frame">
        {shown.map((cell) => (
          <FlameCell
            key={cell.id}
            cell={cell}
            top={top}
            onChoose={() => setChosen(cell.id === chosen ? "all" : cell.id)}
          />
        ))}
      </section>
      <div class="row quiet">
        <span>
          {top.title}: {whole(top.gas)} gas, {percent(top.gas / Math.max(1, Number(trace.gasUsed)))} of the transaction
        </span>
        {top.id !== "all" && (
          <button type="button" onClick={() => setChosen("all")}>
            show all
          </button>
        )}
      </div>
    </div>
  );
}

function isWithin(cell: Cell, top: Cell): boolean {
  if (cell.id === top.id) return true;
  return cell.depth > top.depth && cell.start >= top.start && cell.start + cell.gas <= top.start + top.gas;
}

function FlameCell({ cell, top, onChoose }: { cell: Cell; top: Cell; onChoose: () => void }) {
  const total = Math.max(1, top.gas);
  const share = cell.gas / total;
  const text = `${cell.title}: ${whole(cell.gas)} gas`;
  return (
    <button
      type="button"
      class={`${cell.kind} ${share < TITLED_SHARE_MIN ? "thin" : ""}`}
      title={text}
      aria-label={text}
      onClick={onChoose}
      style={{
        left: `${(100 * (cell.start - top.start)) / total}%`,
        width: `${100 * share}%`,
        top: `${(cell.depth - top.depth) * ROW}px`,
      }}
    >
      {share >= TITLED_SHARE_MIN && cell.title}
      {share >= COUNTED_SHARE_MIN && <span class="gas">{whole(cell.gas)}</span>}
    </button>
  );
}

/** The configuration in effect: each setting, where its value comes from, and what it means. Secrets are masked. */
import { useState } from "preact/hooks";
import { PageHead, Panel } from "../parts/panel.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { Table } from "../parts/table.tsx";
import { useRpc } from "../use-rpc.ts";

export function ConfigView() {
  const answer = useRpc("engine_config", {});
  const [text, setText] = useState("");
  const [isChangedOnly, setChangedOnly] = useState(false);
  return (
    <>
      <PageHead title="Configuration" sub="as it is in effect; secrets are masked" />
      <div class="filters">
        <label class="field">
          <span>part of key or meaning</span>
          <input type="search" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={isChangedOnly}
            onChange={(event) => setChangedOnly(event.currentTarget.checked)}
          />
          only what was set
        </label>
      </div>
      <Panel title="Settings" isPadded={false}>
        <Shown answer={answer}>
          {({ items }) => {
            const shown = items.filter(
              ({ key, meaning, origin }) =>
                `${key} ${meaning}`.toLowerCase().includes(text.toLowerCase()) &&
                !(isChangedOnly && origin === "default"),
            );
            if (shown.length === 0) return <Empty title="No setting matches" />;
            return (
              <Table
                items={shown}
                keyOf={({ key }) => key}
                columns={[
                  { head: "key", isName: true, cellClass: "mono", cell: ({ key }) => key },
                  {
                    head: "value",
                    cellClass: "wrap mono",
                    cell: ({ value }) => (value === "" ? <span class="quiet">not set</span> : value),
                  },
                  {
                    head: "from",
                    cellClass: ({ origin }) => (origin === "default" ? "quiet" : ""),
                    cell: ({ origin }) => origin,
                  },
                  { head: "meaning", class: "wide", cellClass: "quiet", cell: ({ meaning }) => meaning },
                ]}
              />
            );
          }}
        </Shown>
      </Panel>
    </>
  );
}

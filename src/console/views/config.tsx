/** The configuration in effect: each setting, where its value comes from, and what it means. Secrets are masked. */
import { useState } from "preact/hooks";
import { PageHead, Panel } from "../parts/panel.tsx";
import { Empty, Shown } from "../parts/states.tsx";
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
              <div class="scroll">
                <table>
                  <thead>
                    <tr>
                      <th scope="col">key</th>
                      <th scope="col">value</th>
                      <th scope="col">from</th>
                      <th scope="col" class="wide">
                        meaning
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {shown.map(({ key, value, origin, meaning }) => (
                      <tr key={key}>
                        <th scope="row" class="mono">
                          {key}
                        </th>
                        <td class="wrap mono">{value === "" ? <span class="quiet">not set</span> : value}</td>
                        <td class={origin === "default" ? "quiet" : ""}>{origin}</td>
                        <td class="quiet wide">{meaning}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            );
          }}
        </Shown>
      </Panel>
    </>
  );
}

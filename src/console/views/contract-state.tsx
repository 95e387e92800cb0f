/** The state browser: a contract's keys in their order, from a prefix on. */
import { readableKey } from "../../client/readable-key.ts";
import { bytes } from "../format.ts";
import { Pager } from "../parts/pager.tsx";
import { Panel } from "../parts/panel.tsx";
import { HexText } from "../parts/reference.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { Table } from "../parts/table.tsx";
import { setQuery, usePlace, useTyped } from "../router.ts";
import { usePages } from "../use-rpc.ts";

const PAGE = 100;

export function ContractState({ address }: { address: string }) {
  const { query } = usePlace();
  const [text, setText] = useTyped(query["prefix"] ?? "");
  const prefix = prefixOf(query["prefix"] ?? "");
  const params = { address, limit: PAGE, ...(prefix === "0x" ? {} : { prefix }) };
  const paged = usePages("contract_state", params, { isLive: true });
  const apply = (event: Event): void => {
    event.preventDefault();
    setQuery({ prefix: text });
    paged.reload();
  };
  return (
    <>
      <form class="filters" onSubmit={apply}>
        <label class="field">
          <span>keys that begin with (text, or 0x and hex; text and hex: bal:0xf39f)</span>
          <input class="mono" value={text} onInput={(event) => setText(event.currentTarget.value)} spellcheck={false} />
        </label>
        <button type="submit">show</button>
      </form>
      <Panel title="State" isPadded={false}>
        <Shown answer={paged}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title={prefix === "0x" ? "It keeps nothing" : "No key begins so"} />
            ) : (
              <Table
                items={items}
                keyOf={({ key }) => key}
                columns={[
                  { head: "key", cellClass: "wrap mono", title: ({ key }) => key, cell: ({ key }) => readableKey(key) },
                  {
                    head: "value",
                    cell: ({ value }) => <HexText hex={value} what="the value" isWhole={value.length <= 42} />,
                  },
                  {
                    head: "as a number",
                    class: "number wide",
                    cellClass: "mono",
                    cell: ({ value }) => (value.length > 2 && value.length <= 66 ? numberOf(value) : ""),
                  },
                  {
                    head: "size",
                    class: "number wide",
                    cellClass: "quiet",
                    cell: ({ value }) => bytes((value.length - 2) / 2),
                  },
                ]}
              />
            )
          }
        </Shown>
        <Pager paged={paged} first="first" />
      </Panel>
    </>
  );
}

/** Addresses are bytes too: as a number they would only be long. */
function numberOf(value: string): string {
  return value.length === 42 ? "" : BigInt(value).toString();
}

/** `bal:0xf39f` → 0x62616c3af39f */
function prefixOf(text: string): string {
  const [, words = "", hex = ""] = /^(.*?)(?:0x([0-9a-f]*))?$/is.exec(text.trim()) ?? [];
  const even = hex.slice(0, hex.length - (hex.length % 2));
  const fromWords = [...new TextEncoder().encode(words)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `0x${fromWords}${even.toLowerCase()}`;
}

/** Blocks, newest first. */
import { whole } from "../format.ts";
import { Age } from "../parts/clock.tsx";
import { Pager } from "../parts/pager.tsx";
import { PageHead, Panel } from "../parts/panel.tsx";
import { BlockReference, HexText } from "../parts/reference.tsx";
import { Shown } from "../parts/states.tsx";
import { usePages } from "../use-rpc.ts";

const PAGE = 25;

export function BlocksView() {
  const paged = usePages("block_list", { limit: PAGE }, { isLive: true });
  return (
    <>
      <PageHead title="Blocks" />
      <Panel title={paged.page === 0 ? "Newest" : "Older"} isPadded={false}>
        <Shown answer={paged}>
          {({ items }) => (
            <div class="scroll">
              <table>
                <thead>
                  <tr>
                    <th scope="col">block</th>
                    <th scope="col" class="number">
                      transactions
                    </th>
                    <th scope="col" class="number">
                      gas
                    </th>
                    <th scope="col">hash</th>
                    <th scope="col" class="wide">
                      state root
                    </th>
                    <th scope="col" class="number wide">
                      seq
                    </th>
                    <th scope="col" class="number">
                      when
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {items.map((block) => (
                    <tr key={block.blockHash} class="fresh">
                      <td>
                        <BlockReference height={block.height} />
                      </td>
                      <td class="number">{whole(block.transactionCount)}</td>
                      <td class="number">{whole(block.gasUsed)}</td>
                      <td>
                        <HexText hex={block.blockHash} what="the block hash" />
                      </td>
                      <td class="wide">
                        <HexText hex={block.stateRoot} what="the state root" />
                      </td>
                      <td class="number wide quiet">{block.seq}</td>
                      <td class="number">{block.timestampMs > 0 && <Age atMs={block.timestampMs} />}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </Shown>
        <Pager paged={paged} />
      </Panel>
    </>
  );
}

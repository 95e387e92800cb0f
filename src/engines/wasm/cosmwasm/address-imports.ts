/** addr_validate, addr_canonicalize, addr_humanize: 0 for success, else a region with what is wrong. */
import { isUtf8 } from "node:buffer";
import { toLatin1 } from "../../../encoding/bytes.ts";
import { ADDRESS_TEXT_BYTES_MAX } from "./addresses.ts";
import { COSTS } from "./costs.ts";
import type { CosmWasmFrame } from "./frame.ts";

/** CosmWasm's MAX_LENGTH_CANONICAL_ADDRESS. */
const CANONICAL_BYTES_MAX = 64;
const SUCCESS = 0;

export function addressImports(frame: CosmWasmFrame) {
  const problem = (text: string) => frame.allocate(Buffer.from(text, "utf8"));
  /** The address in a region, or what is wrong with it. */
  const parse = (source: number): Uint8Array | string => {
    frame.host.charge("address", COSTS.address);
    const bytes = frame.view(source, ADDRESS_TEXT_BYTES_MAX);
    if (bytes.length === 0) return "Input is empty";
    // Addresses are ASCII: anything else is refused as one, whatever it spells.
    return isUtf8(bytes) ? frame.addresses.parse(toLatin1(bytes)) : "Input is not valid UTF-8";
  };
  return {
    addr_validate(source: number): number {
      const address = parse(source);
      return typeof address === "string" ? problem(address) : SUCCESS;
    },
    addr_canonicalize(source: number, destination: number): number {
      const address = parse(source);
      if (typeof address === "string") return problem(address);
      frame.write(destination, address);
      return SUCCESS;
    },
    addr_humanize(source: number, destination: number): number {
      frame.host.charge("address", COSTS.address);
      const canonical = frame.read(source, CANONICAL_BYTES_MAX);
      const text = frame.addresses.humanize(canonical);
      if (text === undefined) return problem(`a canonical address has 20 bytes, not ${canonical.length}`);
      frame.write(destination, Buffer.from(text, "latin1"));
      return SUCCESS;
    },
  };
}

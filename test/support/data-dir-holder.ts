/** A process that opens the data directory named by its argument, says how that went, and holds it until its input ends. */
import { toEngineError } from "../../src/errors.ts";
import { DataDir } from "../../src/storage/data-dir.ts";

try {
  const dataDir = DataDir.open(process.argv[2]!);
  console.log("held");
  process.stdin.on("end", () => dataDir.close()).resume();
} catch (thrown) {
  const { code, facts } = toEngineError(thrown);
  console.log(JSON.stringify({ code, pid: facts["pid"] }));
}

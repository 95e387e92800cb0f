/** rotate-key: puts an encrypted data directory under another key file. The data itself is not written anew. */
import { resolve } from "node:path";
import { loadConfig } from "../../config/load.ts";
import { EngineError } from "../../errors.ts";
import type { Handler } from "../context.ts";
import { audited, rotateKey } from "../seams.ts";

export const rotate: Handler = async ({ output, environment, cwd }, args, options) => {
  const flags = { data_dir: options["dataDir"], "encryption.key_file": options["keyFile"] };
  const { config } = loadConfig({ file: options["config"] as string | undefined, flags, environment, cwd });
  const { dataDir, encryption } = config;
  const from = encryption.keyFile;
  if (from === undefined)
    throw new EngineError("VALIDATION_ERROR", "name the present key file with --key-file or encryption.key_file", {
      path: "--key-file",
    });
  const to = resolve(cwd, args[0] as string);
  const action = { action: "rotate-key", facts: { keyFile: to } };
  const keys = await audited(config, action, () => rotateKey(dataDir, { from, to }));
  output.result(
    { dataDir, keyFile: to, from: keys.from, to: keys.to },
    () => `${dataDir} was under key ${keys.from}, and is under key ${keys.to}: set encryption.key_file to ${to}`,
  );
};

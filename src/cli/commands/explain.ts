/** explain CODE: what an error code means, and what to do. */
import { nearest } from "../../config/nearest.ts";
import { EngineError, ERROR_KINDS, exitCodeOf, isErrorCode, rpcCodeOf } from "../../errors.ts";
import type { Handler } from "../context.ts";
import { fields, table } from "../table.ts";

export const explain: Handler = ({ output }, args) => {
  const asked = args[0] as string | undefined;
  if (asked === undefined) {
    const kinds = Object.entries(ERROR_KINDS).map(([code, { family, meaning, hint }]) => ({
      code,
      family,
      meaning,
      hint,
    }));
    output.page({ items: kinds }, () =>
      table(
        [{ title: "code" }, { title: "meaning" }],
        kinds.map(({ code, meaning }) => [code, meaning]),
        output.styles.dim,
      ),
    );
    return;
  }
  const code = asked.toUpperCase();
  if (!isErrorCode(code)) {
    const suggestion = nearest(code, Object.keys(ERROR_KINDS));
    const message = suggestion === undefined ? "`polytorus explain` lists them" : `did you mean ${suggestion}?`;
    throw new EngineError("VALIDATION_ERROR", `${asked} is no error code; ${message}`, {
      path: "CODE",
      suggestion: suggestion ?? null,
    });
  }
  const { family, meaning, hint } = ERROR_KINDS[code];
  const result = { code, family, rpcCode: rpcCodeOf(code), exitCode: exitCodeOf(code), meaning, hint };
  output.result(result, () =>
    fields(
      [
        ["code", output.styles.bold(code)],
        ["meaning", meaning],
        ["hint", hint],
        ["family", family],
        ["JSON-RPC", String(result.rpcCode)],
        ["exit code", String(result.exitCode)],
      ],
      output.styles.dim,
    ),
  );
};

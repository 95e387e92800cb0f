/** storage_* of an engine, through the method table: answers are checked against its schemas. */
import type { MethodName, ResultOf } from "../../src/client/methods.ts";
import type { Engine } from "../../src/engine.ts";
import type { MethodContext } from "../../src/rpc/method.ts";
import { METHODS } from "../../src/rpc/methods.ts";
import { Validator } from "../../src/rpc/validate.ts";

export function storageMethods(engine: Engine) {
  const call = async <M extends MethodName>(name: M): Promise<ResultOf<M>> => {
    const { handle, result } = METHODS[name];
    const context = { service: engine.service } as unknown as MethodContext;
    const answer = await (handle as (params: object, context: MethodContext) => Promise<ResultOf<M>>)({}, context);
    const refusal = new Validator(result).refusal(JSON.parse(JSON.stringify(answer)));
    if (refusal !== undefined) throw refusal;
    return answer;
  };
  return {
    connectivity: () => call("storage_connectivity"),
    stats: () => call("storage_stats"),
    info: () => call("storage_info"),
    clearCache: () => call("storage_clearCache"),
  };
}

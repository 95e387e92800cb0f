/** What one line of the method table says. */
import type { TSchema } from "typebox";
import type { MethodName, ParamsOf, ResultOf, SettingJson } from "../client/methods.ts";
import { parseAddress } from "../encoding/hex.ts";
import type { Caller, Role } from "./access.ts";
import type { AdminService } from "./admin.ts";
import type { ContractAbis } from "./contract-abis.ts";
import type { DevService } from "./dev.ts";
import type { JsonText } from "./json-text.ts";
import type { FrontLimits } from "./limits.ts";
import type { EngineService } from "./services.ts";
import type { Subscriber } from "./streams/subscriber.ts";
import { invalid, Validator } from "./validate.ts";

export type BlockMode = "auto" | "driven";

/** What a handler works with. */
export interface MethodContext {
  readonly service: EngineService;
  /** Absent where nobody administers: in tests of the front end. */
  readonly admin?: AdminService | undefined;
  /** Absent without --dev. */
  readonly dev?: DevService | undefined;
  readonly abis: ContractAbis;
  readonly limits: FrontLimits;
  readonly bech32Prefix: string;
  /** The configuration in effect, for engine_config. */
  readonly settings: readonly SettingJson[];
  readonly caller: Caller;
  /** Of the connection that the request came on; undefined where nothing can be sent but answers. */
  readonly subscriber: Subscriber | undefined;
}

type Answer<M extends MethodName> = ResultOf<M> | JsonText<ResultOf<M>>;

interface MethodOptions<M extends MethodName> {
  readonly description: string;
  readonly role: Role;
  /** The only block mode that has the method; left out when both have it. */
  readonly blockMode?: BlockMode;
  /** It changes the chain: such methods run one at a time, in the order in which they were sent. */
  readonly isOrdered?: boolean;
  /** Every call of it is in the audit log, those too that were refused to somebody known. */
  readonly isAudited?: boolean;
  readonly params: TSchema;
  /** What is validated instead of `params`, where the handler checks the transactions itself, one by one. */
  readonly envelope?: TSchema;
  readonly result: TSchema;
  readonly example: { readonly params: ParamsOf<M>; readonly result: ResultOf<M> };
  /** Absent where submissions.ts or queries.ts answers without generic validation. */
  readonly handle?: (params: ParamsOf<M>, context: MethodContext) => Promise<Answer<M>> | Answer<M>;
}

export interface Method<M extends MethodName> extends MethodOptions<M> {
  readonly name: M;
  readonly validator: Validator;
}

export type MethodTable = { readonly [M in MethodName]: Method<M> };

export function define<M extends MethodName>(name: M, options: MethodOptions<M>): Method<M> {
  return { name, validator: new Validator(options.envelope ?? options.params), ...options };
}

/** The bytes of an address parameter. @throws RejectedError INVALID_ADDRESS when its EIP-55 checksum is wrong. */
export function requireAddress(text: string, path: string): Uint8Array {
  const address = parseAddress(text);
  if (address === undefined) throw invalid(path, "a right EIP-55 checksum, or lower case", text, "INVALID_ADDRESS");
  return address;
}

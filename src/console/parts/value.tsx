/** Decoded values: amounts in base units and with the token's decimals, addresses as links, the rest as it is. */
import { addressIn } from "../../client/addresses.ts";
import { formatArgument, formatResult, formatValue, type TokenUnit } from "../../client/amounts.ts";
import { AccountReference, HexText } from "./reference.tsx";

const LONG_HEX = /^0x[0-9a-f]{48,}$/i;

export function ArgumentValue({ name, value, unit }: { name: string; value: unknown; unit?: TokenUnit | undefined }) {
  const address = typeof value === "string" ? addressIn(value) : undefined;
  if (address !== undefined) return <AccountReference address={address} />;
  if (typeof value === "string" && LONG_HEX.test(value)) return <HexText hex={value} what="the bytes" />;
  return <span class="mono">{formatArgument(name, value, unit)}</span>;
}

/** `name value, …` */
export function ArgumentList({
  args,
  unit,
}: {
  args: Record<string, unknown> | unknown[];
  unit?: TokenUnit | undefined;
}) {
  const entries = Array.isArray(args) ? args.map((value) => ["", value] as const) : Object.entries(args);
  return (
    <span class="args">
      {entries.map(([name, value], index) => (
        <span key={`${index} ${name}`}>
          {index > 0 && <span class="quiet">, </span>}
          {name !== "" && <span class="quiet">{name} </span>}
          <ArgumentValue name={name} value={value} unit={unit} />
        </span>
      ))}
    </span>
  );
}

export function ResultValue({
  entrypoint,
  value,
  unit,
}: {
  entrypoint?: string;
  value: unknown;
  unit?: TokenUnit | undefined;
}) {
  const address = typeof value === "string" ? addressIn(value) : undefined;
  if (address !== undefined) return <AccountReference address={address} isWhole />;
  if (typeof value === "object" && value !== null) return <pre>{JSON.stringify(value, null, 2)}</pre>;
  if (value === null || value === undefined) return <span class="quiet">nothing</span>;
  return <span class="mono">{formatResult(entrypoint, value, unit)}</span>;
}

export function JsonText({ value }: { value: unknown }) {
  return <pre>{typeof value === "string" ? formatValue(value) : JSON.stringify(value, null, 2)}</pre>;
}

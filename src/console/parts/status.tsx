/** How a transaction ended, or how a part of the daemon is. */
export function TransactionStatus({ status }: { status: "success" | "reverted" | "halted" }) {
  return <span class={`chip ${status === "success" ? "good" : "bad"}`}>{status}</span>;
}

const GOOD = ["ok", "ready", "active", "Healthy", "done"];
const BAD = ["failed", "Critical", "gone", "migrations"];

export function toneOf(status: string): "good" | "bad" | "warn" {
  if (GOOD.includes(status)) return "good";
  return BAD.includes(status) ? "bad" : "warn";
}

export function PartStatus({ status }: { status: string }) {
  return <span class={`chip ${toneOf(status)}`}>{status}</span>;
}

/** Names of scheduled backups: `polytorus-CHAIN-TIME-SEQ.ptbackup`. Later ones sort after earlier ones. */

const NAME = /^polytorus-(\d+)-(\d{8}T\d{6}Z)-(\d{16})\.ptbackup$/;
const SEQ_DIGITS = 16;

export function backupName(chainId: number, takenAtMs: number, seq: number): string {
  const time = new Date(takenAtMs).toISOString().replace(/[-:]|\.\d+/g, "");
  return `polytorus-${chainId}-${time}-${String(seq).padStart(SEQ_DIGITS, "0")}.ptbackup`;
}

/** The seq in a name; undefined when it is no scheduled backup of this chain. */
export function seqOfBackup(name: string, chainId: number): number | undefined {
  const match = NAME.exec(name);
  return match === null || Number(match[1]) !== chainId ? undefined : Number(match[3]);
}

export function chainOfBackup(name: string): number | undefined {
  const match = NAME.exec(name);
  return match === null ? undefined : Number(match[1]);
}

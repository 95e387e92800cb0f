export interface ArtifactPaths {
  readonly folder: string;
  readonly name: string;
  readonly source: string;
  readonly wasm: string;
  readonly abi: string;
}
export function contractNames(): string[];
export function artifactPaths(contract: string): ArtifactPaths;
export function buildContract(contract: string): Promise<ArtifactPaths>;
export function compile(
  source: string,
  readText?: (path: string) => string | undefined,
): Promise<Uint8Array<ArrayBuffer>>;
export function readAbi(code: Uint8Array<ArrayBuffer>): unknown[];

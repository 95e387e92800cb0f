/**
 * Operation: one file operation that can run now (blocking) or later (on Node's thread pool).
 * Algorithms that write are generators of operations, written once and run either way: blocking where latency counts and
 * nothing else waits, on the thread pool where the thread has other work.
 *   function* writeGroup() { yield file.write(…); yield file.sync(); }
 *   runNow(writeGroup())  |  await runLater(writeGroup())
 */
export interface Operation<T = void> {
  now(): T;
  later(): Promise<T>;
}

/** An algorithm as a sequence of operations. A failed operation is thrown at its `yield`. */
export type Steps<T> = Generator<Operation<unknown>, T, unknown>;

/** One operation inside an algorithm, with the type of its result: `const file = yield* step(files.open(path))`. */
export function* step<T>(operation: Operation<T>): Steps<T> {
  return (yield operation) as T;
}

export function runNow<T>(steps: Steps<T>): T {
  let turn = steps.next();
  while (!turn.done) {
    let result: unknown;
    try {
      result = turn.value.now();
    } catch (thrown) {
      turn = steps.throw(thrown);
      continue;
    }
    turn = steps.next(result);
  }
  return turn.value;
}

export async function runLater<T>(steps: Steps<T>): Promise<T> {
  let turn = steps.next();
  while (!turn.done) {
    let result: unknown;
    try {
      result = await turn.value.later();
    } catch (thrown) {
      turn = steps.throw(thrown);
      continue;
    }
    turn = steps.next(result);
  }
  return turn.value;
}

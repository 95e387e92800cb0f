/** Entry of the executor's thread. Tests have entries of their own, with engines that misbehave. */
import { runExecutor } from "./executor.ts";

runExecutor([]);

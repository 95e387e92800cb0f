/** Series: sums by minute, hour and day over the last 60, 48 and 31 of them: what trends and anomalies are seen in. */
import { WINDOW_MS, type WindowName } from "./track.ts";

const LENGTHS: Record<WindowName, number> = { minute: 60, hour: 48, day: 31 };
const WINDOWS = Object.keys(LENGTHS) as WindowName[];
/** Values of a point, after its number. */
const FIELDS = ["executions", "failures", "gasUsed", "stateBytes", "stateKeys"] as const;
type Field = (typeof FIELDS)[number];
const WIDTH = 1 + FIELDS.length;

export type Point = { startMs: number } & Record<Field, number>;
export type Amounts = Readonly<Partial<Record<Field, number>>>;

export class Series {
  readonly #points: Record<WindowName, Float64Array>;

  constructor(record?: Partial<Record<WindowName, number[]>>) {
    const points = (name: WindowName) => {
      const values = new Float64Array(LENGTHS[name] * WIDTH);
      values.set((record?.[name] ?? []).slice(0, values.length));
      return values;
    };
    this.#points = { minute: points("minute"), hour: points("hour"), day: points("day") };
  }

  record(): Record<WindowName, number[]> {
    const { minute, hour, day } = this.#points;
    return { minute: [...minute], hour: [...hour], day: [...day] };
  }

  add(atMs: number, { executions = 0, failures = 0, gasUsed = 0, stateBytes = 0, stateKeys = 0 }: Amounts): void {
    for (const name of WINDOWS) {
      const number = Math.floor(atMs / WINDOW_MS[name]);
      const points = this.#points[name];
      const at = (number % LENGTHS[name]) * WIDTH;
      if (points[at] !== number) {
        points.fill(0, at, at + WIDTH);
        points[at] = number;
      }
      // In the order of FIELDS.
      points[at + 1]! += executions;
      points[at + 2]! += failures;
      points[at + 3]! += gasUsed;
      points[at + 4]! += stateBytes;
      points[at + 5]! += stateKeys;
    }
  }

  /** The last points up to now, oldest first, the running one last. A time in which nothing happened has zeros. */
  points(name: WindowName, nowMs: number, count = LENGTHS[name]): Point[] {
    const points = this.#points[name];
    const last = Math.floor(nowMs / WINDOW_MS[name]);
    const out: Point[] = [];
    for (let number = Math.max(0, last - Math.min(count, LENGTHS[name]) + 1); number <= last; number++) {
      const at = (number % LENGTHS[name]) * WIDTH;
      const isThere = points[at] === number;
      const point = { startMs: number * WINDOW_MS[name] } as Point;
      FIELDS.forEach((field, i) => {
        point[field] = isThere ? points[at + 1 + i]! : 0;
      });
      out.push(point);
    }
    return out;
  }
}

/** A line chart over time: uPlot in the page's own colours. Missing values are gaps. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { bytes, compact, dateTime } from "../format.ts";
import { useStore } from "../store.ts";
import { theme } from "../theme.ts";

export interface Line {
  readonly label: string;
  readonly tone: "accent" | "second" | "third" | "bad";
  readonly values: readonly (number | null)[];
  readonly isFilled?: boolean;
}

interface ChartProps {
  readonly title: string;
  /** Milliseconds. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly format?: (value: number) => string;
  /** At least so much of the past is shown. */
  readonly spanMs?: number;
  readonly height?: number;
  /** One bar a value rather than a line. */
  readonly isBars?: boolean;
}

const HEIGHT = 160;
const DAY_MS = 86_400_000;
/** Of an axis in bytes, whose text is in KiB and MiB: 1, 2, 4, … */
const BINARY_STEPS = Array.from({ length: 50 }, (_, power) => 2 ** power);

export function Chart(props: ChartProps) {
  const { title, times, lines, format = compact, spanMs, height = HEIGHT, isBars = false } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const shape = lines.map(({ label, tone }) => `${tone} ${label}`).join("\n");
  const chosenTheme = useStore(theme);
  const bars = isBars ? times.length : 0;
  const latest = useRef({ format, spanMs, bars });
  latest.current = { format, spanMs, bars };

  useEffect(() => {
    const node = box.current!;
    const colour = colourReader(node);
    const axis = { stroke: colour("quiet"), font: `11px ${getComputedStyle(node).fontFamily}`, ticks: { show: false } };
    const grid = { stroke: colour("line"), width: 1 };
    const made = new uPlot(
      {
        width: node.clientWidth,
        height,
        ms: 1,
        cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
        legend: { show: false },
        padding: [8, 28, 0, 0],
        scales: {
          x: {
            time: true,
            range: (_plot, min, max) => rangeOf(min, max, latest.current),
          },
          y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.08 : 1] },
        },
        axes: [
          { ...axis, grid: { show: false }, size: 22, space: 90, values: (_plot, ticks) => timesOf(ticks) },
          {
            ...axis,
            grid,
            size: 58,
            space: 34,
            ...(format === bytes ? { incrs: BINARY_STEPS } : {}),
            values: (_plot, ticks) => ticks.map((tick) => latest.current.format(tick)),
          },
        ],
        series: [
          {},
          ...lines.map(({ label, tone, isFilled }) => ({
            label,
            stroke: colour(tone),
            width: isBars ? 0 : 1.5,
            points: { show: !isBars, size: 4, fill: colour(tone), filter: loneValues },
            spanGaps: false,
            ...(isFilled === true || isBars ? { fill: colour(tone, isBars ? 0.75 : 0.14) } : {}),
            ...(isBars ? { paths: uPlot.paths.bars!({ size: [0.7, 24] }) } : {}),
          })),
        ],
      },
      [[], ...lines.map(() => [])],
      node,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: node.clientWidth, height }));
    observer.observe(node);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [shape, height, isBars, chosenTheme]);

  useEffect(() => {
    plot.current?.setData([
      [...times],
      ...lines.map(({ values }) => (isBars ? values.map((value) => (value === 0 ? null : value)) : [...values])),
    ]);
  }, [times, lines, shape, height, isBars, chosenTheme]);

  const last = lines.map(({ label, values }) => `${label} ${shownValue(values.at(-1), format)}`).join(", ");
  return <div class="chart" ref={box} role="img" aria-label={`${title}: ${last}`} />;
}

function shownValue(value: number | null | undefined, format: (value: number) => string): string {
  return value === null || value === undefined ? "–" : format(value);
}

/** A line needs two: a value between gaps would not be seen. */
function loneValues(plot: uPlot, series: number): number[] {
  const values = plot.data[series] ?? [];
  return Array.from(values.keys()).filter(
    (at) => values[at] != null && values[at - 1] == null && values[at + 1] == null,
  );
}

interface Shape {
  readonly spanMs: number | undefined;
  readonly bars: number;
}

/**
 * A bar stands around its time: the first and the last need room.
 * @param min null, as `max`: there is nothing to show yet, and it would be of now.
 */
function rangeOf(min: number | null, max: number | null, { spanMs = 0, bars }: Shape): [number, number] {
  if (min === null || max === null) return [Date.now() - spanMs, Date.now()];
  const room = bars > 1 ? (max - min) / (bars - 1) / 2 : 0;
  return [Math.min(min - room, max - spanMs), max + room];
}

/** Seconds where the ticks are so near, days where they are so far apart. */
function timesOf(ticks: readonly number[]): string[] {
  const step = (ticks[1] ?? 0) - (ticks[0] ?? 0);
  return ticks.map((tick) => {
    const [day, time] = dateTime(tick).split(" ") as [string, string];
    if (step >= DAY_MS / 2) return day.slice(5);
    return step < 60_000 ? time : time.slice(0, 5);
  });
}

/** Canvas knows no custom properties: the browser works them out on an element of the page. */
function colourReader(near: HTMLElement): (name: string, opacity?: number) => string {
  return (name, opacity = 1) => {
    const probe = document.createElement("i");
    probe.style.color = `color-mix(in oklab, var(--${name}) ${100 * opacity}%, transparent)`;
    near.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };
}

/** The names of a chart's lines and their newest values. */
export function Keys({ lines, format = compact }: { lines: readonly Line[]; format?: (value: number) => string }) {
  return (
    <span class="keys">
      {lines.map(({ label, tone, values }) => (
        <span key={label} class={tone}>
          <i />
          {label}{" "}
          <b>
            {shownValue(
              values.findLast((value) => value !== null),
              format,
            )}
          </b>
        </span>
      ))}
    </span>
  );
}

/** The frame around a part of a page, and the head of the page. */
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";

interface PanelProps {
  readonly title: string;
  readonly end?: ComponentChildren;
  readonly isPadded?: boolean;
  readonly children: ComponentChildren;
}

export function Panel({ title, end, isPadded = true, children }: PanelProps) {
  return (
    <section class="panel" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {end !== undefined && <div class="end">{end}</div>}
      </header>
      {isPadded ? <div class="body">{children}</div> : children}
    </section>
  );
}

interface PageHeadProps {
  readonly title: string;
  /** Stands after the title. */
  readonly sub?: ComponentChildren;
  readonly children?: ComponentChildren;
}

export function PageHead({ title, sub, children }: PageHeadProps) {
  useEffect(() => {
    document.title = `${title} · Polytorus`;
  }, [title]);
  return (
    <div class="head">
      <h1>{title}</h1>
      {sub !== undefined && <div class="sub">{sub}</div>}
      {children !== undefined && <div class="end">{children}</div>}
    </div>
  );
}

/** Name and value pairs; undefined ones are left out. */
export function Facts({ items }: { items: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {items
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => [<dt key={name}>{name}</dt>, <dd key={`${name} is`}>{value}</dd>])}
    </dl>
  );
}

export function Tile({
  name,
  value,
  unit,
  more,
}: {
  name: string;
  value: string;
  unit?: string;
  more?: ComponentChildren;
}) {
  return (
    <div class="tile">
      <div class="name">{name}</div>
      <div class="value">
        {value} {unit !== undefined && <small>{unit}</small>}
      </div>
      {more !== undefined && <div class="more">{more}</div>}
    </div>
  );
}

export function Meter({ share, label, tone = "" }: { share: number; label: string; tone?: "" | "warn" | "bad" }) {
  const percent = Math.round(100 * Math.min(1, Math.max(0, share)));
  return (
    <div class="meter" role="img" aria-label={`${label}: ${percent} %`}>
      <div class={tone} style={{ width: `${percent}%` }} />
    </div>
  );
}

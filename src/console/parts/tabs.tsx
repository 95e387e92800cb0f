/** The parts of a page that has several; each has an address of its own. */
import { useEffect, useRef } from "preact/hooks";

export function Tabs({ tabs, current }: { tabs: readonly (readonly [name: string, to: string])[]; current: string }) {
  const strip = useCurrentInView<HTMLElement>(current);
  return (
    <nav class="tabs" aria-label="parts of this page" ref={strip}>
      {tabs.map(([name, to]) => (
        <a key={name} href={to} aria-current={name === current ? "page" : undefined}>
          {name}
        </a>
      ))}
    </nav>
  );
}

/** For a row of links that is wider than a phone: it is scrolled to where one sees which of them is the current one. */
export function useCurrentInView<T extends HTMLElement>(current: string) {
  const strip = useRef<T>(null);
  useEffect(() => {
    const row = strip.current;
    const link = row?.querySelector("[aria-current]")?.getBoundingClientRect();
    if (row == null || link === undefined) return;
    const { left, width } = row.getBoundingClientRect();
    row.scrollLeft += link.left + link.width / 2 - (left + width / 2);
  }, [current]);
  return strip;
}

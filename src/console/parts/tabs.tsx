/** The parts of a page that has several; each has an address of its own. */
export function Tabs({ tabs, current }: { tabs: readonly (readonly [name: string, to: string])[]; current: string }) {
  return (
    <nav class="tabs" aria-label="parts of this page">
      {tabs.map(([name, to]) => (
        <a key={name} href={to} aria-current={name === current ? "page" : undefined}>
          {name}
        </a>
      ))}
    </nav>
  );
}

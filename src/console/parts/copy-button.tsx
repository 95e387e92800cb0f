/** Copies a text, and says so to whoever can't see the mark change. */
import { useState } from "preact/hooks";

const SHOWN_MS = 1_200;

export function CopyButton({ text, what }: { text: string; what: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Plain HTTP under a name that is not this machine's has no clipboard.
      selectAndCopy(text);
    }
    setCopied(true);
    setTimeout(() => setCopied(false), SHOWN_MS);
  };
  return (
    <button type="button" class="bare copy" aria-label={`copy ${what}`} title={`copy ${what}`} onClick={copy}>
      {isCopied ? (
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M2.500 8.500 6.500 12.500 13.500 4" fill="none" stroke="currentColor" stroke-width="2" />
        </svg>
      ) : (
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path
            d="M5.500 5.500h8v8h-8zM10.500 5.500v-3h-8v8h3"
            fill="none"
            stroke="currentColor"
            stroke-width="1.600"
          />
        </svg>
      )}
      <span class="unseen" aria-live="polite">
        {isCopied ? "copied" : ""}
      </span>
    </button>
  );
}

function selectAndCopy(text: string): void {
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

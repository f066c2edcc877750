import { useEffect, useState } from 'react';

const CONFIRM_MS = 1_500;

interface CopyButtonProps {
  text: string;
  /** Ends the sentence “Copy …” for those who hear the page. */
  what: string;
}

export function CopyButton({ text, what }: CopyButtonProps) {
  const [result, setResult] = useState<'copied' | 'failed'>();

  useEffect(() => {
    if (!result) return undefined;
    const timer = setTimeout(() => setResult(undefined), CONFIRM_MS);
    return () => clearTimeout(timer);
  }, [result]);

  // Browsers give pages a clipboard on https and on loopback only.
  if (!('clipboard' in navigator)) return null;

  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => setResult('copied'),
      () => setResult('failed'),
    );
  };
  const words = result === undefined ? 'Copy' : result === 'copied' ? 'Copied' : 'Not copied';
  return (
    <button type="button" className="button small" onClick={copy} aria-label={`Copy ${what}`}>
      <span aria-live="polite">{words}</span>
    </button>
  );
}

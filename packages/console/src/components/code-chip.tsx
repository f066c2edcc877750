export function CodeChip({ code }: { code: string }) {
  return (
    <code className="chip" data-tone={code === 'duplicate' ? 'warn' : 'bad'}>
      {code}
    </code>
  );
}

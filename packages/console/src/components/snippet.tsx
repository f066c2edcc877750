import { CopyButton } from './copy-button.tsx';

interface SnippetProps {
  title: string;
  text: string;
}

export function Snippet({ title, text }: SnippetProps) {
  return (
    <figure className="snippet">
      <figcaption>
        {title} <CopyButton text={text} what={title} />
      </figcaption>
      <pre>
        <code>{text}</code>
      </pre>
    </figure>
  );
}
